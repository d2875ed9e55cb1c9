"""Files that only have drivers of several ranks, told from their text.

Such a file makes its inputs, many GiB for some, before it calls the harness, which refuses it; the
text says so at once.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from npusim.compat.errors import multi_device

_ENTRIES = ("run", "run_jit")
_QUALIFIED = tuple(f"golden.{name}" for name in _ENTRIES)
_HOST = "jit.host"


def check_single_device(path: Path) -> None:
    """Refuse a file whose every harness call names a ``pl.jit.host`` function of that file.

    A call that names anything else is left to the harness, which knows what it is given.

    Raises:
        MultiDeviceError: If no call could run on one device.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return  # Python says it better when it runs the file
    nodes = list(ast.walk(tree))
    entries = [_entry_of(node) for node in nodes if _is_harness_call(node)]
    hosts, values = set(_host_functions(nodes)), _assigned_values(nodes)
    drivers = [_host_behind(name, hosts, values) for name in entries]
    if drivers and None not in drivers:
        raise multi_device(f"{drivers[0]} is a pl.jit.host function")


def _is_harness_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and (
        (isinstance(node.func, ast.Name) and node.func.id in _ENTRIES)
        or (isinstance(node.func, ast.Attribute) and ast.unparse(node.func) in _QUALIFIED)
    )


def _entry_of(node: ast.AST) -> str | None:
    """The name of the kernel that a harness call gets, if it is a plain name."""
    assert isinstance(node, ast.Call), "the caller looks for calls"
    given = [item.value for item in node.keywords if item.arg in {"fn", "program"}]
    first = next(iter(given or node.args), None)
    return first.id if isinstance(first, ast.Name) else None


def _host_functions(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                function = decorator.func if isinstance(decorator, ast.Call) else decorator
                if ast.unparse(function).endswith(_HOST):
                    yield node.name


def _assigned_values(nodes: list[ast.AST]) -> dict[str, list[str | None]]:
    """Per variable the names that it is assigned, ``None`` for any other value or binding."""
    values: dict[str, list[str | None]] = {}
    plain = set()
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, []).append(node.value.id)
                    plain.add(target)
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in plain:
            values.setdefault(node.id, []).append(None)
    return values


def _host_behind(
    name: str | None, hosts: set[str], values: dict[str, list[str | None]]
) -> str | None:
    """The host function ``name``, or the first that a variable which is never else stands for."""
    if name is None or name not in values:
        return name if name in hosts else None
    assigned = values[name]
    return assigned[0] if all(one in hosts and one not in values for one in assigned) else None

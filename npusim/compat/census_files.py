"""Which files of a checkout can run by themselves."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from npusim.errors import UsageError

_FOLDERS = ("models", "examples")
_ENTRIES = ("run", "run_jit")
_HARNESSES = ("golden", "pypto.runtime")


@dataclass(frozen=True, slots=True)
class KernelFile:
    """A self-runnable kernel file."""

    path: Path
    name: str
    """Path within the checkout, with forward slashes."""
    sha256: str
    """Of its content: the same text is not tried twice."""


def find_kernel_files(directory: Path) -> list[KernelFile]:
    """The files under ``models/`` and ``examples/`` with a ``__main__`` that calls the harness.

    Args:
        directory: A checkout of pypto-lib, or any directory with one of these folders.

    Raises:
        UsageError: If there is no such folder or no such file in it.
    """
    folders = [directory / name for name in _FOLDERS if (directory / name).is_dir()]
    files = [
        KernelFile(path, path.relative_to(directory).as_posix(), _digest(path))
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        if _is_self_runnable(path)
    ]
    if not files:
        msg = (
            f"{directory}: no self-runnable kernel file; expected a checkout of pypto-lib, with "
            "models/ or examples/"
        )
        raise UsageError(msg)
    return files


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_self_runnable(path: Path) -> bool:
    try:
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
    except (SyntaxError, UnicodeDecodeError):
        return False
    nodes = list(ast.walk(tree))
    return (
        "__main__" in source
        and any(_imports_harness(node) for node in nodes)
        and any(name in _ENTRIES for name in _called_names(nodes))
    )


def _imports_harness(node: ast.AST) -> bool:
    """True for ``import golden`` and ``from golden import run``, anywhere in a file."""
    if isinstance(node, ast.ImportFrom):
        return node.module in _HARNESSES and any(item.name in _ENTRIES for item in node.names)
    return isinstance(node, ast.Import) and any(item.name in _HARNESSES for item in node.names)


def _called_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id
            elif isinstance(node.func, ast.Attribute):
                yield node.func.attr

"""Who may import whom: the table of DESIGN.md section 3, as data."""

import ast
from pathlib import Path

import pytest

import npusim

PACKAGE = Path(npusim.__file__).parent

FOR_ALL = frozenset({"errors", "units", "archive"})
ABOVE = "all above"
LAYERS: dict[str, frozenset[str] | str] = {
    "errors": frozenset(),
    "units": frozenset(),
    "archive": frozenset({"errors", "units"}),
    "hardware": frozenset(),
    "program": frozenset(),
    "trace": frozenset(),
    "language": frozenset({"program"}),
    "golden": frozenset({"program"}),
    "dependencies": frozenset({"program", "trace"}),  # the source of an edge is a trace's word
    "cost": frozenset({"hardware", "program"}),
    "simulator": frozenset({"hardware", "program", "cost", "trace", "dependencies"}),
    "formats": frozenset({"trace", "program"}),
    "analysis": frozenset({"trace"}),
    "plotting": frozenset({"trace", "analysis"}),
    "replay": ABOVE,  # a capture scheduled anew; behind `npusim replay`
    # The document lists api last, but compat runs and stores kernels through it, as tuning would.
    "api": ABOVE,
    "experiments": ABOVE,  # what if, advice; asks through api what belongs to a run
    "tuning": ABOVE,
    "compat": ABOVE,
    "validation": ABOVE,  # behind `npusim validate`
    "cli": ABOVE,
    "__init__": ABOVE,
    "__main__": ABOVE,
}
"""Package -> packages of npusim it may import, besides itself and ``FOR_ALL``; in the order of the
table, for ``ABOVE``."""

ONLY_IN = {
    "simpy": {"simulator"},
    "matplotlib": {"plotting"},
    "bokeh": {"plotting"},
}
"""Libraries that belong to one package."""


def layer_of(path: Path, package: Path) -> str:
    return path.relative_to(package).parts[0].removesuffix(".py")


def imported_modules(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and dotted name of every import, also those inside functions."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            if base == "npusim":
                found += [(node.lineno, f"npusim.{alias.name}") for alias in node.names]
            else:
                found.append((node.lineno, base))
    return found


def allowed_layers(layer: str) -> frozenset[str]:
    rule = LAYERS[layer]
    if isinstance(rule, str):
        order = list(LAYERS)
        rule = frozenset(order[: order.index(layer)])
    return rule | {layer} if layer in FOR_ALL else rule | FOR_ALL | {layer}


def violations(package: Path) -> list[str]:
    """``file:line: analysis may not import simulator``, for every file below ``package``."""
    found = []
    for path in sorted(package.rglob("*.py")):
        layer = layer_of(path, package)
        name = path.relative_to(package.parent).as_posix()
        if layer not in LAYERS:
            found.append(f"{name}:1: {layer} is not in the table of layers")
            continue
        for line, module in imported_modules(ast.parse(path.read_text(encoding="utf-8"))):
            found += [f"{name}:{line}: {text}" for text in complaints(layer, module)]
    return found


def complaints(layer: str, module: str) -> list[str]:
    """What is wrong with ``layer`` importing ``module``."""
    if module.startswith("."):
        return [f"{layer} may not import relatively ({module})"]
    head, _, rest = module.partition(".")
    if head == "npusim":
        target = rest.partition(".")[0]
        if target in LAYERS and target not in allowed_layers(layer):
            return [f"{layer} may not import {target}"]
    owners = ONLY_IN.get(head)
    if owners is not None and layer not in owners:
        return [f"{layer} may not import {head}"]
    return []


def test_imports_follow_the_layers():
    found = violations(PACKAGE)
    assert not found, "\n".join(found)


def test_every_layer_of_the_package_is_in_the_table():
    present = {layer_of(path, PACKAGE) for path in PACKAGE.rglob("*.py")}
    assert present <= set(LAYERS)


def test_the_table_has_no_cycle():
    reach = {layer: set(allowed_layers(layer)) - {layer} for layer in LAYERS}
    for _ in reach:
        for layer, targets in reach.items():
            targets |= {far for near in targets for far in reach[near]}
            assert layer not in targets


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("analysis/a.py", "from npusim.simulator import simulate", "may not import simulator"),
        ("analysis/a.py", "import npusim.simulator.engine", "may not import simulator"),
        ("analysis/a.py", "from npusim import simulator", "may not import simulator"),
        ("analysis/a.py", "import matplotlib.pyplot as plt", "may not import matplotlib"),
        ("language/a.py", "def f():\n    import simpy", "may not import simpy"),
        ("trace/a.py", "from . import model", "may not import relatively (.)"),
        ("program/a.py", "from npusim.cli import main", "may not import cli"),
        ("api/a.py", "from npusim.cli import main", "may not import cli"),
        ("cli/a.py", "import bokeh", "may not import bokeh"),
    ],
)
def test_violations_are_named(tmp_path, file, source, complaint):
    """The twin: a forbidden import anywhere is found, with its file and line."""
    path = tmp_path / "npusim" / file
    path.parent.mkdir(parents=True)
    path.write_text(f'"""A file."""\n\n{source}\n', encoding="utf-8")
    line = 2 + len(source.splitlines())
    assert violations(tmp_path / "npusim") == [
        f"npusim/{file}:{line}: {file.partition('/')[0]} {complaint}"
    ]


def test_allowed_imports_are_silent(tmp_path):
    path = tmp_path / "npusim" / "simulator" / "a.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import simpy\nfrom npusim.cost import x\nfrom npusim.errors import NpuSimError\n"
        "from npusim.simulator.engine import y\nfrom npusim import __version__\n",
        encoding="utf-8",
    )
    assert violations(tmp_path / "npusim") == []


def test_unknown_package_is_reported(tmp_path):
    path = tmp_path / "npusim" / "utils" / "a.py"
    path.parent.mkdir(parents=True)
    path.write_text("", encoding="utf-8")
    assert violations(tmp_path / "npusim") == [
        "npusim/utils/a.py:1: utils is not in the table of layers"
    ]

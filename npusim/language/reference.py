"""The op reference page, made from the op table and the docstrings.

``python -m npusim.language.reference > docs/ops.md`` writes it; a test compares the two.
"""

import inspect
import sys
from collections.abc import Iterable

from npusim.language import namespaces
from npusim.language.table import OpRow, op_rows

_HEAD = """# Operations of the kernel language

Made by `python -m npusim.language.reference > docs/ops.md`; do not edit by hand. The semantics are
those of DSL_REFERENCE.md, section 5. Every operation is `pl.name`, `pl.tile.name` and
`pl.tensor.name` at once.
"""
_CALLS_HEAD = """## Calls

Shapes are in elements; `(..., M, N)` has any number of leading axes.
"""
_ROWS_HEAD = """## What a recording holds

One row per recorded operation: the unit that executes it, the key of its cost formula in the chip
description, and where a device may give other values than numpy does here.
"""


def reference_page() -> str:
    """The page as Markdown."""
    calls = _table(("call", "what it does", "shapes"), map(_call, sorted(_operations().items())))
    rows = _table(
        ("op", "unit", "cost key", "what it does", "a device may differ"),
        map(_row, sorted(op_rows(), key=lambda row: row.kind.name)),
    )
    return "\n".join((_HEAD, _CALLS_HEAD, calls, _ROWS_HEAD, rows))


def _operations() -> dict[str, object]:
    """The operations by name, each once: scalar forms under their own names are left out."""
    seen: dict[int, str] = {}
    for name, function in namespaces.OPERATIONS.items():
        seen.setdefault(id(function), name)
    return {name: namespaces.OPERATIONS[name] for name in seen.values()}


def _call(item: tuple[str, object]) -> tuple[str, ...]:
    name, function = item
    assert callable(function), "operations are functions"
    parameters = ", ".join(inspect.signature(function).parameters)
    text = inspect.getdoc(function) or ""
    summary = text.split("\n\n")[0].replace("\n", " ")
    return f"`pl.{name}({parameters})`", summary, _shapes(text)


def _shapes(text: str) -> str:
    """The paragraph of a docstring that gives the shapes."""
    found = [part for part in text.split("\n\n") if part.startswith("Shapes:")]
    return found[0].removeprefix("Shapes:").replace("\n", " ").strip() if found else ""


def _row(row: OpRow) -> tuple[str, ...]:
    kind = row.kind
    return f"`{kind.name}`", kind.unit.value, kind.cost_key, row.summary, row.differs


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


if __name__ == "__main__":
    sys.stdout.write(reference_page())

"""The op table: one row per operation, filled where the operation is defined.

A row is the definition: name, unit, cost key, and the numpy function below it. The op reference
page and the op tests are generated from it; a Program carries the rows it needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from npusim.program import OpKind, Unit


@dataclass(frozen=True, slots=True)
class OpRow:
    """One operation of the table."""

    index: int
    kind: OpKind
    summary: str
    """First line of the docstring, for the reference page."""
    function: Callable[..., Any] | None
    """The numpy semantics; ``None`` for transfers and scalar accesses."""
    differs: str = ""
    """Where a device may give other values than numpy; empty where it may not."""


_ROWS: list[OpRow] = []
_BY_NAME: dict[str, OpRow] = {}


def add_row(
    name: str,
    unit: Unit,
    cost_key: str = "",
    *,
    summary: str,
    function: Callable[..., Any] | None = None,
    counts_input: bool = False,
    differs: str = "",
) -> int:
    """Add an operation to the table and return its index, which recordings store."""
    if name in _BY_NAME:
        msg = f"op {name} is already in the table"
        raise ValueError(msg)
    kind = OpKind(name=name, unit=unit, cost_key=cost_key, counts_input=counts_input)
    row = OpRow(len(_ROWS), kind, summary, function, differs)
    _ROWS.append(row)
    _BY_NAME[name] = row
    return row.index


def op_rows() -> tuple[OpRow, ...]:
    """All operations, in order of index."""
    return tuple(_ROWS)


def op_row(name: str) -> OpRow:
    """The row of operation ``name``.

    Raises:
        KeyError: If there is no such operation.
    """
    return _BY_NAME[name]


LOAD = add_row("load", Unit.MOVE, summary="Copy a region of global memory into a tile.")
STORE = add_row("store", Unit.MOVE, summary="Copy a tile to a region of global memory.")
CUBE_TO_VECTOR = add_row("cube_to_vector", Unit.MOVE, summary="Hand an L0C tile to the AIV.")
VECTOR_TO_CUBE = add_row("vector_to_cube", Unit.MOVE, summary="Hand a UB tile to the AIC.")
ACC_TO_L1 = add_row("acc_to_l1", Unit.MOVE, summary="Drain an L0C tile to L1.")
SCALAR_READ = add_row("scalar_read", Unit.SCALAR, summary="Read elements of global memory.")
SCALAR_WRITE = add_row("scalar_write", Unit.SCALAR, summary="Write an element of global memory.")

"""Cost of the vector unit."""

from math import ceil
from typing import NamedTuple

from npusim.errors import HardwareSpecError
from npusim.hardware.spec import VectorSpec

_HALF_BYTES = 2


class VectorCost(NamedTuple):
    """Cycles of one vector operation.

    ``busy_cycles`` occupies the V pipe. ``fixed_cycles`` more pass before the result can be used:
    hidden behind the next operation if that is independent, exposed if it needs the result.
    """

    busy_cycles: float
    fixed_cycles: float


def vector_cost(
    cost_key: str, rows: int, cols: int, elem_bytes: int, vector: VectorSpec
) -> VectorCost:
    """Cycles of one vector operation over a (rows, cols) operand.

    Shapes: the counted operand (rows, cols): the result, or the input of a reduction.
    Model: busy = ``slope * r + rows * (per_row + per_row_repeat * R + per_row_partial)``, fixed =
        ``fixed + fixed_per_repeat * R``, with r repeats in the whole operand and R in one row.
        In classes that are row-wise, rows of less than a repeat take one each, r = rows, unless a
        row is shorter than a block: such an operand, a column, lies densely. ``per_row_partial``
        counts where R > 1 and the row ends within a repeat. An operand
        that is not a whole number of repeats adds ``partial_repeat_cycles`` to the fixed part of
        the classes that have a slope (count mode). Some classes have a slope of their own for
        operands of at most two bytes.
    Source: hardware figures vector.{repeat_bytes, block_bytes, partial_repeat_cycles} and
        vector.classes.<cost_key>; HARDWARE.md section 4.4.
    Valid for: tiles that lie densely in UB, without bank conflicts.

    Args:
        cost_key: The class of the operation, from the op table.
        rows: Rows of the counted operand, in elements.
        cols: Columns of the counted operand, in elements.
        elem_bytes: Bytes of one element of the widest operand: a repeat holds as many as fit.
        vector: The vector figures of the chip.

    Returns:
        The busy and the fixed part.

    Raises:
        HardwareSpecError: If the chip has no class of that name.
    """
    figures = vector.classes.get(cost_key)
    if figures is None:
        msg = (
            f"vector.classes: no class {cost_key!r}; expected one of "
            f"{', '.join(sorted(vector.classes))}; add it to the chip description"
        )
        raise HardwareSpecError(msg)
    operand_bytes = rows * cols * elem_bytes
    row_bytes = cols * elem_bytes
    row_repeats = ceil(row_bytes / vector.repeat_bytes)
    is_narrow = vector.block_bytes <= row_bytes < vector.repeat_bytes
    repeats = (
        rows if figures.is_row_wise and is_narrow else ceil(operand_bytes / vector.repeat_bytes)
    )
    half = figures.half_slope_cycles_per_repeat
    slope = half if half and elem_bytes <= _HALF_BYTES else figures.slope_cycles_per_repeat
    row_cycles = figures.per_row_cycles + figures.per_row_repeat_cycles * row_repeats
    if row_repeats > 1 and row_bytes % vector.repeat_bytes:
        row_cycles += figures.per_row_partial_cycles
    busy = slope * repeats + rows * row_cycles
    fixed = figures.fixed_cycles + figures.fixed_per_repeat_cycles * row_repeats
    if slope and operand_bytes % vector.repeat_bytes:
        fixed += vector.partial_repeat_cycles
    return VectorCost(busy, fixed)

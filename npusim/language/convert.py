"""``pl.cast`` and scalar constants (DSL_REFERENCE.md section 5.4)."""

import math
from typing import Any, overload

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.compute import Operand, as_tile, finish
from npusim.language.dtypes import BOOL, ROUND_MODES, DType, round_to
from npusim.language.recorder import current, current_block
from npusim.language.values import Tensor, Tile
from npusim.program import Unit

_CAST = table.add_row(
    "cast",
    Unit.VECTOR,
    "cast",
    summary="Conversion to another type.",
    function=round_to,
    differs="Some pairs of types take a chain of instructions, which rounds at every link.",
)


@overload
def cast(x: Tile | Tensor, target_type: DType, mode: str = ...) -> Tile: ...
@overload
def cast(x: float, target_type: DType, mode: str = ...) -> Any: ...
def cast(x: Operand, target_type: DType, mode: str = "round") -> Any:
    """Conversion of a tile or a Python number to ``target_type``.

    Shapes: x (M, N) → (M, N). ``mode``: none, rint (ties to even), round (ties away from zero),
    floor, ceil, trunc, odd. Narrowing to integers saturates.

    Raises:
        KernelError: If the type or the mode is unknown.
    """
    if not isinstance(target_type, DType) or mode not in ROUND_MODES:
        msg = (
            f"{current().where()}: pl.cast to {target_type!r} with mode {mode!r}; expected a type "
            f"such as pl.BF16 and one of {', '.join(ROUND_MODES)}"
        )
        raise KernelError(msg)
    if isinstance(x, Tile | Tensor):
        block = current_block("cast")
        tile = as_tile(block, x, "cast")
        result = round_to(tile.array, target_type, mode)
        return finish(block, _CAST, result, target_type, (tile,), valid=tile.valid)
    return const(x, target_type)


def const(value: float, dtype: DType) -> Any:
    """A Python number rounded to ``dtype``; float to integer truncates like C.

    Raises:
        KernelError: If an integer type is asked for NaN or infinity.
    """
    if dtype.is_float:
        return float(dtype.numpy.type(value))
    if not math.isfinite(value):
        msg = f"pl.const of {value} as {dtype}; expected a finite number"
        raise KernelError(msg)
    return bool(value) if dtype is BOOL else math.trunc(value)

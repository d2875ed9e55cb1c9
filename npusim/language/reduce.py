"""Reductions. Only the valid part of the reduced axis takes part (DSL_REFERENCE.md section 5.3).

The result is valid throughout, as the compiler types it: a row (or column) beyond the valid region
reduces what the tile holds there, zeros after a load. An empty region gives the neutral value: 0,
or the finite limit of the type, as a tile padded with ``fillpad`` would.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from npusim.language import table
from npusim.language.compute import NumpyFunction, Operand, as_tile, finish, in_type
from npusim.language.dtypes import INT32, Array, DType, largest, lowest, to_compute
from npusim.language.recorder import current_block
from npusim.language.values import Shape, Tile
from npusim.program import Unit


def _sum(x: Array, axis: int, keepdims: bool) -> Array:
    """In the type of ``x``: numpy would widen integers, the vector unit wraps."""
    total: Array = np.sum(x, axis=axis, keepdims=keepdims, dtype=x.dtype)
    return total


def _argmax(x: Array, axis: int, keepdims: bool) -> Array:
    columns: Array = np.argmax(x, axis=axis, keepdims=keepdims).astype(np.int32)
    return columns


def _zero(_: DType) -> int:
    return 0


def _define(
    name: str,
    function: NumpyFunction,
    axis: int,
    words: str,
    *,
    neutral: Callable[[DType], Any],
    out_dtype: DType | None = None,
) -> Callable[..., Tile]:
    kind = table.add_row(
        name, Unit.VECTOR, name, summary=words, function=function, counts_input=True
    )
    out_shape = "(M, 1)" if axis == -1 else "(1, N)"

    def operation(x: Operand, tmp: object = None) -> Tile:
        del tmp  # scratch tile of the device form
        block = current_block(name)
        tile = as_tile(block, x, name)
        values = to_compute(tile.array)
        if tile.valid is not None:
            values = values[_valid_along(tile.valid, axis, values.ndim)]
        dtype = out_dtype or tile.dtype
        if values.shape[axis]:
            result = in_type(function(values, axis=axis, keepdims=True), dtype)
        else:
            shape = _with_extent(values.shape, axis, 1)
            result = np.full(shape, neutral(dtype), dtype.numpy)
        return finish(block, kind, result, dtype, (tile,), counted=tile.shape)

    operation.__name__ = operation.__qualname__ = name
    operation.__doc__ = f"{words}\n\nShapes: x (M, N) → {out_shape}.\n"
    return operation


def _valid_along(valid: Shape, axis: int, ndim: int) -> tuple[slice, ...]:
    """Cut the reduced axis to its valid length; the others keep their extent."""
    cut = [slice(None)] * ndim
    cut[axis] = slice(0, valid[axis])
    return tuple(cut)


def _with_extent(shape: Shape, axis: int, extent: int) -> Shape:
    changed = list(shape)
    changed[axis] = extent
    return tuple(changed)


row_sum = _define("row_sum", _sum, -1, "Sum of each row.", neutral=_zero)
row_max = _define("row_max", np.max, -1, "Largest value of each row.", neutral=lowest)
row_min = _define("row_min", np.min, -1, "Smallest value of each row.", neutral=largest)
row_argmax = _define(
    "row_argmax",
    _argmax,
    -1,
    "Column of the first largest value of each row.",
    neutral=_zero,
    out_dtype=INT32,
)
col_sum = _define("col_sum", _sum, -2, "Sum of each column.", neutral=_zero)
col_max = _define("col_max", np.max, -2, "Largest value of each column.", neutral=lowest)
col_min = _define("col_min", np.min, -2, "Smallest value of each column.", neutral=largest)

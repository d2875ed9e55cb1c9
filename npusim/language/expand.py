"""Broadcasts of a column vector along rows and of a row vector along columns (section 5.3)."""

from collections.abc import Callable

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.compute import NumpyFunction, Operand, as_tile, broadcast, finish, in_type
from npusim.language.dtypes import Array, promote, to_compute
from npusim.language.recorder import current_block
from npusim.language.values import Shape, Tile, TileRegion
from npusim.program import Unit


def _expdif(x: Array, vector: Array) -> Array:
    return np.exp(np.subtract(x, vector))


def _define(
    axis_name: str, name: str, cost_key: str, function: NumpyFunction, words: str
) -> Callable[[Operand, Operand], Tile]:
    is_row = axis_name == "row"
    full_name = f"{axis_name}_expand_{name}"
    vector_shape = "(M, 1)" if is_row else "(1, N)"
    summary = f"{words} with v broadcast along {'columns' if is_row else 'rows'}."
    kind = table.add_row(full_name, Unit.VECTOR, cost_key, summary=summary, function=function)

    def operation(x: Operand, vector: Operand) -> Tile:
        block = current_block(full_name)
        tile, factor = as_tile(block, x, full_name), as_tile(block, vector, full_name)
        expected = (*tile.shape[:-1], 1) if is_row else (*tile.shape[:-2], 1, tile.shape[-1])
        if factor.shape[-2:] != expected[-2:]:
            msg = (
                f"{block.recorder.where()}: pl.{full_name} of x {list(tile.shape)} and "
                f"v {list(factor.shape)}; expected v {list(expected)}"
            )
            raise KernelError(msg)
        result = broadcast(block, kind, full_name, function, tile, factor)
        result.valid = _tile_region(tile)
        return result

    operation.__name__ = operation.__qualname__ = full_name
    operation.__doc__ = f"{summary}\n\nShapes: x (M, N), v {vector_shape} → (M, N).\n"
    return operation


row_expand_add = _define("row", "add", "row_expand_binary", np.add, "x + v")
row_expand_sub = _define("row", "sub", "row_expand_binary", np.subtract, "x - v")
row_expand_mul = _define("row", "mul", "row_expand_binary", np.multiply, "x * v")
row_expand_div = _define("row", "div", "row_expand_div", np.divide, "x / v")
row_expand_expdif = _define("row", "expdif", "row_expand_expdif", _expdif, "exp(x - v)")
col_expand_add = _define("col", "add", "col_expand_binary", np.add, "x + v")
col_expand_sub = _define("col", "sub", "col_expand_binary", np.subtract, "x - v")
col_expand_mul = _define("col", "mul", "col_expand_binary", np.multiply, "x * v")
col_expand_div = _define("col", "div", "col_expand_div", np.divide, "x / v")
col_expand_expdif = _define("col", "expdif", "col_expand_expdif", _expdif, "exp(x - v)")

_ROW_EXPAND = table.add_row(
    "row_expand", Unit.VECTOR, "row_expand", summary="A column vector repeated along columns."
)
_COL_EXPAND = table.add_row(
    "col_expand", Unit.VECTOR, "copy", summary="A row vector repeated along rows."
)


def _expand(name: str, kind: int, target: Operand, vector: Operand) -> Tile:
    block = current_block(name)
    shape_of, source = as_tile(block, target, name), as_tile(block, vector, name)
    dtype = promote(shape_of.dtype, source.dtype)
    try:
        values = np.broadcast_to(to_compute(source.array), shape_of.shape)
    except ValueError as error:
        msg = (
            f"{block.recorder.where()}: pl.{name} of {list(source.shape)} to "
            f"{list(shape_of.shape)}; expected a vector that broadcasts to it"
        )
        raise KernelError(msg) from error
    valid = _tile_region(shape_of)
    return finish(block, kind, in_type(values.copy(), dtype), dtype, (source,), valid=valid)


def _tile_region(tile: Tile) -> Shape | None:
    """The region that an expand operation keeps of its first operand."""
    return tile.valid if isinstance(tile.valid, TileRegion) else None


def row_expand(target: Operand, vector: Operand) -> Tile:
    """A column vector repeated along columns; the values of ``target`` are ignored.

    Shapes: target (M, N), vector (M, 1) → (M, N).
    """
    return _expand("row_expand", _ROW_EXPAND, target, vector)


def col_expand(target: Operand, vector: Operand) -> Tile:
    """A row vector repeated along rows; the values of ``target`` are ignored.

    Shapes: target (M, N), vector (1, N) → (M, N).
    """
    return _expand("col_expand", _COL_EXPAND, target, vector)

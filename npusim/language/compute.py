"""How a vector operation runs: operands in, numpy function, result tile, one recorded row."""

from collections.abc import Callable
from typing import Any

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.block import Block
from npusim.language.dtypes import Array, DType, promote, round_to, to_compute
from npusim.language.recorder import current_block
from npusim.language.values import Shape, Tensor, Tile, rows_and_cols
from npusim.program import NO_INDEX, AccessMode, Space, Unit

Operand = Tile | Tensor | float
NumpyFunction = Callable[..., Array]
_NUMBERS = (int, float, np.generic)
_INTEGERS = (int, np.integer)


def as_tile(block: Block, value: Operand, operation: str) -> Tile:
    """``value`` as a tile; a whole tensor is loaded at every use (DSL_REFERENCE.md section 1.3).

    Raises:
        KernelError: If ``value`` is not a tile or a tensor.
    """
    if isinstance(value, Tile):
        return value
    if isinstance(value, Tensor):
        return load_region(block, value, value.array, value.offset, value.shape)
    msg = (
        f"{block.recorder.where()}: pl.{operation} got {type(value).__name__} {value!r}; "
        "expected a tile or a tensor"
    )
    raise KernelError(msg)


def load_region(
    block: Block,
    tensor: Tensor,
    region: Array,
    offset: int,
    shape: Shape,
    space: Space = Space.UNRESOLVED,
) -> Tile:
    """Load ``region`` of ``tensor`` (a numpy view at ``offset``) into a fresh tile: a snapshot."""
    site = block.recorder.site()
    access = block.access(tensor, AccessMode.READ, offset, shape)
    tile = block.new_tile(region.copy(), tensor.dtype, space, site)
    tile.storage.load_access = access
    tiles = (tile.storage.tile_id, NO_INDEX, NO_INDEX, NO_INDEX)
    counted = (*rows_and_cols(shape), 0)
    block.emit(table.LOAD, (tensor.dtype, tensor.dtype), counted, tiles, access, site)
    return tile


def finish(
    block: Block,
    kind: int,
    result: Array,
    out_dtype: DType,
    operands: tuple[Tile, ...],
    *,
    valid: Shape | None = None,
    counted: Shape | None = None,
    dtype: DType | None = None,
) -> Tile:
    """Make the result tile of a vector operation and record the row.

    Args:
        block: The block that runs.
        kind: Index in the op table.
        result: The values, already in ``out_dtype``.
        out_dtype: Type of the result.
        operands: Tiles read, in order; at most three.
        valid: Valid region of the result.
        counted: Shape that counts as work; the result's unless the op counts its input.
        dtype: Type computed in; that of the first operand unless given.
    """
    ids = [block.operand(tile, Space.UB, position) for position, tile in enumerate(operands)]
    site = block.recorder.site()
    tile = block.new_tile(result, out_dtype, Space.UB, site)
    tile.valid = valid
    ids += [NO_INDEX] * (3 - len(ids))
    compute = dtype or (operands[0].dtype if operands else out_dtype)
    shape = (*rows_and_cols(counted or result.shape), 0)
    tiles = (tile.storage.tile_id, ids[0], ids[1], ids[2])
    block.emit(kind, (compute, out_dtype), shape, tiles, site=site)
    return tile


def unary_op(
    name: str, cost_key: str, *, differs: str = ""
) -> Callable[[NumpyFunction], Callable[..., Tile]]:
    """Define ``pl.name(x)`` from a numpy function of one array; the valid region is kept.

    The scratch tile ``tmp`` of the device form and ``high_precision`` change nothing: numpy is
    exact to rounding either way.
    """

    def define(function: NumpyFunction) -> Callable[..., Tile]:
        kind = table.add_row(
            name,
            Unit.VECTOR,
            cost_key,
            summary=_summary(function),
            function=function,
            differs=differs,
        )

        def operation(x: Operand, tmp: object = None, *, high_precision: bool = False) -> Tile:
            block = current_block(name)
            tile = as_tile(block, x, name)
            result = in_type(function(to_compute(tile.array)), tile.dtype)
            return finish(block, kind, result, tile.dtype, (tile,), valid=tile.valid)

        _name_after(operation, function)
        return operation

    return define


def binary_op(
    name: str, cost_key: str, *, scalar_cost_key: str = "scalar_operand", differs: str = ""
) -> Callable[[NumpyFunction], Callable[..., Any]]:
    """Define ``pl.name(x, y)``; with a Python number it is the scalar form ``names`` of the ISA.

    Of two numbers it is arithmetic of the scalar unit, within scopes and outside: a number.
    """

    def define(function: NumpyFunction) -> Callable[..., Any]:
        summary = _summary(function)
        kind = table.add_row(
            name, Unit.VECTOR, cost_key, summary=summary, function=function, differs=differs
        )
        scalar_kind = table.add_row(
            f"{name}s",
            Unit.VECTOR,
            scalar_cost_key,
            summary=f"{summary[:-1]}, with a scalar.",
            function=function,
            differs=differs,
        )

        def operation(
            lhs: Operand, rhs: Operand, tmp: object = None, *, high_precision: bool = False
        ) -> Any:
            if isinstance(rhs, _NUMBERS):
                if isinstance(lhs, _NUMBERS):
                    return on_numbers(function, lhs, rhs)
                block = current_block(name)
                return with_scalar(block, scalar_kind, name, function, lhs, rhs)
            block = current_block(name)
            if isinstance(lhs, _NUMBERS):
                swapped = _swap(function)
                return with_scalar(block, scalar_kind, name, swapped, rhs, lhs)
            x, y = as_tile(block, lhs, name), as_tile(block, rhs, name)
            return broadcast(block, kind, name, function, x, y)

        _name_after(operation, function)
        return operation

    return define


def broadcast(
    block: Block,
    kind: int,
    name: str,
    function: NumpyFunction,
    x: Tile,
    y: Tile,
    *,
    out_dtype: DType | None = None,
) -> Tile:
    """A binary operation on two tiles with numpy broadcasting of trailing axes.

    Computes in the promoted type, which is also that of the result unless ``out_dtype`` is given.
    The valid region survives only if both operands have the same shape and region: a region never
    leaks through a broadcast (DSL_REFERENCE.md section 5.3).
    """
    dtype = promote(x.dtype, y.dtype)
    try:
        result = function(_operand(x, dtype), _operand(y, dtype))
    except ValueError as error:
        msg = (
            f"{block.recorder.where()}: pl.{name} of {list(x.shape)} and {list(y.shape)}; "
            "expected shapes that broadcast along trailing axes"
        )
        raise KernelError(msg) from error
    valid = x.valid if x.shape == y.shape and x.valid == y.valid else None
    out = out_dtype or dtype
    return finish(block, kind, in_type(result, out), out, (x, y), valid=valid, dtype=dtype)


def with_scalar(
    block: Block, kind: int, name: str, function: NumpyFunction, x: Operand, scalar: Any
) -> Tile:
    """A binary operation on a tile and a Python number, which takes the type of the tile first.

    Raises:
        KernelError: If an integer tile meets a number that its type does not hold.
    """
    tile = as_tile(block, x, name)
    array = to_compute(tile.array)
    number = array.dtype.type(block.recorder.element(name, scalar, tile.dtype))
    result = in_type(function(array, number), tile.dtype)
    return finish(block, kind, result, tile.dtype, (tile,), valid=tile.valid)


def on_numbers(function: NumpyFunction, x: Any, y: Any) -> Any:
    """A binary operation on two numbers: integers stay integers, floats are FP32."""
    if isinstance(x, _INTEGERS) and isinstance(y, _INTEGERS):
        return int(function(np.int64(x), np.int64(y)))
    return float(function(np.float32(x), np.float32(y)))


def in_type(array: Array, dtype: DType) -> Array:
    """A freshly computed ``array`` as ``dtype``; rounds to nearest-even only where it must."""
    return array if array.dtype == dtype.numpy else round_to(array, dtype)


def _operand(tile: Tile, dtype: DType) -> Array:
    array = to_compute(tile.array)
    return array if tile.dtype is dtype else to_compute(in_type(array, dtype))


def _swap(function: NumpyFunction) -> NumpyFunction:
    return lambda x, scalar: function(scalar, x)


def _summary(function: NumpyFunction) -> str:
    return (function.__doc__ or "").strip().split("\n")[0]


def _name_after(operation: Callable[..., Tile], function: NumpyFunction) -> None:
    operation.__name__ = operation.__qualname__ = function.__name__
    operation.__doc__ = function.__doc__

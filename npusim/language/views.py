"""Slices, reshapes and valid regions (DSL_REFERENCE.md sections 1.3 and 5.6)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.block import Block
from npusim.language.compute import as_tile, finish, load_region
from npusim.language.dtypes import DType, largest, lowest
from npusim.language.enums import PadValue
from npusim.language.recorder import Recorder, current
from npusim.language.values import Shape, Tensor, Tile
from npusim.program import Unit

Value = Tensor | Tile

_TRANSPOSE = table.add_row(
    "transpose", Unit.VECTOR, "transpose", summary="Swap of the two trailing axes."
)


def slice_(
    x: Value,
    shape: Sequence[int],
    offset: Sequence[int],
    valid_shape: Sequence[int] | None = None,
    drop_dims: Sequence[int] | None = None,
    pad_value: PadValue | None = None,
    clamp: bool = False,
) -> Value:
    """A box of ``x``: note the order, sizes before offsets.

    Outside scopes a box of a tensor is a view; inside, it is a load into a tile, a snapshot at that
    point. A box of a tile is a tile. Elements outside the valid region are zero; ``pad_value``
    fills them instead, as ``pl.fillpad`` does. With ``clamp`` the box may leave ``x``: what lies
    beyond is not valid.

    Shapes: x (..., M, N), shape (..., m, n) → (..., m, n) without ``drop_dims``; a tile keeps two
    axes.

    Raises:
        KernelError: If the box (or its valid part) leaves ``x``.
    """
    recorder = current()
    box, start = tuple(shape), tuple(offset)
    valid = None
    if valid_shape is not None or not _is_inside(x.shape, box, start):
        if clamp or recorder.options.clips_bounds:
            valid_shape = _clamped(x, box, start, valid_shape)
        valid = _requested_valid(recorder, x, box, start, valid_shape)
    if isinstance(x, Tile):
        result: Value = _slice_tile(x, box, start, valid)
    elif (block := recorder.scope_block()) is None:
        result = _view(recorder, x, box, start)
    else:
        result = _load(block, x, box, start, valid)
    if pad_value is not None and isinstance(result, Tile):
        result = pad(result, pad_value)
    return _drop(result, drop_dims) if drop_dims else result


def reshape(x: Value, shape: Sequence[int]) -> Value:
    """The same elements in another shape; never moves data.

    Shapes: x any, shape with the same number of elements → shape.

    Raises:
        KernelError: If the number of elements differs or a view cannot take the shape.
    """
    recorder = current()
    target = tuple(shape)
    try:
        array = x.array.reshape(target)  # resolves an extent of -1
    except ValueError as error:
        msg = (
            f"{recorder.where()}: pl.reshape of {list(x.shape)} to {list(target)}; "
            f"expected {x.array.size} elements"
        )
        raise KernelError(msg) from error
    if isinstance(x, Tile):
        return x.alias(array, _reshape_valid(recorder, x, array.shape))
    if not np.may_share_memory(array, x.array):
        msg = (
            f"{recorder.where()}: pl.reshape of the view {list(x.shape)} with strides "
            f"{list(x.strides)} to {list(target)} would copy; reshape before slicing"
        )
        raise KernelError(msg)
    return _derive(recorder, x, array, x.offset)


def transpose(x: Value, axis1: int, axis2: int) -> Value:
    """Two axes swapped: a view outside scopes, data movement inside.

    Shapes: x (..., M, N) → (..., N, M) for the trailing axes; the valid region goes along.

    Raises:
        KernelError: If ``x`` lacks an axis, or is a tile outside every scope.
    """
    recorder = current()
    rank = len(x.shape)
    if not (-rank <= axis1 < rank and -rank <= axis2 < rank):
        msg = (
            f"{recorder.where()}: pl.transpose of axes {axis1} and {axis2} of {x!r}; "
            f"expected axes from 0 to {rank - 1}"
        )
        raise KernelError(msg)
    block = recorder.scope_block()
    if block is None and isinstance(x, Tensor):
        return _derive(recorder, x, x.array.swapaxes(axis1, axis2), x.offset)
    if block is None:
        msg = f"{recorder.where()}: pl.transpose of a tile outside every scope; move it inside one"
        raise KernelError(msg)
    tile = as_tile(block, x, "transpose")
    result = np.ascontiguousarray(tile.array.swapaxes(axis1, axis2))
    valid = None
    if tile.valid is not None:
        swapped = list(tile.valid)
        swapped[axis1], swapped[axis2] = swapped[axis2], swapped[axis1]
        valid = tuple(swapped)
    return finish(block, _TRANSPOSE, result, tile.dtype, (tile,), valid=valid)


def set_validshape(x: Tile, rows: int, cols: int) -> Tile:
    """``x`` with only its first ``rows`` by ``cols`` elements valid; moves nothing.

    Shapes: x (M, N) → (M, N).

    Raises:
        KernelError: If the region is larger than the tile.
    """
    valid = (*x.shape[:-2], rows, cols)
    if not (0 <= rows <= x.shape[-2] and 0 <= cols <= x.shape[-1]):
        msg = (
            f"{current().where()}: pl.set_validshape to ({rows}, {cols}) of a tile "
            f"{list(x.shape)}; expected at most its shape"
        )
        raise KernelError(msg)
    return x.alias(x.array, None if valid == x.shape else valid)


def _drop(x: Value, axes: Sequence[int]) -> Value:
    """``x`` without unit axes; a tile has rows and columns, so two axes stay."""
    kept = [n for axis, n in enumerate(x.shape) if axis not in axes]
    if isinstance(x, Tile):
        kept = [1] * (2 - len(kept)) + kept
    return reshape(x, kept)


def _is_inside(extents: Shape, box: Shape, start: Shape) -> bool:
    """True for a box that needs no further look, as nearly all do."""
    if not len(box) == len(start) == len(extents):
        return False
    for low, size, extent in zip(start, box, extents, strict=True):
        if low < 0 or size < 0 or low + size > extent:
            return False
    return True


def _window(array: np.ndarray[Any, Any], start: Shape, extent: Shape) -> np.ndarray[Any, Any]:
    """The numpy view of a box."""
    if len(start) == 2:  # nearly always
        (row, col), (rows, cols) = start, extent
        return array[row : row + rows, col : col + cols]
    return array[tuple(slice(low, low + n) for low, n in zip(start, extent, strict=True))]


def _requested_valid(
    recorder: Recorder, x: Value, box: Shape, start: Shape, valid: Sequence[int] | None
) -> Shape | None:
    requested = box if valid is None else tuple(valid)
    if not (len(box) == len(start) == len(requested) == len(x.shape)):
        msg = (
            f"{recorder.where()}: pl.slice of {x!r} with shape {list(box)}, offset {list(start)}"
            f"{'' if valid is None else f', valid_shape {list(requested)}'}; "
            f"expected {len(x.shape)} entries each"
        )
        raise KernelError(msg)
    for axis, (low, size, want) in enumerate(zip(start, box, requested, strict=True)):
        if low < 0 or not 0 <= want <= size or (want and low + want > x.shape[axis]):
            msg = (
                f"{recorder.where()}: pl.slice of {x!r} takes [{low}, {low + want}) of axis "
                f"{axis}; expected it within [0, {x.shape[axis]}); mark the rest with valid_shape"
            )
            raise KernelError(msg)
    return None if requested == box else requested


def _clamped(
    x: Value, box: Shape, start: Shape, valid: Sequence[int] | None
) -> Sequence[int] | None:
    """The part of the requested region that lies within ``x``; wrong ranks are left alone."""
    wanted = box if valid is None else tuple(valid)
    if not len(wanted) == len(start) == len(x.shape):
        return valid
    inside = tuple(
        max(0, min(want, extent - low))
        for want, low, extent in zip(wanted, start, x.shape, strict=True)
    )
    return valid if inside == wanted else inside


def _slice_tile(x: Tile, box: Shape, start: Shape, valid: Shape | None) -> Tile:
    if x.valid is not None:
        inside = tuple(
            min(max(have - low, 0), want)
            for have, low, want in zip(x.valid, start, valid or box, strict=True)
        )
        valid = None if inside == box else inside
    return x.alias(_cut(x.array, box, start, valid), valid)


def _cut(array: np.ndarray[Any, Any], box: Shape, start: Shape, valid: Shape | None) -> Any:
    """A copy of the box, zero outside its valid part."""
    kept = box if valid is None else valid
    source = _window(array, start, kept)
    if valid is None:
        return source.copy()
    result = np.zeros(box, array.dtype)
    result[tuple(slice(0, n) for n in kept)] = source
    return result


def pad(tile: Tile, pad_value: PadValue) -> Tile:
    """``tile`` with everything outside its valid region filled, for a slice that pads as it loads.

    The load writes the padding, so nothing more is recorded.
    """
    if tile.valid is None:
        return tile
    result = np.full(tile.shape, pad_scalar(tile.dtype, pad_value), tile.dtype.numpy)
    region = tuple(slice(0, n) for n in tile.valid)
    result[region] = tile.array[region]
    tile.storage.full = result
    return tile.alias(result, None)


def pad_scalar(dtype: DType, pad_value: PadValue) -> Any:
    """The element that ``pad_value`` stands for."""
    if pad_value is PadValue.zero:
        return 0
    return lowest(dtype) if pad_value is PadValue.min else largest(dtype)


def _view(recorder: Recorder, x: Tensor, box: Shape, start: Shape) -> Tensor:
    return _derive(recorder, x, _window(x.array, start, box), _offset(x, start))


def _derive(recorder: Recorder, x: Tensor, array: np.ndarray[Any, Any], offset: int) -> Tensor:
    """A view of ``x``. Made inside a scope it stands for ``x``, which the task captured."""
    origin = None
    if recorder.block is not None:
        origin = x if x.origin is None else x.origin
    return Tensor(x.buffer, array, offset, origin=origin)


def _load(block: Block, x: Tensor, box: Shape, start: Shape, valid: Shape | None) -> Tile:
    loaded = box if valid is None else valid
    region = _window(x.array, start, loaded)
    tile = load_region(block, x, region, _offset(x, start), loaded)
    if valid is None:
        return tile
    padded = np.zeros(box, x.array.dtype)
    padded[tuple(slice(0, n) for n in loaded)] = region
    tile.storage.row[4] = padded.nbytes
    tile.storage.full = padded
    return tile.alias(padded, valid)


def _offset(x: Tensor, start: Shape) -> int:
    offset = x.offset
    for low, stride in zip(start, x.strides, strict=True):
        offset += low * stride
    return offset


def _reshape_valid(recorder: Recorder, x: Tile, target: Shape) -> Shape | None:
    """The valid region in the new shape: unit axes come and go, or a prefix of whole rows."""
    if x.valid is None:
        return None
    if 0 in x.valid:
        return (0,) * len(target)
    core = [v for v, n in zip(x.valid, x.shape, strict=True) if n != 1]
    extents = [n for n in x.shape if n != 1]
    if extents == [n for n in target if n != 1]:
        entries = iter(core)
        return tuple(1 if n == 1 else next(entries) for n in target)
    whole_rows = x.valid[1:] == x.shape[1:]
    elements = int(np.prod(x.valid))
    per_row = int(np.prod(target[1:]))
    if whole_rows and elements % per_row == 0:
        return (elements // per_row, *target[1:])
    msg = (
        f"{recorder.where()}: pl.reshape of a tile {list(x.shape)} with valid region "
        f"{list(x.valid)} to {list(target)}; the region has no shape there; fillpad first"
    )
    raise KernelError(msg)

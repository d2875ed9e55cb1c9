"""Stores, explicit loads and scalar accesses (DSL_REFERENCE.md section 5.6)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.block import NO_TILES, Block
from npusim.language.compute import Operand, as_tile
from npusim.language.enums import AtomicType, MemorySpace
from npusim.language.recorder import Recorder, current, current_block
from npusim.language.values import Shape, Tensor, Tile, rows_and_cols
from npusim.language.views import Value, slice_, subscript_box
from npusim.program import NO_INDEX, AccessMode, EventKind, Space, Unit

_ASSEMBLE = table.add_row(
    "assemble", Unit.VECTOR, "copy", summary="Copy of a tile into a part of another, in place."
)


def assemble(
    dst: Value, src: Operand, offset: Sequence[int], atomic: AtomicType | None = None
) -> Value:
    """Write the valid region of ``src`` into ``dst`` at ``offset``, in place; returns ``dst``.

    Shapes: dst (..., M, N), src (..., m, n) of lower, equal or higher rank: leading unit axes come
    and go → dst.

    Raises:
        KernelError: If the types differ, the ranks do not fit, or the box leaves ``dst``.
    """
    block = current_block("assemble")
    tile = as_tile(block, src, "assemble")
    values, start = _fit_rank(block, dst, tile, tuple(offset))
    if tile.dtype is not dst.dtype:
        msg = (
            f"{block.recorder.where()}: pl.assemble of {tile.dtype} into {dst!r}; "
            "expected the same type; cast the tile first"
        )
        raise KernelError(msg)
    _check_box(block, dst, values.shape, start)
    if isinstance(dst, Tile):
        _write_tile(block, dst, tile, values, start)
    else:
        _write_tensor(block, dst, tile, values, start, atomic)
    return dst


def store(
    tile: Operand,
    offsets: Sequence[int],
    tensor: Tensor,
    shapes: Sequence[int] | None = None,
    atomic: AtomicType | None = None,
) -> Value:
    """``assemble`` with the tile first: copy ``tile`` to ``tensor`` at ``offsets``.

    Shapes: tile (m, n), tensor (M, N) → tensor.
    """
    del shapes  # repeats the tile's own shape
    return assemble(tensor, tile, offsets, atomic)


def load(
    tensor: Tensor,
    offsets: Sequence[int],
    shapes: Sequence[int],
    valid_shape: Sequence[int] | None = None,
    valid_shapes: Sequence[int] | None = None,
    target_memory: MemorySpace | None = None,
) -> Tile:
    """Load a box of ``tensor``: note the order, offsets before sizes.

    Shapes: tensor (..., M, N) → shapes.
    """
    block = current_block("load")
    tile = slice_(tensor, shapes, offsets, valid_shape or valid_shapes)
    if not isinstance(tile, Tile):
        msg = f"{block.recorder.where()}: pl.load of {tensor!r} did not make a tile"
        raise KernelError(msg)
    if target_memory is not None:
        block.operand(tile, target_memory.space)
    return tile


def read(x: Value, index: int | Sequence[int]) -> Any:
    """One element as a Python number.

    In a scope this is a scalar read of global memory; outside, the orchestrator waits for the
    producer of ``x``. A single integer is a flat index.

    Raises:
        KernelError: If the index is out of range.
    """
    recorder = current()
    block = recorder.block
    if isinstance(x, Tile):
        return _read_tile(current_block("read"), x, index)
    flat = _flat_index(recorder, x, index)
    if block is not None:
        block.scalar_read(x, flat)
    else:
        recorder.note(EventKind.READ, x.buffer.tensor_id)
    value = x.buffer.flat.item(flat)
    return float(value) if x.dtype.is_float else value


def write(x: Value, index: int | Sequence[int], value: Any) -> Value:
    """Set one element, rounded to the type of ``x``; returns ``x``.

    Raises:
        KernelError: If the index is out of range.
    """
    recorder = current()
    if isinstance(x, Tile):
        block = current_block("write")
        place = block.operand(x, Space.UB)
        block.in_place(x)
        x.array[_tuple_index(recorder, x, index)] = value
        tiles = (place, place, NO_INDEX, NO_INDEX)
        block.emit(table.SCALAR_WRITE, (x.dtype, x.dtype), (1, 1, 0), tiles, site=recorder.site())
        return x
    flat = _flat_index(recorder, x, index)
    x.buffer.flat[flat] = value
    if recorder.block is None:
        recorder.note(EventKind.WRITE, x.buffer.tensor_id)
        return x
    element = tuple(1 for _ in x.shape)
    access = recorder.block.access(x, AccessMode.WRITE, flat, element)
    types = (x.dtype, x.dtype)
    recorder.block.emit(table.SCALAR_WRITE, types, (1, 1, 0), NO_TILES, access, recorder.site())
    return x


def get_item(x: Value, index: Any) -> Any:
    """``x[index]``: an element where every axis has an integer, else a slice."""
    entries = index if isinstance(index, tuple) else (index,)
    if len(entries) == len(x.shape) and not any(isinstance(e, slice) for e in entries):
        return read(x, [int(e) for e in entries])
    sizes, offsets, dropped = subscript_box(x, index)
    return slice_(x, sizes, offsets, drop_dims=dropped)


def set_item(x: Value, index: Any, value: Any) -> None:
    """``x[index] = value``: an element write, or an assemble."""
    entries = index if isinstance(index, tuple) else (index,)
    if len(entries) == len(x.shape) and not any(isinstance(e, slice) for e in entries):
        write(x, [int(e) for e in entries], value)
        return
    sizes, offsets, _ = subscript_box(x, index)
    tile = as_tile(current_block("assemble"), value, "assemble")
    valid = tile.valid or tile.shape
    wanted = [n for n in sizes if n != 1]
    if valid == tile.shape and [n for n in valid if n != 1] != wanted:
        msg = (
            f"{current().where()}: {list(tile.shape)} assigned to a region {sizes} of {x!r}; "
            "expected the same shape"
        )
        raise KernelError(msg)
    assemble(x, tile, offsets)


def _fit_rank(
    block: Block, dst: Value, tile: Tile, start: Shape
) -> tuple[np.ndarray[Any, Any], Shape]:
    """The valid values of ``tile`` in the rank of ``dst``."""
    values = tile.array
    if tile.valid is not None:
        values = values[tuple(slice(0, n) for n in tile.valid)]
    rank = len(dst.shape)
    if values.ndim < rank:
        values = values.reshape((1,) * (rank - values.ndim) + values.shape)
    extra = values.ndim - rank
    if len(start) != rank or any(n != 1 for n in values.shape[:extra]):
        msg = (
            f"{block.recorder.where()}: pl.assemble of {list(tile.shape)} at {list(start)} into "
            f"{dst!r}; expected {rank} offsets and at most leading unit axes more"
        )
        raise KernelError(msg)
    return values.reshape(values.shape[extra:]), start


def _check_box(block: Block, dst: Value, shape: Shape, start: Shape) -> None:
    for axis, (low, size, extent) in enumerate(zip(start, shape, dst.shape, strict=True)):
        if low < 0 or low + size > extent:
            msg = (
                f"{block.recorder.where()}: pl.assemble writes [{low}, {low + size}) of axis "
                f"{axis} of {dst!r}; expected it within [0, {extent})"
            )
            raise KernelError(msg)


def _write_tensor(
    block: Block,
    dst: Tensor,
    tile: Tile,
    values: np.ndarray[Any, Any],
    start: Shape,
    atomic: AtomicType | None,
) -> None:
    box = tuple(slice(low, low + n) for low, n in zip(start, values.shape, strict=True))
    source = block.resident(tile)
    if atomic is None:
        dst.array[box] = values
        mode = AccessMode.WRITE
    else:
        dst.array[box] += values
        mode = AccessMode.ATOMIC_ADD
    offset = dst.offset + sum(low * s for low, s in zip(start, dst.strides, strict=True))
    access = block.access(dst, mode, offset, values.shape)
    counted = (*rows_and_cols(values.shape), 0)
    tiles = (NO_INDEX, source, NO_INDEX, NO_INDEX)
    types = (tile.dtype, dst.dtype)
    block.emit(table.STORE, types, counted, tiles, access, block.recorder.site())


def _write_tile(
    block: Block, dst: Tile, tile: Tile, values: np.ndarray[Any, Any], start: Shape
) -> None:
    place, source = block.operand(dst, Space.UB, 0), block.operand(tile, Space.UB, 1)
    block.in_place(dst)
    dst.array[tuple(slice(low, low + n) for low, n in zip(start, values.shape, strict=True))] = (
        values
    )
    counted = (*rows_and_cols(values.shape), 0)
    tiles = (place, source, place, NO_INDEX)
    block.emit(_ASSEMBLE, (tile.dtype, dst.dtype), counted, tiles, site=block.recorder.site())


def _read_tile(block: Block, x: Tile, index: int | Sequence[int]) -> Any:
    value = x.array[_tuple_index(block.recorder, x, index)].item()
    tiles = (NO_INDEX, block.operand(x, Space.UB), NO_INDEX, NO_INDEX)
    site = block.recorder.site()
    block.emit(table.SCALAR_READ, (x.dtype, x.dtype), (1, 1, 0), tiles, site=site)
    return float(value) if x.dtype.is_float else value


def _flat_index(recorder: Recorder, x: Tensor, index: int | Sequence[int]) -> int:
    """Element number of ``index`` in the buffer of ``x``. Hot: no numpy, no temporaries."""
    shape = x.array.shape
    if isinstance(index, int):
        index = _tuple_index(recorder, x, index) if len(shape) != 1 else (index,)
    flat = x.offset
    in_range = len(index) == len(shape)
    for i, extent, stride in zip(index, shape, x.strides, strict=False):
        if not 0 <= i < extent:
            in_range = False
        flat += i * stride
    if not in_range:
        msg = (
            f"{recorder.where()}: element {list(index)} of {x!r}; "
            f"expected {len(shape)} indices within its shape"
        )
        raise KernelError(msg)
    return int(flat)


def _tuple_index(recorder: Recorder, x: Value, index: int | Sequence[int]) -> tuple[int, ...]:
    place = index
    if isinstance(place, int):
        size = int(np.prod(x.shape))
        if not 0 <= place < size:
            msg = f"{recorder.where()}: flat element {place} of {x!r}; expected 0 to {size - 1}"
            raise KernelError(msg)
        return tuple(int(i) for i in np.unravel_index(place, x.shape))
    if len(place) != len(x.shape) or not all(
        0 <= i < n for i, n in zip(place, x.shape, strict=True)
    ):
        msg = f"{recorder.where()}: element {list(place)} of {x!r}; expected it within the shape"
        raise KernelError(msg)
    return tuple(place)

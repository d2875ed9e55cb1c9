"""Stores and explicit loads (DSL_REFERENCE.md section 5.6)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.block import Block
from npusim.language.compute import Operand, as_tile
from npusim.language.enums import AtomicType, MemorySpace
from npusim.language.outside import check_operands, store_outside
from npusim.language.recorder import Recorder, current, current_block
from npusim.language.values import Shape, Tensor, Tile, TileRegion, rows_and_cols
from npusim.language.views import Value, slice_
from npusim.program import NO_INDEX, AccessMode, Space, Unit

_ASSEMBLE = table.add_row(
    "assemble", Unit.VECTOR, "copy", summary="Copy of a tile into a part of another, in place."
)


def assemble(
    dst: Value, src: Operand, offset: Sequence[int], atomic: AtomicType | None = None
) -> Value:
    """Write the valid region of ``src`` into ``dst`` at ``offset``, in place; returns ``dst``.

    Shapes: dst (..., M, N), src (..., m, n) of lower, equal or higher rank: leading unit axes come
    and go → dst.

    A tile that left its scope is a tensor by then: a write into it is a store. Outside every scope
    the task that made ``src`` stores it to ``dst`` instead (outside.py).

    Raises:
        KernelError: If the types differ, the ranks do not fit, the box leaves ``dst``, or an atomic
            store goes to a tile.
    """
    recorder = current()
    block = recorder.scope_block()
    tile: Value
    if block is None:
        tile = check_operands(recorder, dst, src, atomic)
    else:
        tile = as_tile(block, src, "assemble")
    values, start = _fit_rank(recorder, dst, tile, tuple(offset))
    if tile.dtype is not dst.dtype:
        msg = (
            f"{recorder.where()}: pl.assemble of {tile.dtype} into {dst!r}; "
            "expected the same type; cast the tile first"
        )
        raise KernelError(msg)
    if recorder.options.clips_bounds:
        fits = zip(dst.shape, start, strict=True)
        values = values[tuple(slice(0, max(0, extent - low)) for extent, low in fits)]
    _check_box(recorder, dst, values.shape, start)
    if block is None:
        store_outside(recorder, dst, tile, values, start)
        return dst
    assert isinstance(tile, Tile), "as_tile makes a tile"
    target = block.outside(dst) if isinstance(dst, Tile) else dst
    if target is not None:
        _write_tensor(block, target, tile, values, start, atomic)
    elif atomic is None and isinstance(dst, Tile):
        _write_tile(block, dst, tile, values, start)
    else:
        msg = f"{recorder.where()}: atomic store into {dst!r}; expected a tensor"
        raise KernelError(msg)
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
    valid = valid_shapes if valid_shape is None else valid_shape
    tile = slice_(tensor, shapes, offsets, valid)
    assert isinstance(tile, Tile), "a slice inside a scope is a tile"
    if tile.valid is not None:
        tile.valid = TileRegion(tile.valid)
    if target_memory is not None:
        block.operand(tile, target_memory.space)
    return tile


def _fit_rank(
    recorder: Recorder, dst: Value, tile: Value, start: Shape
) -> tuple[np.ndarray[Any, Any], Shape]:
    """The valid values of ``tile`` in the rank of ``dst``."""
    values = tile.array
    if isinstance(tile, Tile) and tile.valid is not None:
        values = values[tuple(slice(0, n) for n in tile.valid)]
    rank = len(dst.shape)
    if values.ndim < rank:
        values = values.reshape((1,) * (rank - values.ndim) + values.shape)
    extra = values.ndim - rank
    if len(start) != rank or any(n != 1 for n in values.shape[:extra]):
        msg = (
            f"{recorder.where()}: pl.assemble of {list(tile.shape)} at {list(start)} into "
            f"{dst!r}; expected {rank} offsets and at most leading unit axes more"
        )
        raise KernelError(msg)
    return values.reshape(values.shape[extra:]), start


def _check_box(recorder: Recorder, dst: Value, shape: Shape, start: Shape) -> None:
    for axis, (low, size, extent) in enumerate(zip(start, shape, dst.shape, strict=True)):
        if low < 0 or low + size > extent:
            msg = (
                f"{recorder.where()}: pl.assemble writes [{low}, {low + size}) of axis "
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
    mode = AccessMode.WRITE if atomic is None else AccessMode.ATOMIC_ADD
    offset = dst.offset + sum(low * s for low, s in zip(start, dst.strides, strict=True))
    access = block.access(dst, mode, offset, values.shape)
    if atomic is None:
        dst.array[box] = values
    else:
        dst.array[box] += values
    counted = (*rows_and_cols(values.shape), 0)
    tiles = (NO_INDEX, source, NO_INDEX, NO_INDEX)
    types = (tile.dtype, dst.dtype)
    block.emit(table.STORE, types, counted, tiles, access, block.recorder.site())


def _write_tile(
    block: Block, dst: Tile, tile: Tile, values: np.ndarray[Any, Any], start: Shape
) -> None:
    source = block.operand(tile, Space.UB, 1)
    place = block.in_place(dst)
    dst.array[tuple(slice(low, low + n) for low, n in zip(start, values.shape, strict=True))] = (
        values
    )
    counted = (*rows_and_cols(values.shape), 0)
    tiles = (place, source, place, NO_INDEX)
    block.emit(_ASSEMBLE, (tile.dtype, dst.dtype), counted, tiles, site=block.recorder.site())

"""Tiles placed and filled by hand: L1 accumulators, moves, views (DSL_REFERENCE.md section 5.6)."""

from collections.abc import Sequence

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.block import Block
from npusim.language.compute import Operand, as_tile, finish
from npusim.language.dtypes import DType
from npusim.language.enums import MemorySpace
from npusim.language.recorder import current, current_block
from npusim.language.values import Shape, Tensor, Tile, rows_and_cols
from npusim.program import NO_INDEX, AccessMode, Space, Unit

_EXPANDS = table.add_row(
    "expands", Unit.VECTOR, "dup", summary="A tile of the same shape filled with one value."
)


def create_l1(shape: Sequence[int], dtype: DType, transpose: bool = False) -> Tile:
    """An uninitialised tile in L1, to be filled with ``pl.gather_row``.

    Shapes: → shape. ``transpose`` chooses the layout on the device and changes no value.
    """
    del transpose
    block = current_block("create_l1")
    array = block.recorder.fresh(tuple(shape), dtype)
    return block.new_tile(array, dtype, Space.L1, block.recorder.site())


def gather_row(
    acc: Tile,
    src: Tensor,
    dst_off: Sequence[int],
    src_off: Sequence[int],
    shapes: Sequence[int],
    transpose: bool = False,
    valid_shape: Sequence[int] | None = None,
) -> Tile:
    """Copy a window of global memory into a tile in L1, in place; returns the tile.

    Shapes: acc (M, N), src (P, Q), window shapes (m, n) → acc. Only ``valid_shape`` of the window
    is copied. With ``transpose`` rows of the window become columns of ``acc``.

    Raises:
        KernelError: If ``acc`` is no tile, ``src`` no tensor, the types differ, or the window
            leaves either of them.
    """
    block = current_block("gather_row")
    if not isinstance(acc, Tile) or not isinstance(src, Tensor) or acc.dtype is not src.dtype:
        msg = (
            f"{block.recorder.where()}: pl.gather_row of {src!r} into {acc!r}; "
            "expected a tensor and a tile of the same type"
        )
        raise KernelError(msg)
    window = tuple(shapes if valid_shape is None else valid_shape)
    place = window[::-1] if transpose else window
    _check_window(block, src, tuple(src_off), window)
    _check_window(block, acc, tuple(dst_off), place)
    values = src.array[_box(src_off, window)]
    offset = src.offset + sum(low * step for low, step in zip(src_off, src.strides, strict=True))
    access = block.access(src, AccessMode.READ, offset, window)
    target = block.in_place(acc, space=Space.L1)
    acc.array[_box(dst_off, place)] = values.swapaxes(-1, -2) if transpose else values
    tiles = (target, NO_INDEX, NO_INDEX, NO_INDEX)
    counted = (*rows_and_cols(window), 0)
    types = (src.dtype, acc.dtype)
    block.emit(table.LOAD, types, counted, tiles, access, block.recorder.site())
    return acc


def move(tile: Operand, target_memory: MemorySpace = MemorySpace.Vec) -> Tile:
    """The same values in another buffer of the core.

    Shapes: x (M, N) → (M, N). ``Left`` and ``Right`` are filled from L1 when a product runs, so a
    move there costs nothing of its own.

    Raises:
        KernelError: If there is no way to that buffer.
    """
    block = current_block("move")
    source = as_tile(block, tile, "move")
    block.operand(source, target_memory.space)
    return source.alias(source.array, source.valid)


def transpose_view(x: Tile) -> Tile:
    """The two trailing axes swapped without movement: the cube reads the tile the other way.

    Shapes: x (M, N) → (N, M).

    Raises:
        KernelError: If ``x`` is no tile with two axes.
    """
    if not isinstance(x, Tile) or len(x.shape) < 2:
        msg = (
            f"{current().where()}: pl.tile.transpose_view of {x!r}; "
            "expected a tile with rows and columns"
        )
        raise KernelError(msg)
    valid = None if x.valid is None else (*x.valid[:-2], x.valid[-1], x.valid[-2])
    return x.alias(x.array.swapaxes(-1, -2), valid)


def expands(target: Operand, value: float) -> Tile:
    """A tile of the shape and type of ``target`` filled with ``value``.

    Shapes: target (M, N) → (M, N).
    """
    block = current_block("expands")
    like = as_tile(block, target, "expands")
    number = block.recorder.element("expands", value, like.dtype)
    return finish(block, _EXPANDS, np.full(like.shape, number, like.dtype.numpy), like.dtype, ())


def _box(start: Sequence[int], extent: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(low, low + n) for low, n in zip(start, extent, strict=True))


def _check_window(block: Block, value: Tensor | Tile, start: Shape, extent: Shape) -> None:
    fits = len(start) == len(extent) == len(value.shape) and all(
        low >= 0 and n >= 0 and low + n <= limit
        for low, n, limit in zip(start, extent, value.shape, strict=True)
    )
    if not fits:
        msg = (
            f"{block.recorder.where()}: pl.gather_row takes {list(extent)} at {list(start)} of "
            f"{value!r}; expected a window within its shape"
        )
        raise KernelError(msg)

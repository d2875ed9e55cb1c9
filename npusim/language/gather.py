"""Gather and scatter on the vector unit (DSL_REFERENCE.md section 5.7)."""

from typing import Any

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.block import Block
from npusim.language.compute import Operand, as_tile, finish
from npusim.language.dtypes import Array, DType
from npusim.language.enums import MaskPattern
from npusim.language.recorder import current_block
from npusim.language.values import Tile
from npusim.program import NO_INDEX, Space, Unit

_GATHER = table.add_row("gather", Unit.VECTOR, "gather", summary="Columns selected by a mask.")
_GATHER_INDEX = table.add_row(
    "gather_index", Unit.VECTOR, "gather_index", summary="Elements selected by an index tile."
)
_SCATTER = table.add_row("scatter", Unit.VECTOR, "scatter", summary="Elements put by a mask.")
_SCATTER_INDEX = table.add_row(
    "scatter_index", Unit.VECTOR, "scatter", summary="Elements put where an index tile says."
)


def gather(
    x: Operand,
    index: Operand | None = None,
    tmp: object = None,
    *,
    dim: int = -1,
    mask_pattern: MaskPattern | None = None,
    output_dtype: DType | None = None,
) -> Tile:
    """Columns of ``x`` selected by a mask, or ``x[r, index[r, k]]``.

    Shapes: mask form x (M, N) → (M, N / modulus); index form x (M, N), index (M, K) INT32 → (M, K);
    with ``tmp`` (the tile form) the index is flat: out[i, j] = x.flat[index[i, j]].
    ``output_dtype`` reinterprets bits of the same width, it does not convert.

    Raises:
        KernelError: If neither or both selectors are given, or an index is out of range.
    """
    block = current_block("gather")
    tile = as_tile(block, x, "gather")
    if (mask_pattern is None) == (index is None):
        msg = f"{block.recorder.where()}: pl.gather needs either mask_pattern or index"
        raise KernelError(msg)
    if mask_pattern is not None:
        residue, modulus = mask_pattern.value
        result = np.ascontiguousarray(tile.array[..., residue::modulus])
        dtype = output_dtype or tile.dtype
        return finish(
            block, _GATHER, _reinterpret(block, result, tile.dtype, dtype), dtype, (tile,)
        )
    if index is None:
        msg = f"{block.recorder.where()}: pl.gather lost its index"
        raise KernelError(msg)
    places = as_tile(block, index, "gather")
    is_flat = tmp is not None
    limit = tile.array.size if is_flat else tile.shape[dim]
    _check_indices(block, places.array, limit)
    if is_flat:
        result = tile.array.reshape(-1)[places.array]
    else:
        result = np.take_along_axis(tile.array, places.array.astype(np.int64), axis=dim)
    return finish(block, _GATHER_INDEX, result, tile.dtype, (tile, places))


def scatter(
    x: Operand,
    dim: int = -1,
    index: Operand | None = None,
    src: Operand | None = None,
    *,
    mask_pattern: MaskPattern | None = None,
    dst: Tile | None = None,
) -> Tile:
    """The inverse of ``gather``, in place.

    Shapes: mask form x (M, N), dst (M, N * modulus) → dst; index form x (M, N), index and src
    (M, K) → x with x[r, index[r, k]] = src[r, k].

    Raises:
        KernelError: If the form is not clear or an index is out of range.
    """
    block = current_block("scatter")
    tile = as_tile(block, x, "scatter")
    if mask_pattern is not None and dst is not None:
        residue, modulus = mask_pattern.value
        _emit_in_place(block, _SCATTER, dst, (tile,), tile.shape)
        dst.array[..., residue::modulus] = tile.array
        return dst
    if index is None or src is None:
        msg = f"{block.recorder.where()}: pl.scatter needs mask_pattern and dst, or index and src"
        raise KernelError(msg)
    places, values = as_tile(block, index, "scatter"), as_tile(block, src, "scatter")
    _check_indices(block, places.array, tile.shape[dim])
    _emit_in_place(block, _SCATTER_INDEX, tile, (places, values), values.shape)
    np.put_along_axis(tile.array, places.array.astype(np.int64), values.array, axis=dim)
    return tile


def _emit_in_place(
    block: Block, kind: int, target: Tile, operands: tuple[Tile, ...], shape: tuple[int, ...]
) -> None:
    place = block.operand(target, Space.UB, 3)
    block.in_place(target)
    ids = [block.operand(tile, Space.UB, n) for n, tile in enumerate(operands)]
    ids = [*ids, place] + [NO_INDEX] * (2 - len(ids))
    types = (operands[-1].dtype, target.dtype)
    counted = (int(np.prod(shape[:-1])), shape[-1], 0)
    tiles = (place, ids[0], ids[1], ids[2])
    block.emit(kind, types, counted, tiles, site=block.recorder.site())


def _reinterpret(block: Block, array: Array, source: DType, target: DType) -> Any:
    if source is target:
        return array
    if source.nbytes != target.nbytes:
        msg = (
            f"{block.recorder.where()}: pl.gather reinterprets {source} as {target}; "
            "expected types of the same width; use pl.cast to convert"
        )
        raise KernelError(msg)
    return array.view(target.numpy)


def _check_indices(block: Block, index: Array, limit: int) -> None:
    if index.size and (index.min() < 0 or index.max() >= limit):
        bad = int(index.min()) if index.min() < 0 else int(index.max())
        msg = f"{block.recorder.where()}: index {bad} is out of range; expected 0 to {limit - 1}"
        raise KernelError(msg)

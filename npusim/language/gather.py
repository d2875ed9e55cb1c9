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
        KernelError: If neither or both selectors are given, shapes or types do not fit, or an
            index is out of range.
    """
    block = current_block("gather")
    tile = as_tile(block, x, "gather")
    if (mask_pattern is None) == (index is None):
        given = "neither" if index is None else "both"
        msg = (
            f"{block.recorder.where()}: pl.gather got {given} of mask_pattern and index; "
            "expected one of them"
        )
        raise KernelError(msg)
    if mask_pattern is not None:
        residue, modulus = mask_pattern.value
        if tile.shape[-1] % modulus:
            msg = (
                f"{block.recorder.where()}: pl.gather by {mask_pattern.name} of {tile!r}; "
                f"expected columns divisible by {modulus}; pad the tile"
            )
            raise KernelError(msg)
        result = np.ascontiguousarray(tile.array[..., residue::modulus])
        dtype = output_dtype or tile.dtype
        return finish(
            block, _GATHER, _reinterpret(block, result, tile.dtype, dtype), dtype, (tile,)
        )
    assert index is not None, "one of the two selectors is given"
    places = as_tile(block, index, "gather")
    is_flat = tmp is not None
    limit = tile.array.size if is_flat else tile.shape[dim]
    _check_indices(block, "gather", places, limit)
    if not is_flat:
        _check_rows(block, "gather", tile, places, dim)
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
        KernelError: If the form is not clear, shapes or types do not fit, or an index is out of
            range.
    """
    block = current_block("scatter")
    tile = as_tile(block, x, "scatter")
    if mask_pattern is not None and dst is not None:
        residue, modulus = mask_pattern.value
        wanted = (*tile.shape[:-1], tile.shape[-1] * modulus)
        if dst.shape != wanted or dst.dtype is not tile.dtype:
            msg = (
                f"{block.recorder.where()}: pl.scatter of {tile!r} by {mask_pattern.name} into "
                f"{dst!r}; expected {list(wanted)} of {tile.dtype}"
            )
            raise KernelError(msg)
        _emit_in_place(block, _SCATTER, dst, (tile,), tile.shape)
        dst.array[..., residue::modulus] = tile.array
        return dst
    if index is None or src is None:
        msg = (
            f"{block.recorder.where()}: pl.scatter of {tile!r} without a target; "
            "expected mask_pattern and dst, or index and src"
        )
        raise KernelError(msg)
    places, values = as_tile(block, index, "scatter"), as_tile(block, src, "scatter")
    _check_indices(block, "scatter", places, tile.shape[dim])
    _check_rows(block, "scatter", tile, places, dim)
    if values.shape != places.shape or values.dtype is not tile.dtype:
        msg = (
            f"{block.recorder.where()}: pl.scatter of src {values!r} at index {places!r} into "
            f"{tile!r}; expected src of the shape of index and the type of the target"
        )
        raise KernelError(msg)
    _emit_in_place(block, _SCATTER_INDEX, tile, (places, values), values.shape)
    np.put_along_axis(tile.array, places.array.astype(np.int64), values.array, axis=dim)
    return tile


def _emit_in_place(
    block: Block, kind: int, target: Tile, operands: tuple[Tile, ...], shape: tuple[int, ...]
) -> None:
    ids = [block.operand(tile, Space.UB, n) for n, tile in enumerate(operands)]
    place = block.in_place(target, 3)
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


def _check_indices(block: Block, name: str, index: Tile, limit: int) -> None:
    if index.dtype.is_float:
        msg = (
            f"{block.recorder.where()}: pl.{name} with index {index!r}; "
            "expected an integer type; cast the index"
        )
        raise KernelError(msg)
    places = index.array
    if places.size and (places.min() < 0 or places.max() >= limit):
        bad = int(places.min()) if places.min() < 0 else int(places.max())
        msg = f"{block.recorder.where()}: pl.{name} with index {bad}; expected 0 to {limit - 1}"
        raise KernelError(msg)


def _check_rows(block: Block, name: str, x: Tile, index: Tile, dim: int) -> None:
    """Every axis but ``dim`` must agree."""
    axis = dim % len(x.shape)
    others = [shape[:axis] + shape[axis + 1 :] for shape in (x.shape, index.shape)]
    if len(x.shape) != len(index.shape) or others[0] != others[1]:
        msg = (
            f"{block.recorder.where()}: pl.{name} of {x!r} with index {index!r}; "
            f"expected equal extents except on axis {axis}"
        )
        raise KernelError(msg)

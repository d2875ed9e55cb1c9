"""Sorting of value and index pairs (DSL_REFERENCE.md section 5.7).

A sorted list interleaves values and indices in one tile: two FP32 lanes for a pair, four FP16
lanes. The index keeps its 32 raw bits, so a lane that holds one is no number; ``pl.gather`` with a
mask and ``output_dtype`` takes the two apart. Order: descending by value. Where values are equal
the device may give any order, here the earlier element comes first.
"""

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.block import Block
from npusim.language.compute import Operand, as_tile, finish
from npusim.language.dtypes import FP16, FP32, Array
from npusim.language.recorder import current_block
from npusim.language.values import Tile
from npusim.program import Unit

_RUN_ELEMS = 32
_PAIR_BYTES = 8
_WAYS = 4
_LANE_STEP = 64
_TIES = "The order of equal values is not defined; here the earlier element comes first."

_SORT32 = table.add_row(
    "sort32",
    Unit.VECTOR,
    "sort32",
    summary="Runs of 32 values sorted descending, each value followed by its index.",
    counts_input=True,
    differs=_TIES,
)
_MRGSORT = table.add_row(
    "mrgsort",
    Unit.VECTOR,
    "mrgsort",
    summary="Sorted runs or lists of pairs merged into one.",
    differs=_TIES,
)


def sort32(values: Operand, index: Operand, tmp: object = None) -> Tile:
    """Every run of 32 columns sorted in descending order, with the index of each value.

    Shapes: values (M, N) FP32 or FP16, index (1, N) or (M, N) UINT32 or INT32 → (M, 2 * N) FP32 or
    (M, 4 * N) FP16. ``tmp`` is the scratch tile of the device form.

    Raises:
        KernelError: If N is no multiple of 32, or a type or the shape of ``index`` does not fit.
    """
    del tmp
    block = current_block("sort32")
    tile, places = as_tile(block, values, "sort32"), as_tile(block, index, "sort32")
    _check_sortable(block, tile, places)
    rows, cols = tile.shape[-2:]
    keys = tile.array.reshape(rows, -1, _RUN_ELEMS)
    labels = np.broadcast_to(places.array.reshape(-1, cols), (rows, cols)).reshape(keys.shape)
    order = _descending(keys)
    sorted_keys = np.take_along_axis(keys, order, -1).reshape(rows, cols)
    sorted_labels = np.take_along_axis(labels, order, -1).reshape(rows, cols)
    pairs = _interleave(sorted_keys, sorted_labels)
    return finish(block, _SORT32, pairs, tile.dtype, (tile, places), counted=tile.shape)


def mrgsort(*lists: Operand, block_len: int | None = None, tmp: object = None) -> Tile:
    """Sorted lists merged: four consecutive runs of one tile at a time, or two to four tiles.

    Shapes: one tile (1, N) with ``block_len`` lanes in a run → (1, N) in runs of four times that;
    tiles (1, N), (1, P), ... without it → (1, N + P + ...). Lanes count values and indices. A last
    group of fewer than four runs is merged as it is.

    Raises:
        KernelError: If there are too many lists, more than one row, or a length does not fit.
    """
    del tmp
    block = current_block("mrgsort")
    tiles = tuple(as_tile(block, one, "mrgsort") for one in lists)
    _check_lists(block, tiles, block_len)
    dtype = tiles[0].dtype
    joined = np.concatenate([tile.array.reshape(-1) for tile in tiles])
    group = joined.size if block_len is None else _WAYS * block_len
    parts = [_merged(joined[start : start + group]) for start in range(0, joined.size, group)]
    merged = np.concatenate(parts).reshape((*tiles[0].shape[:-1], joined.size))
    return finish(block, _MRGSORT, merged, dtype, tiles[:3])


def _descending(keys: Array) -> Array:
    """Stable descending order along the last axis; NaN comes last."""
    order: Array = np.argsort(-keys.astype(np.float32), axis=-1, kind="stable")
    return order


def _interleave(keys: Array, labels: Array) -> Array:
    """Records of eight bytes: the value first, the index in the last four."""
    rows, cols = keys.shape
    lanes = _PAIR_BYTES // keys.dtype.itemsize
    records = np.zeros((rows, cols, lanes), keys.dtype)
    records[..., 0] = keys
    records.view(np.uint32)[..., -1] = labels.astype(np.uint32)
    return records.reshape(rows, cols * lanes)


def _merged(lanes: Array) -> Array:
    """The records of ``lanes`` in descending order of their values."""
    records = lanes.reshape(-1, _PAIR_BYTES // lanes.dtype.itemsize)
    return records[_descending(records[:, 0])].reshape(-1)


def _check_sortable(block: Block, tile: Tile, places: Tile) -> None:
    cols = tile.shape[-1]
    fits = places.shape in {tile.shape, (1, cols), (cols,)}
    is_index = not places.dtype.is_float and places.dtype.nbytes == 4
    if tile.dtype not in {FP32, FP16} or len(tile.shape) != 2 or cols % _RUN_ELEMS:
        msg = (
            f"{block.recorder.where()}: pl.sort32 of {tile!r}; expected rows of FP32 or FP16 with "
            f"a multiple of {_RUN_ELEMS} columns; pad the tile"
        )
        raise KernelError(msg)
    if not fits or not is_index:
        msg = (
            f"{block.recorder.where()}: pl.sort32 of {tile!r} with index {places!r}; expected a "
            "32-bit integer for each column; make it with pl.arange"
        )
        raise KernelError(msg)


def _check_lists(block: Block, tiles: tuple[Tile, ...], block_len: int | None) -> None:
    where = block.recorder.where()
    if (block_len is None) != (len(tiles) > 1) or not 1 <= len(tiles) <= _WAYS:
        msg = (
            f"{where}: pl.mrgsort of {len(tiles)} lists with block_len {block_len}; "
            "expected one list with block_len, or two to four lists without"
        )
        raise KernelError(msg)
    for tile in tiles:
        is_row = all(n == 1 for n in tile.shape[:-1])
        if tile.dtype not in {FP32, FP16} or tile.dtype is not tiles[0].dtype or not is_row:
            msg = (
                f"{where}: pl.mrgsort of {tile!r}; "
                "expected one row of pairs as pl.sort32 makes them, all of one type"
            )
            raise KernelError(msg)
        if tile.array.nbytes % _PAIR_BYTES:
            msg = f"{where}: pl.mrgsort of {tile!r}; expected whole pairs of value and index"
            raise KernelError(msg)
    if block_len is not None and (block_len < 1 or block_len % _LANE_STEP):
        msg = f"{where}: pl.mrgsort with block_len {block_len}; expected a multiple of {_LANE_STEP}"
        raise KernelError(msg)

"""Subscripts: ``x[a:b, c]`` and ``x[a:b, c] = value`` (DSL_REFERENCE.md section 2)."""

from typing import Any

import numpy as np

from npusim.errors import KernelError
from npusim.language.compute import as_tile
from npusim.language.recorder import current
from npusim.language.scalar import read, write
from npusim.language.transfer import assemble
from npusim.language.values import Tile
from npusim.language.views import Value, reshape, slice_

_INTEGERS = (int, np.integer)


def get_item(x: Value, index: Any) -> Any:
    """``x[index]``: an element where every axis has an integer, else a slice."""
    entries = index if isinstance(index, tuple) else (index,)
    if len(entries) == 2 == len(x.shape) and type(entries[0]) is int is type(entries[1]):
        return read(x, list(entries))  # the common case, without the checks below
    if len(entries) == len(x.shape) and not any(isinstance(e, slice) for e in entries):
        return read(x, [_integer(e) for e in entries])
    sizes, offsets, dropped = _box(x, index)
    return slice_(x, sizes, offsets, drop_dims=dropped)


def set_item(x: Value, index: Any, value: Any) -> None:
    """``x[index] = value``: an element write, or an assemble."""
    entries = index if isinstance(index, tuple) else (index,)
    if len(entries) == len(x.shape) and not any(isinstance(e, slice) for e in entries):
        write(x, [_integer(e) for e in entries], value)
        return
    sizes, offsets, _ = _box(x, index)
    block = current().scope_block()
    tile = value if block is None else as_tile(block, value, "assemble")
    if not isinstance(tile, Tile):  # outside every scope: assemble knows what to do with it
        assemble(x, tile, offsets)
        return
    valid = tile.valid or tile.shape
    wanted = [n for n in sizes if n != 1]
    if valid == tile.shape and [n for n in valid if n != 1] != wanted:
        msg = (
            f"{current().where()}: {list(tile.shape)} assigned to a region {sizes} of {x!r}; "
            "expected the same shape"
        )
        raise KernelError(msg)
    if [n for n in tile.shape if n != 1] == wanted:  # unit axes may be elsewhere: x[:, 2, :] = tile
        assemble(x, reshape(tile, sizes), offsets)
    else:
        assemble(x, tile, offsets)


def _box(x: Value, index: Any) -> tuple[list[int], list[int], list[int]]:
    """Sizes, offsets and dropped axes of ``x[index]``; integers drop their axis.

    Raises:
        KernelError: If the index has a step, too many entries, or something other than integers.
    """
    entries = index if isinstance(index, tuple) else (index,)
    if len(entries) > len(x.shape):
        msg = (
            f"{current().where()}: {len(entries)} subscripts of a value with shape "
            f"{list(x.shape)}; expected at most {len(x.shape)}"
        )
        raise KernelError(msg)
    sizes, offsets, dropped = list(x.shape), [0] * len(x.shape), []
    for axis, entry in enumerate(entries):
        if type(entry) is slice:
            start, stop, step = entry.start, entry.stop, entry.step
            if step is not None and step != 1:
                msg = f"{current().where()}: subscript with step {step}; expected none"
                raise KernelError(msg)
            if type(start) is not int:
                start = 0 if start is None else _integer(start)
            if type(stop) is not int:
                stop = sizes[axis] if stop is None else _integer(stop)
            sizes[axis], offsets[axis] = stop - start, start
        else:
            sizes[axis], offsets[axis] = 1, _integer(entry)
            dropped.append(axis)
    return sizes, offsets, dropped


def _integer(entry: Any) -> int:
    if isinstance(entry, _INTEGERS):
        return int(entry)
    msg = f"{current().where()}: subscript {entry!r}; expected integers and slices of integers"
    raise KernelError(msg)

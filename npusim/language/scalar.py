"""Scalar reads and writes of tensors and tiles (DSL_REFERENCE.md section 5.6)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.block import NO_TILES
from npusim.language.recorder import Recorder, current, current_block
from npusim.language.values import Tensor, Tile
from npusim.language.views import Value
from npusim.program import NO_INDEX, AccessMode, EventKind, Space


def read(x: Value, index: int | Sequence[int]) -> Any:
    """One element as a Python number.

    In a scope this is a scalar read of global memory; outside, the orchestrator waits for the
    producer of ``x``, which may be a tile that left its scope. A single integer is a flat index.

    Raises:
        KernelError: If the index is out of range.
    """
    recorder = current()
    block = recorder.block
    if block is None and recorder.auto is not None:
        block = recorder.auto.scalar_block()
    if isinstance(x, Tile):
        return _read_tile(recorder, x, index)
    flat = _flat_index(recorder, x, index)
    if block is not None:
        block.scalar_read(x, flat)
    else:
        recorder.check_owned(x)
        recorder.note(EventKind.READ, x.buffer.tensor_id)
    value = x.buffer.flat.item(flat)
    return float(value) if x.dtype.is_float else value


def write(x: Value, index: int | Sequence[int], value: Any) -> Value:
    """Set one element, rounded to the type of ``x``; returns ``x``.

    Raises:
        KernelError: If the index is out of range.
    """
    recorder = current()
    element = recorder.element("write", value, x.dtype)
    if isinstance(x, Tensor):
        _write_element(recorder, x, index, element)
        return x
    block = current_block("write")
    target = block.outside(x)
    if target is not None:
        _write_element(recorder, target, index, element)
        return x
    place = block.in_place(x)
    x.array[_tuple_index(recorder, x, index)] = element
    tiles = (place, place, NO_INDEX, NO_INDEX)
    block.emit(table.SCALAR_WRITE, (x.dtype, x.dtype), (1, 1, 0), tiles, site=recorder.site())
    return x


def _read_tile(recorder: Recorder, x: Tile, index: int | Sequence[int]) -> Any:
    value = x.array[_tuple_index(recorder, x, index)].item()
    block = recorder.block
    if block is None:
        recorder.check_producer(x.storage)
        recorder.note(EventKind.READ, recorder.spill(x.storage, x.dtype).buffer.tensor_id)
    else:
        tiles = (NO_INDEX, block.operand(x, Space.UB), NO_INDEX, NO_INDEX)
        types = (x.dtype, x.dtype)
        block.emit(table.SCALAR_READ, types, (1, 1, 0), tiles, site=recorder.site())
    return float(value) if x.dtype.is_float else value


def _write_element(recorder: Recorder, x: Tensor, index: int | Sequence[int], element: Any) -> None:
    flat = _flat_index(recorder, x, index)
    block = recorder.block
    if block is None and recorder.auto is not None:
        block = recorder.auto.scalar_block()
    if block is None:
        recorder.check_owned(x)
        recorder.check_writable(x)
        recorder.note(EventKind.WRITE, x.buffer.tensor_id)
    else:
        access = block.access(x, AccessMode.WRITE, flat, (1,) * len(x.shape))
        types = (x.dtype, x.dtype)
        block.emit(table.SCALAR_WRITE, types, (1, 1, 0), NO_TILES, access, recorder.site())
    x.buffer.flat[flat] = element


def _flat_index(recorder: Recorder, x: Tensor, index: int | Sequence[int]) -> int:
    """Element number of ``index`` in the buffer of ``x``. Hot: no numpy, no temporaries."""
    shape = x.array.shape
    if isinstance(index, list) and len(index) == 2 == len(shape):  # nearly all reads of kernels
        row, column = index
        if 0 <= row < shape[0] and 0 <= column < shape[1]:
            return int(x.offset + row * x.strides[0] + column * x.strides[1])
    if isinstance(index, int | np.integer):
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
    if isinstance(place, int | np.integer):
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

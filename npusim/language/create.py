"""Fresh values: tensors, tiles, constants, padding (DSL_REFERENCE.md sections 5.3 and 5.6)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.compute import Operand, as_tile, finish
from npusim.language.dtypes import INT32, DType, promote, round_to
from npusim.language.enums import MemorySpace, PadValue
from npusim.language.recorder import current, current_block
from npusim.language.values import Tile
from npusim.language.views import pad_scalar
from npusim.program import Space, Unit

_FULL = table.add_row("full", Unit.VECTOR, "dup", summary="A tile filled with one value.")
_ARANGE = table.add_row(
    "arange",
    Unit.VECTOR,
    "dup",
    summary="A ramp of integers.",
    differs="Only the first row is defined; here the ramp goes on through all rows.",
)
_CONCAT = table.add_row("concat", Unit.VECTOR, "copy", summary="Two tiles side by side.")
_FILLPAD = table.add_row(
    "fillpad",
    Unit.VECTOR,
    "dup",
    summary="The invalid region filled with a padding value.",
    differs="Writes infinities where min and max are the finite limits here.",
)


def create_tensor(
    shape: Sequence[int],
    dtype: DType,
    init_value: float | None = None,
    manual_dep: bool = False,
) -> Any:
    """Uninitialised memory: a tensor outside scopes, a tile inside.

    Shapes: → shape. ``init_value`` fills it first. Contents must not be relied on; they are zero
    here, or poison when recording with ``RecordOptions(poison=True)``.
    """
    recorder = current()
    block = recorder.block
    if block is None and recorder.auto is not None:
        block = recorder.auto.scalar_block()
    if block is None:
        tensor = recorder.allocate(tuple(shape), dtype)
        tensor.buffer.is_manual_dep = manual_dep
        if init_value is not None:
            tensor.array[...] = recorder.element("create_tensor", init_value, dtype)
        return tensor
    array = recorder.fresh(tuple(shape), dtype)
    if init_value is not None:
        array[...] = recorder.element("create_tensor", init_value, dtype)
    return block.new_tile(array, dtype, Space.UNRESOLVED, recorder.site())


def create_tile(
    shape: Sequence[int], dtype: DType, target_memory: MemorySpace = MemorySpace.Vec
) -> Tile:
    """An uninitialised tile in ``target_memory``.

    Shapes: → shape.
    """
    block = current_block("create_tile")
    array = block.recorder.fresh(tuple(shape), dtype)
    return block.new_tile(array, dtype, target_memory.space, block.recorder.site())


def full(shape: Sequence[int], dtype: DType, value: float) -> Tile:
    """A tile filled with ``value``.

    Shapes: → shape.
    """
    block = current_block("full")
    number = block.recorder.element("full", value, dtype)
    return finish(block, _FULL, np.full(tuple(shape), number, dtype.numpy), dtype, ())


def arange(
    start: int, shape: Sequence[int], dtype: DType = INT32, descending: bool = False
) -> Tile:
    """A ramp of integers in the first row; other rows are undefined on the device.

    Shapes: → (1, N).
    """
    block = current_block("arange")
    count = int(np.prod(tuple(shape)))
    ramp = start - np.arange(count) if descending else start + np.arange(count)
    values = ramp.astype(dtype.numpy).reshape(tuple(shape))
    return finish(block, _ARANGE, values, dtype, ())


def concat(x: Operand, y: Operand) -> Tile:
    """Two tiles side by side, along the last axis.

    Shapes: x (M, N), y (M, P) → (M, N + P).
    """
    block = current_block("concat")
    left, right = as_tile(block, x, "concat"), as_tile(block, y, "concat")
    if left.shape[:-1] != right.shape[:-1]:
        msg = (
            f"{block.recorder.where()}: pl.concat of {list(left.shape)} and {list(right.shape)}; "
            "expected equal leading axes"
        )
        raise KernelError(msg)
    dtype = promote(left.dtype, right.dtype)
    parts = [round_to(tile.array, dtype) for tile in (left, right)]
    return finish(block, _CONCAT, np.concatenate(parts, axis=-1), dtype, (left, right))


def fillpad(x: Operand, pad_value: PadValue = PadValue.zero) -> Tile:
    """Everything outside the valid region filled; the result is valid throughout.

    Shapes: x (M, N) → (M, N). ``min`` and ``max`` are the finite limits of the type, as in the
    reference path; the device writes infinities, which differ only where a whole row is invalid.
    """
    block = current_block("fillpad")
    if not isinstance(pad_value, PadValue):
        msg = f"{block.recorder.where()}: pl.fillpad with {pad_value!r}; expected a pl.PadValue"
        raise KernelError(msg)
    tile = as_tile(block, x, "fillpad")
    result = np.full(tile.shape, pad_scalar(tile.dtype, pad_value), tile.dtype.numpy)
    valid = tuple(slice(0, n) for n in tile.valid or tile.shape)
    result[valid] = tile.array[valid]
    return finish(block, _FILLPAD, result, tile.dtype, (tile,))

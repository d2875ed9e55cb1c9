"""``pl.assemble`` outside every scope (DSL_REFERENCE.md section 1.3).

The orchestrator moves no data. What the compiler makes of the statement is that the task which
produced the source stores it into the destination in the first place, so the recording gives that
task one more store, into a view of the destination. Where several tasks filled a source tensor,
the last one stores it, and all of them have the destination as an output.
"""

from typing import Any

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.block import Block
from npusim.language.draft import ArgumentDraft
from npusim.language.recorder import Recorder
from npusim.language.values import Shape, Tensor, Tile, collapse, rows_and_cols
from npusim.language.views import Value
from npusim.program import NO_INDEX, AccessMode


def check_operands(recorder: Recorder, dst: Value, src: object, atomic: object) -> Value:
    """``src``, where it can be assembled into ``dst`` by the task that made it.

    Raises:
        KernelError: If ``dst`` is no tensor, ``src`` no value, or the store atomic.
    """
    if isinstance(dst, Tensor) and isinstance(src, Tensor | Tile) and atomic is None:
        recorder.check_owned(dst)
        recorder.check_writable(dst)
        if isinstance(src, Tile):
            recorder.check_producer(src.storage)
        return src
    msg = (
        f"{recorder.where()}: misplaced tensor operation: pl.assemble of {src!r} into {dst!r} "
        "outside every scope; expected a value into a tensor, not atomic; put it inside "
        "`with pl.at(...)` or `for i in pl.spmd(...)`"
    )
    raise KernelError(msg)


def store_outside(
    recorder: Recorder, dst: Value, src: Value, values: np.ndarray[Any, Any], start: Shape
) -> None:
    """Write ``values`` of ``src`` to ``dst`` at ``start``, in the tasks that produced them."""
    assert isinstance(dst, Tensor), "check_operands refuses anything else"
    box = tuple(slice(low, low + n) for low, n in zip(start, values.shape, strict=True))
    offset = dst.offset + sum(low * s for low, s in zip(start, dst.strides, strict=True))
    view = Tensor(dst.buffer, dst.array[box], offset)
    producers = [src.storage.block] if isinstance(src, Tile) else src.buffer.writers
    for producer in producers:
        _add_output(producer, view)
    if producers:
        tile = src.storage.tile_id if isinstance(src, Tile) else NO_INDEX
        site = src.storage.row[3] if isinstance(src, Tile) else recorder.site()
        region = collapse(view.shape, view.strides)
        row = (dst.buffer.tensor_id, int(AccessMode.WRITE), offset, *region)
        access = recorder.accesses.add(row)
        kind = (table.STORE, src.dtype.index, dst.dtype.index)
        shape = (*rows_and_cols(view.shape), 0)
        op = (*kind, *shape, NO_INDEX, tile, NO_INDEX, NO_INDEX, access, site)
        recorder.spills.append((producers[-1], op))
        dst.buffer.note_writer(producers[-1])
    view.array[...] = values


def _add_output(producer: Block, view: Tensor) -> None:
    arguments = producer.task.arguments
    arguments[id(view)] = ArgumentDraft(view, is_written=True, is_direct_write=True)

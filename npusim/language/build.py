"""Turn what a recorder holds into a frozen Program."""

from typing import Any

import numpy as np

from npusim.language.draft import TaskDraft
from npusim.language.dtypes import ALL_DTYPES
from npusim.language.naming import task_names
from npusim.language.recorder import Recorder
from npusim.language.rows import pack
from npusim.language.table import op_rows
from npusim.program import (
    BLOCK_DTYPE,
    OP_DTYPE,
    Argument,
    CoreType,
    Program,
    Task,
    TensorInfo,
)


def build_program(recorder: Recorder) -> Program:
    """The Program of a finished recording.

    Raises:
        KernelError: If a ``pl.spmd`` dispatch did not run all of its blocks.
    """
    recorder.check_complete()
    blocks = pack(recorder.blocks, BLOCK_DTYPE)
    ops = _with_spills(recorder, recorder.ops.to_array(), blocks)
    options = recorder.options
    return Program(
        kernel=options.kernel,
        variant=options.variant,
        parameters=dict(options.parameters),
        tensors=tuple(
            TensorInfo(
                tensor_id=buffer.tensor_id,
                name=buffer.name,
                shape=buffer.shape,
                dtype=buffer.dtype.name,
                nbytes=buffer.flat.nbytes,
                role=buffer.role,
                is_manual_dep=buffer.is_manual_dep,
            )
            for buffer in recorder.buffers
        ),
        tasks=tuple(
            _build_task(draft, name)
            for draft, name in zip(recorder.tasks, task_names(recorder.tasks), strict=True)
        ),
        events=tuple(sorted(recorder.events, key=lambda event: event.before_task)),
        op_kinds=tuple(row.kind for row in op_rows()),
        dtypes=tuple(dtype.name for dtype in ALL_DTYPES),
        dtype_bytes=tuple(dtype.nbytes for dtype in ALL_DTYPES),
        sites=tuple(recorder.site_names),
        ops=ops,
        tiles=recorder.tiles.to_array(),
        accesses=recorder.accesses.to_array(),
        blocks=blocks,
    )


def _with_spills(recorder: Recorder, ops: Any, blocks: Any) -> Any:
    """Insert the stores of tiles that left their scope at the end of the blocks that made them.

    Only the consumer reveals that a tile leaves, long after the producing block was closed, so the
    stores come as extra rows; ``blocks`` is updated to the new ranges.
    """
    if not recorder.spills:
        return ops
    lengths = blocks["op_stop"] - blocks["op_start"]
    owner = np.repeat(np.arange(len(blocks)), lengths)
    extra_owner = np.array([block.serial for block, _ in recorder.spills])
    extra = pack([row for _, row in recorder.spills], OP_DTYPE)
    owners = np.concatenate([owner, extra_owner])
    order = np.argsort(owners, kind="stable")
    stops = np.cumsum(np.bincount(owners, minlength=len(blocks)))
    blocks["op_stop"] = stops
    blocks["op_start"] = np.concatenate([[0], stops[:-1]])
    return np.concatenate([ops, extra])[order]


def _build_task(draft: TaskDraft, name: str) -> Task:
    if draft.uses_cube:
        core_type = CoreType.MIX if draft.uses_vector else CoreType.AIC
    else:
        core_type = CoreType.AIV
    arguments = tuple(
        Argument(
            tensor_id=item.handle.buffer.tensor_id,
            offset=item.handle.offset,
            shape=item.handle.shape,
            strides=item.handle.strides,
            is_read=item.is_read,
            is_written=item.is_written,
            is_direct_write=item.is_direct_write,
            is_no_dep=item.is_no_dep,
        )
        for item in draft.arguments.values()
    )
    return Task(
        task_id=draft.task_id,
        name=name,
        core_type=core_type,
        block_num=draft.block_num,
        first_block=draft.first_block,
        arguments=arguments,
        loops=draft.loops,
        deps=draft.deps,
        site=draft.site,
        is_dummy=draft.is_dummy,
        is_spmd=draft.is_spmd,
        is_manual=draft.is_manual,
        allow_early_resolve=draft.allow_early_resolve,
        sync_start=draft.sync_start,
        is_predicated=draft.is_predicated,
        split_mode=draft.split_mode,
    )

"""From a schedule without a runtime to a trace, so that every table and picture serves it too.

The gap before a block on a core is cut once::

    previous end                      ready                    start
    |------------ DEPENDENCY ---------|-- SYNC (MIX) or QUEUE --|

DEPENDENCY blames the predecessor that ended last. Without a runtime a ready block waits for nothing
but its cores, so QUEUE stays empty and SYNC is time in which other cores of its cluster were busy.
"""

import numpy as np

from npusim.analysis.schedules import Schedule
from npusim.analysis.work_graph import WorkGraph
from npusim.hardware.spec import ChipSpec
from npusim.simulator import SimulationOptions
from npusim.simulator.work import RuntimeWork
from npusim.trace import (
    EDGE_DTYPE,
    NO_TIME,
    PHASE_DTYPE,
    SLICE_DTYPE,
    WAIT_DTYPE,
    Lane,
    LaneKind,
    Trace,
    TraceInfo,
    TraceTask,
    WaitReason,
)
from npusim.trace.model import Records

_CORE_LEVEL = 1
"""Swimlane level of a trace that knows when kernels ran and nothing of the runtime."""


def placed_trace(
    work: RuntimeWork,
    graph: WorkGraph,
    schedule: Schedule,
    *,
    chip: ChipSpec,
    options: SimulationOptions,
) -> Trace:
    """The trace of ``schedule``; like a capture of level 1 it holds no times of the runtime."""
    slices = _slices(graph, schedule)
    edges = np.zeros(len(work.edges), EDGE_DTYPE)
    edges["pred"], edges["succ"] = work.edges[:, 0], work.edges[:, 1]
    edges["source"] = work.sources
    return Trace(
        info=TraceInfo(
            kernel=work.kernel,
            variant=work.variant,
            chip=chip.name,
            source="simulated",
            counter_mhz=chip.clock.counter_mhz,
            swimlane_level=_CORE_LEVEL,
            parameters={**work.parameters, "policy": options.policy},
        ),
        lanes=_core_lanes(chip),
        tasks=_tasks(work, schedule),
        slices=slices,
        waits=_waits(graph, schedule, slices, chip),
        phases=np.empty(0, PHASE_DTYPE),
        edges=edges,
    )


def _core_lanes(chip: ChipSpec) -> tuple[Lane, ...]:
    cubes, vectors = chip.topology.aic_count, chip.topology.aiv_count
    return (
        *(Lane(f"AIC[{i}]", LaneKind.AIC, i) for i in range(cubes)),
        *(Lane(f"AIV[{i}]", LaneKind.AIV, cubes + i) for i in range(vectors)),
    )


def _tasks(work: RuntimeWork, schedule: Schedule) -> tuple[TraceTask, ...]:
    functions = {name: number for number, name in enumerate(dict.fromkeys(work.names))}
    return tuple(
        TraceTask(
            task_id=task,
            func_id=functions[name],
            name=name,
            core_type=str(work.core_types[task]),
            block_num=max(1, int(work.block_num[task])),
            ready_ps=int(schedule.task_ready_ps[task]),
            is_dummy=bool(work.is_dummy[task]),
            has_early_dispatch=bool(work.allow_early_resolve[task]),
            is_predicated=bool(work.is_predicated[task]),
            is_cohort=bool(work.sync_start[task]),
        )
        for task, name in enumerate(work.names)
    )


def _slices(graph: WorkGraph, schedule: Schedule) -> Records:
    """One slice per part, ordered by start and lane."""
    slices = np.zeros(len(graph.part_block), SLICE_DTYPE)
    block = graph.part_block
    starts = schedule.block_start_ps[block]
    slices["lane"], slices["task"] = schedule.part_lane, graph.block_task[block]
    first_block = np.array([blocks.start for blocks in graph.task_blocks], np.int64)
    slices["block"] = block - first_block[slices["task"]] if len(block) else 0
    # Parts are in order of their sub-slot: AIC, then the AIVs of the cluster.
    position = np.arange(len(block)) - np.array([p.start for p in graph.block_parts])[block]
    has_cube = np.zeros(len(graph.block_task), np.int64)
    np.maximum.at(has_cube, block, 1 - graph.part_kind)
    slices["slot"] = position + 1 - has_cube[block]
    slices["start_ps"], slices["end_ps"] = starts, starts + graph.part_ps
    for name in ("dispatch_ps", "receive_ps", "finish_ps"):
        slices[name] = NO_TIME
    return slices[np.lexsort((slices["end_ps"], slices["lane"], slices["start_ps"]))]


def _waits(graph: WorkGraph, schedule: Schedule, slices: Records, chip: ChipSpec) -> Records:
    if not len(slices):
        return np.empty(0, WAIT_DTYPE)
    begin, stop = int(slices["start_ps"].min()), int(slices["end_ps"].max())
    ready, blamed = schedule.task_ready_ps.tolist(), _last_predecessors(graph, schedule)
    free = [begin] * (chip.topology.aic_count + chip.topology.aiv_count)
    is_mix = _mix_tasks(graph)
    rows: list[tuple[int, int, int, WaitReason, int, int]] = []
    columns = (slices[name].tolist() for name in ("lane", "task", "start_ps", "end_ps"))
    for lane, task, start, end in zip(*columns, strict=True):
        cut = min(max(ready[task], free[lane]), start)
        if cut > free[lane]:
            rows.append((lane, free[lane], cut, WaitReason.DEPENDENCY, task, blamed[task]))
        if start > cut:
            reason = WaitReason.SYNC if is_mix[task] else WaitReason.QUEUE
            rows.append((lane, cut, start, reason, task, -1))
        free[lane] = end
    rows += [
        (lane, end, stop, WaitReason.NO_WORK, -1, -1) for lane, end in enumerate(free) if end < stop
    ]
    rows.sort(key=lambda row: row[:2])
    return np.array(rows, WAIT_DTYPE)


def _mix_tasks(graph: WorkGraph) -> list[bool]:
    """Per task, whether its blocks need more than one core at once."""
    parts = np.bincount(graph.part_block, minlength=len(graph.block_task))
    found = np.zeros(graph.task_count, bool)
    found[graph.block_task[parts > 1]] = True
    return found.tolist()


def _last_predecessors(graph: WorkGraph, schedule: Schedule) -> list[int]:
    """Per task, the predecessor that ended last, or -1; a dummy ends when it is ready."""
    end_ps = schedule.task_ready_ps.copy()
    np.maximum.at(end_ps, graph.block_task, schedule.block_start_ps + graph.block_ps)
    ends = end_ps.tolist()
    return [
        max(tasks, key=lambda task: (ends[task], -task), default=-1) for tasks in graph.predecessors
    ]

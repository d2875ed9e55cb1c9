"""Schedules without a runtime: what the same work would take if dispatching cost nothing.

``zero_gap`` keeps every block on its core and in its order and only closes the gaps::

    measured   AIC[0]  |== 1 ==|......|== 4 ==|...........|== 6 ==|
               AIV[0]  ........|..|=== 5 ===|
    zero gap   AIC[0]  |== 1 ==|== 4 ==|..|== 6 ==|         6 waits for 5
               AIV[0]  ........|=== 5 ===|                  5 waits for 1

``list_schedule`` also chooses the cores: whenever one is free it takes the ready block that comes
first by the rule. Both are upper bounds of the best schedule, not the best one.
"""

import heapq
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from npusim.analysis.cluster_pool import ClusterPool, aiv_per_cluster
from npusim.analysis.critical_path import static_path
from npusim.analysis.task_progress import TaskProgress
from npusim.analysis.work_graph import Ints, WorkGraph
from npusim.errors import TraceError


class ListRule(StrEnum):
    """Which ready block a free core takes."""

    READY = "ready"
    """The one that has been ready longest, then the one submitted first."""
    PATH = "path"
    """The one with the longest chain behind it, then the one submitted first."""


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """When and where every block of a ``WorkGraph`` runs.

    Attributes:
        block_start_ps: (blocks,) start, from 0; the parts of a block start together.
        task_ready_ps: (tasks,) when the last predecessor ended.
        part_lane: (parts,) the lane of each part.
        makespan_ps: First start to last end.
    """

    block_start_ps: Ints
    task_ready_ps: Ints
    part_lane: Ints
    makespan_ps: int


def zero_gap(graph: WorkGraph) -> Schedule:
    """Every block on its own core, in its own order, as early as that and the dependencies allow.

    Raises:
        TraceError: If order on the cores and dependencies contradict each other, so that no such
            schedule exists (the trace ran a task before its predecessor).
    """
    progress = TaskProgress(graph)
    lane_after = _next_on_lane(graph)
    # A block waits for its task to be ready and for each of its cores to get to it.
    waits_for = [1] * len(graph.block_task)
    for following in lane_after:
        if following >= 0:
            waits_for[following] += 1
    block_task, part_ps = graph.block_task.tolist(), graph.part_ps.tolist()
    lane_of = graph.part_lane.tolist()
    start_ps, lane_free_ps = [-1] * len(block_task), dict.fromkeys(lane_of, 0)
    todo: list[int] = []

    def release(block: int) -> None:
        waits_for[block] -= 1
        if not waits_for[block]:
            todo.append(block)

    for task in progress.first():
        for block in graph.task_blocks[task]:
            release(block)
    for block in todo:  # grows while it is walked
        task, parts = block_task[block], graph.block_parts[block]
        start = max(progress.ready_ps[task], *(lane_free_ps[lane_of[part]] for part in parts))
        start_ps[block] = start
        for part in parts:
            lane_free_ps[lane_of[part]] = start + part_ps[part]
            if lane_after[part] >= 0:
                release(lane_after[part])
        for opened in progress.block_done(task, start + max(part_ps[part] for part in parts)):
            for other in graph.task_blocks[opened]:
                release(other)
    if len(todo) < len(block_task):
        stuck = graph.task_ids[block_task[start_ps.index(-1)]]
        msg = (
            f"zero_gap: task {stuck} can never start, because the order on the cores contradicts "
            "the dependencies; expected predecessors to end first; check the edges or use list_path"
        )
        raise TraceError(msg)
    return _schedule(graph, start_ps, progress, graph.part_lane.copy())


def list_schedule(graph: WorkGraph, rule: ListRule) -> Schedule:
    """A greedy schedule on the core types of ``graph``: no core idles while it could run a block.

    A MIX block takes one free cluster: an AIC with the AIVs beside it.

    Raises:
        TraceError: If a block needs cores that the machine does not have.
    """
    progress, shapes = TaskProgress(graph), _block_shapes(graph)
    pool = ClusterPool(graph.kind_lanes, aiv_per_cluster(graph.kind_lanes, shapes))
    tail_ps = static_path(graph).tail_ps.tolist() if rule is ListRule.PATH else None
    block_task, block_ps = graph.block_task.tolist(), graph.block_ps.tolist()
    part_ps = graph.part_ps.tolist()
    queues: dict[tuple[int, int], list[tuple[int, int]]] = {shape: [] for shape in set(shapes)}
    for shape in queues:
        pool.check(shape)
    start_ps, part_lane = [-1] * len(block_task), [-1] * len(part_ps)
    events: list[tuple[int, int, int]] = []  # time, 0 lane free or 1 block done, lane or block

    def push(tasks: list[int]) -> None:
        for task in tasks:
            key = progress.ready_ps[task] if tail_ps is None else -tail_ps[task]
            for block in graph.task_blocks[task]:
                heapq.heappush(queues[shapes[block]], (key, block))

    def start(block: int, lanes: tuple[int, ...]) -> None:
        start_ps[block] = now
        for part, lane in zip(graph.block_parts[block], lanes, strict=True):
            part_lane[part] = lane
            heapq.heappush(events, (now + part_ps[part], 0, lane))
        heapq.heappush(events, (now + block_ps[block], 1, block))

    now = 0
    push(progress.first())
    while True:
        fitting = {shape for shape, queue in queues.items() if queue}
        while fitting:
            shape = min(fitting, key=lambda one: queues[one][0])
            taken = pool.take(shape)
            if taken is None:
                fitting.discard(shape)
                continue
            start(heapq.heappop(queues[shape])[1], taken)
            if not queues[shape]:
                fitting.discard(shape)
        if not events:
            break
        now = events[0][0]
        while events and events[0][0] == now:
            _, kind, index = heapq.heappop(events)
            if kind == 0:
                pool.give_back(index)
            else:
                push(progress.block_done(block_task[index], now))
    return _schedule(graph, start_ps, progress, np.array(part_lane, np.int64))


def _next_on_lane(graph: WorkGraph) -> list[int]:
    """Per part, the block that runs next on its lane, or -1.

    Blocks are ordered by the start of their first part, so that the blocks of a cluster come in
    the same order on all of its cores.
    """
    first_ps = np.full(len(graph.block_task), np.iinfo(np.int64).max)
    np.minimum.at(first_ps, graph.part_block, graph.part_start_ps)
    rows = np.lexsort((graph.part_block, first_ps[graph.part_block], graph.part_lane))
    following = np.full(len(rows), -1, np.int64)
    same_lane = graph.part_lane[rows[:-1]] == graph.part_lane[rows[1:]]
    following[rows[:-1][same_lane]] = graph.part_block[rows[1:][same_lane]]
    return following.tolist()


def _block_shapes(graph: WorkGraph) -> list[tuple[int, int]]:
    """Per block, how many AIC and AIV it takes."""
    counts = np.zeros((len(graph.block_task), 2), np.int64)
    np.add.at(counts, (graph.part_block, graph.part_kind), 1)
    return [(cubes, vectors) for cubes, vectors in counts.tolist()]


def _schedule(
    graph: WorkGraph, start_ps: list[int], progress: TaskProgress, part_lane: Ints
) -> Schedule:
    starts = np.array(start_ps, np.int64)
    ends = starts + graph.block_ps
    makespan_ps = int(ends.max() - starts.min()) if len(starts) else 0
    return Schedule(starts, np.array(progress.ready_ps, np.int64), part_lane, makespan_ps)

"""A run without its clock: what each block costs, where it may run, who waits for whom.

This is what is left of a trace when its start times are taken away, and all that bounds, critical
path and schedules need. A task is complete when all of its blocks are; a block of a MIX task has
up to three parts, one per core, that start together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import TraceError
from npusim.trace import LaneKind, Trace
from npusim.trace.model import Records

Ints = npt.NDArray[np.int64]

CORE_KINDS = (LaneKind.AIC, LaneKind.AIV)
"""Core types by the number that ``WorkGraph.part_kind`` gives them."""


@dataclass(frozen=True)
class WorkGraph:
    """Tasks, blocks and parts with their durations, and the dependencies between tasks.

    Parts are sorted by block, blocks by task; times are picoseconds.

    Attributes:
        task_ids: The trace's own id of each task, for messages.
        block_task: (blocks,) task of each block.
        part_block: (parts,) block of each part.
        part_kind: (parts,) 0 AIC, 1 AIV.
        part_lane: (parts,) lane of the trace it ran on.
        part_ps: (parts,) duration.
        part_start_ps: (parts,) when it started in the trace; only its order is used.
        edges: (edges, 2) predecessor and successor task, each pair once, sorted.
        kind_lanes: Lanes of the trace by core type, in lane order.

    Raises:
        TraceError: If a task waits for itself, directly or through others.
    """

    task_ids: tuple[int, ...]
    block_task: Ints
    part_block: Ints
    part_kind: Ints
    part_lane: Ints
    part_ps: Ints
    part_start_ps: Ints
    edges: Ints
    kind_lanes: tuple[tuple[int, ...], ...]

    @property
    def task_count(self) -> int:
        """Tasks, dummies included."""
        return len(self.task_ids)

    @cached_property
    def predecessors(self) -> list[list[int]]:
        """Per task, the tasks it waits for."""
        return _neighbours(self.edges[:, 1], self.edges[:, 0], self.task_count)

    @cached_property
    def successors(self) -> list[list[int]]:
        """Per task, the tasks that wait for it."""
        return _neighbours(self.edges[:, 0], self.edges[:, 1], self.task_count)

    @cached_property
    def block_parts(self) -> list[range]:
        """Per block, its parts."""
        return _ranges(self.part_block, len(self.block_task))

    @cached_property
    def task_blocks(self) -> list[range]:
        """Per task, its blocks; none for a dummy."""
        return _ranges(self.block_task, self.task_count)

    @cached_property
    def block_ps(self) -> Ints:
        """(blocks,) duration of each block: its longest part."""
        longest = np.zeros(len(self.block_task), np.int64)
        np.maximum.at(longest, self.part_block, self.part_ps)
        return longest

    @cached_property
    def task_ps(self) -> Ints:
        """(tasks,) the least time a task takes however many cores there are: its longest block."""
        longest = np.zeros(self.task_count, np.int64)
        np.maximum.at(longest, self.block_task, self.block_ps)
        return longest

    @cached_property
    def order(self) -> list[int]:
        """All tasks, predecessors first.

        Raises:
            TraceError: If the dependencies run in a circle.
        """
        waiting = [len(tasks) for tasks in self.predecessors]
        found = [task for task, count in enumerate(waiting) if not count]
        for task in found:  # grows while it is walked
            for successor in self.successors[task]:
                waiting[successor] -= 1
                if not waiting[successor]:
                    found.append(successor)
        if len(found) < self.task_count:
            task = next(one for one, count in enumerate(waiting) if count)
            msg = (
                f"dependencies: task {self.task_ids[task]} is on a circle or behind one; "
                "expected an acyclic graph; check the edges of the capture"
            )
            raise TraceError(msg)
        return found


def work_graph(trace: Trace) -> WorkGraph:
    """The work and the dependencies of ``trace``, simulated or captured.

    Raises:
        TraceError: If its dependencies run in a circle.
    """
    edges, _ = distinct_edges(trace.edges["pred"], trace.edges["succ"])
    task_ids = tuple(task.task_id for task in trace.tasks)
    kinds = tuple(lane.kind for lane in trace.lanes)
    return graph_of_slices(trace.slices, task_ids=task_ids, edges=edges, lane_kinds=kinds)


def distinct_edges(pred: npt.NDArray[Any], succ: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Each pair once, sorted, and the position at which each came first.

    Shapes: pred (n,), succ (n,), tasks below 2**31 → (m, 2), (m,).
    """
    # One int64 a pair: numpy sorts those many times faster than rows.
    keys, first = np.unique(pred.astype(np.int64) << 32 | succ, return_index=True)
    return np.stack([keys >> 32, keys & 0xFFFF_FFFF], axis=1), first


def graph_of_slices(
    slices: Records, *, task_ids: tuple[int, ...], edges: Ints, lane_kinds: Sequence[LaneKind]
) -> WorkGraph:
    """The work of ``slices`` on lanes of these kinds.

    Args:
        slices: ``SLICE_DTYPE`` records; those on lanes that are no cores are left out.
        task_ids: The id of every task.
        edges: (edges, 2) predecessor and successor, repetitions allowed.
        lane_kinds: The kind of every lane.

    Raises:
        TraceError: If the dependencies run in a circle.
    """
    kinds = np.array([_kind_number(kind) for kind in lane_kinds], np.int64)
    slices = slices[kinds[slices["lane"]] >= 0]
    slices = slices[np.lexsort((slices["slot"], slices["block"], slices["task"]))]
    keys = slices["task"].astype(np.int64) << 32 | slices["block"].astype(np.int64)
    unique, part_block = np.unique(keys, return_inverse=True)
    graph = WorkGraph(
        task_ids=task_ids,
        block_task=unique >> 32,
        part_block=part_block.astype(np.int64),
        part_kind=kinds[slices["lane"]],
        part_lane=slices["lane"].astype(np.int64),
        part_ps=slices["end_ps"] - slices["start_ps"],
        part_start_ps=slices["start_ps"].copy(),
        edges=distinct_edges(edges[:, 0], edges[:, 1])[0],
        kind_lanes=tuple(
            tuple(np.flatnonzero(kinds == number).tolist()) for number in range(len(CORE_KINDS))
        ),
    )
    assert len(graph.order) == graph.task_count, "order covers every task or raises"
    return graph


def _kind_number(kind: LaneKind) -> int:
    return CORE_KINDS.index(kind) if kind in CORE_KINDS else -1


def _neighbours(keys: Ints, values: Ints, count: int) -> list[list[int]]:
    rows = np.argsort(keys, kind="stable")
    listed, bounds = values[rows].tolist(), _bounds(keys[rows], count)
    return [listed[bounds[i] : bounds[i + 1]] for i in range(count)]


def _ranges(sorted_keys: Ints, count: int) -> list[range]:
    bounds = _bounds(sorted_keys, count)
    return [range(bounds[i], bounds[i + 1]) for i in range(count)]


def _bounds(sorted_keys: Ints, count: int) -> list[int]:
    found: list[int] = np.searchsorted(sorted_keys, np.arange(count + 1)).tolist()
    return found

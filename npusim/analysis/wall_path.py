"""Question: which critical path does the ecosystem's own tool report for this run?

``simpler_setup.tools.critical_path`` of hw-native-sys/simpler (commit 6ebaf7715) defines its two
paths on whole tasks, whatever their blocks did; these are the same quantities, so that a figure
read there can be found here:

- A task lasts from the first start to the last end of its kernels. A dependency counts between two
  tasks that both ran, if the first ended before the second started; nothing leads through a dummy.
- The **static** path is the chain of dependent tasks with the largest sum of durations.
- The **observed** path goes back from the task that ended last, each time to what ended last before
  it started: a predecessor, or the task before it on the core where it started first::

    |= compute =|- stall -|==== compute ====|- stall -|= compute =|     adds up to the makespan

That tool reads ticks of the chip's counter, so the times of a simulated run are cut to those; a
capture has no others. ``npusim.analysis.critical_path`` and ``observed_path`` ask the same of
single kernels.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from npusim.trace import NO_TIME, Trace
from npusim.trace.model import Records
from npusim.units import ps_to_ticks, ticks_to_ps


@dataclass(frozen=True, slots=True)
class WallSegment:
    """One task on the observed path: the stall before it, then what it ran."""

    task: int
    start_ps: int
    """Since the first kernel start."""
    stall_ps: int
    compute_ps: int
    """Less than its duration where the task before it on the path still ran."""


@dataclass(frozen=True, slots=True)
class WallPath:
    """Both paths of a run; times in picoseconds, tasks as indices, first to last.

    Attributes:
        makespan_ps: First kernel start to last kernel end.
        static_ps: Length of the static path.
        static_tasks: The tasks on it.
        segments: The observed path; stalls and computing add up to the makespan.
    """

    makespan_ps: int
    static_ps: int
    static_tasks: tuple[int, ...]
    segments: tuple[WallSegment, ...]

    @property
    def compute_ps(self) -> int:
        """What the observed path ran."""
        return sum(segment.compute_ps for segment in self.segments)

    @property
    def stall_ps(self) -> int:
        """What it waited."""
        return sum(segment.stall_ps for segment in self.segments)

    @property
    def observed_tasks(self) -> tuple[int, ...]:
        """The tasks on it."""
        return tuple(segment.task for segment in self.segments)


@dataclass(frozen=True, slots=True)
class _Tasks:
    """Wall-clock times of the tasks that ran, and what each may have waited for."""

    start: dict[int, int]
    end: dict[int, int]
    predecessors: dict[int, list[int]]
    on_core: dict[int, tuple[int, int]]
    """The task before it on the core where it started first, and when that core fell free."""
    names: dict[int, str]
    """Task ids as text; they break ties."""


def wall_path(trace: Trace) -> WallPath:
    """The static and the observed path of ``trace``; all zero for a trace without kernels."""
    if not len(trace.slices):
        return WallPath(0, 0, (), ())
    tasks = _whole_tasks(trace)
    static_ps, static_tasks = _static(tasks)
    segments = []
    begin_ps = frontier_ps = min(tasks.start.values())
    for task in _observed(tasks):
        start_ps, end_ps = tasks.start[task], tasks.end[task]
        stall_ps = max(0, start_ps - frontier_ps)
        compute_ps = max(0, end_ps - max(start_ps, frontier_ps))
        segments.append(WallSegment(task, start_ps - begin_ps, stall_ps, compute_ps))
        frontier_ps = max(frontier_ps, end_ps)
    makespan_ps = max(tasks.end.values()) - begin_ps
    return WallPath(makespan_ps, static_ps, static_tasks, tuple(segments))


def _whole_tasks(trace: Trace) -> _Tasks:
    never = np.iinfo(np.int64).max
    first = np.full(len(trace.tasks), never, np.int64)
    last = np.full(len(trace.tasks), NO_TIME, np.int64)
    slices = _in_ticks(trace)
    np.minimum.at(first, slices["task"], slices["start_ps"])
    np.maximum.at(last, slices["task"], slices["end_ps"])
    ran = np.flatnonzero(last != NO_TIME).tolist()
    start = {task: int(first[task]) for task in ran}
    end = {task: int(last[task]) for task in ran}
    predecessors: defaultdict[int, list[int]] = defaultdict(list)
    pairs = zip(trace.edges["pred"].tolist(), trace.edges["succ"].tolist(), strict=True)
    for pred, succ in dict.fromkeys(pairs):
        both_ran = pred in start and succ in start
        if both_ran and end[pred] <= start[succ] and start[pred] < start[succ]:
            predecessors[succ].append(pred)
    names = {task: str(trace.tasks[task].task_id) for task in ran}
    return _Tasks(start, end, dict(predecessors), _core_predecessors(slices, start), names)


def _in_ticks(trace: Trace) -> Records:
    """The slices at the resolution of the chip's counter."""
    if trace.info.source != "simulated":
        return trace.slices
    mhz = trace.info.counter_mhz
    slices = trace.slices.copy()
    for column in ("start_ps", "end_ps"):
        times = slices[column].tolist()
        slices[column] = [ticks_to_ps(ps_to_ticks(time_ps, mhz), mhz) for time_ps in times]
    return slices


def _core_predecessors(slices: Records, start: dict[int, int]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for rows in _rows_by_lane(slices):
        before, free_ps = -1, 0
        for start_ps, end_ps, task in rows:
            is_bound = before not in {-1, task} and free_ps <= start_ps == start[task]
            if is_bound and (task not in found or free_ps > found[task][1]):
                found[task] = (before, free_ps)
            if before == -1 or end_ps > free_ps:
                before, free_ps = task, end_ps
    return found


def _rows_by_lane(slices: Records) -> Iterator[list[tuple[int, int, int]]]:
    lanes: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    columns = ("lane", "start_ps", "end_ps", "task")
    for lane, start_ps, end_ps, task in slices[list(columns)].tolist():
        lanes[lane].append((start_ps, end_ps, task))
    for rows in lanes.values():
        yield sorted(rows)


def _static(tasks: _Tasks) -> tuple[int, tuple[int, ...]]:
    finish: dict[int, int] = {}
    choice: dict[int, int] = {}
    # A predecessor started strictly earlier, so the order of starts is a topological one.
    for task in sorted(tasks.start, key=lambda task: tasks.start[task]):
        best_ps = 0
        for pred in tasks.predecessors.get(task, ()):
            if finish[pred] > best_ps:
                best_ps, choice[task] = finish[pred], pred
        finish[task] = best_ps + tasks.end[task] - tasks.start[task]
    task = max(finish, key=lambda task: finish[task])
    length_ps, path = finish[task], [task]
    while path[-1] in choice:
        path.append(choice[path[-1]])
    return length_ps, tuple(reversed(path))


def _observed(tasks: _Tasks) -> list[int]:
    path = [max(tasks.end, key=lambda task: tasks.end[task])]
    while True:
        task = path[-1]
        bound = [
            (tasks.end[pred], tasks.names[pred], pred) for pred in tasks.predecessors.get(task, ())
        ]
        if task in tasks.on_core:
            before, free_ps = tasks.on_core[task]
            if tasks.start[before] < tasks.start[task]:
                bound.append((free_ps, tasks.names[before], before))
        if not bound:
            return path[::-1]
        path.append(max(bound)[2])

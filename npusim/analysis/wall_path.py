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

``npusim.analysis.critical_path`` and ``observed_path`` ask the same of single kernels.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from npusim.trace import NO_TIME, Trace


@dataclass(frozen=True, slots=True)
class WallPath:
    """Both paths of a run; times in picoseconds, tasks as indices, first to last.

    Attributes:
        makespan_ps: First kernel start to last kernel end.
        static_ps: Length of the static path.
        static_tasks: The tasks on it.
        compute_ps: What the observed path ran.
        stall_ps: What it waited; with ``compute_ps`` the makespan.
        observed_tasks: The tasks on it.
    """

    makespan_ps: int
    static_ps: int
    static_tasks: tuple[int, ...]
    compute_ps: int
    stall_ps: int
    observed_tasks: tuple[int, ...]


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
        return WallPath(0, 0, (), 0, 0, ())
    tasks = _whole_tasks(trace)
    static_ps, static_tasks = _static(tasks)
    observed = _observed(tasks)
    frontier_ps = trace.span_ps[0]
    compute_ps = stall_ps = 0
    for task in observed:
        start_ps, end_ps = tasks.start[task], tasks.end[task]
        stall_ps += max(0, start_ps - frontier_ps)
        compute_ps += max(0, end_ps - max(start_ps, frontier_ps))
        frontier_ps = max(frontier_ps, end_ps)
    return WallPath(
        trace.makespan_ps, static_ps, static_tasks, compute_ps, stall_ps, tuple(observed)
    )


def _whole_tasks(trace: Trace) -> _Tasks:
    never = np.iinfo(np.int64).max
    first = np.full(len(trace.tasks), never, np.int64)
    last = np.full(len(trace.tasks), NO_TIME, np.int64)
    np.minimum.at(first, trace.slices["task"], trace.slices["start_ps"])
    np.maximum.at(last, trace.slices["task"], trace.slices["end_ps"])
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
    return _Tasks(start, end, dict(predecessors), _core_predecessors(trace, start), names)


def _core_predecessors(trace: Trace, start: dict[int, int]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for rows in _rows_by_lane(trace):
        before, free_ps = -1, 0
        for start_ps, end_ps, task in rows:
            is_bound = before not in {-1, task} and free_ps <= start_ps == start[task]
            if is_bound and (task not in found or free_ps > found[task][1]):
                found[task] = (before, free_ps)
            if before == -1 or end_ps > free_ps:
                before, free_ps = task, end_ps
    return found


def _rows_by_lane(trace: Trace) -> Iterator[list[tuple[int, int, int]]]:
    lanes: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    columns = ("lane", "start_ps", "end_ps", "task")
    for lane, start_ps, end_ps, task in trace.slices[list(columns)].tolist():
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

"""Why a core was idle before each of its kernels.

The gap before task T on a lane is cut at the moments at which T came closer to running::

    previous end                                                       start of T
    |---DEPENDENCY---|---SUBMIT---|---DISPATCH---|---QUEUE---|---DISPATCH---|
              last predecessor  submitted     entered      popped by
              ended             by the        the ready    a scheduler
                                orchestrator  queue

A moment that lies before the one to its left cuts nothing. While T waits in the queue for a whole
cluster (MIX) of which another core is busy, the wait is SYNC. After the last kernel of a lane, and
on a lane that never ran one, it is NO_WORK.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from npusim.program import CoreType
from npusim.simulator.machine import Core, Run
from npusim.simulator.task_state import TaskState
from npusim.trace import WaitReason


class Wait(NamedTuple):
    """One wait of a core lane, columns as in ``WAIT_DTYPE``."""

    lane: int
    start_ps: int
    end_ps: int
    reason: WaitReason
    task: int
    blamed: int


def list_waits(
    runs: Sequence[Run], cores: Sequence[Core], tasks: Sequence[TaskState]
) -> list[Wait]:
    """All waits of all core lanes between the first kernel start and the last kernel end.

    Args:
        runs: Every run of the simulation.
        cores: All cores; the number of a core is its lane.
        tasks: All tasks, finished.

    Returns:
        Waits that, with the runs, cover every lane from the first start to the last end.
    """
    if not runs:
        return []
    start_ps = min(run.start_ps for run in runs)
    stop_ps = max(run.end_ps for run in runs)
    by_lane: dict[int, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda one: (one.start_ps, one.end_ps)):
        by_lane[run.core.core_id].append(run)
    classify = _Classifier(by_lane, cores, tasks)
    waits: list[Wait] = []
    for core in cores:
        free_ps = start_ps
        for run in by_lane[core.core_id]:
            waits.extend(classify.gap(run, free_ps))
            free_ps = run.end_ps
        if free_ps < stop_ps:
            waits.append(Wait(core.core_id, free_ps, stop_ps, WaitReason.NO_WORK, -1, -1))
    return waits


class _Classifier:
    """Cuts the gap before a run into waits."""

    def __init__(
        self, by_lane: dict[int, list[Run]], cores: Sequence[Core], tasks: Sequence[TaskState]
    ) -> None:
        self._by_lane = by_lane
        self._tasks = tasks
        self._clusters: dict[int, list[int]] = defaultdict(list)
        for core in cores:
            self._clusters[core.cluster].append(core.core_id)
        self._last_predecessor = [self._find_last_predecessor(state) for state in tasks]

    def _find_last_predecessor(self, state: TaskState) -> int:
        ends = [(self._tasks[one].end_ps, one) for one in state.predecessors]
        return max(ends)[1] if ends else -1

    def gap(self, run: Run, free_ps: int) -> Iterator[Wait]:
        """The waits between ``free_ps``, when the lane became idle, and the start of ``run``."""
        state = self._tasks[run.task]
        blamed = self._last_predecessor[run.task]
        dependency_ps = self._tasks[blamed].end_ps if blamed >= 0 else free_ps
        steps = (
            (dependency_ps, WaitReason.DEPENDENCY),
            (state.submit_end_ps, WaitReason.SUBMIT),
            (state.ready_ps, WaitReason.DISPATCH),
            (run.popped_ps, WaitReason.QUEUE),
            (run.start_ps, WaitReason.DISPATCH),
        )
        now_ps = free_ps
        for until_ps, reason in steps:
            end_ps = min(until_ps, run.start_ps)
            if end_ps <= now_ps:
                continue
            if reason is WaitReason.QUEUE and state.task.core_type is CoreType.MIX:
                yield from self._queue(run, now_ps, end_ps)
            else:
                guilty = blamed if reason is WaitReason.DEPENDENCY else -1
                yield Wait(run.core.core_id, now_ps, end_ps, reason, run.task, guilty)
            now_ps = end_ps

    def _queue(self, run: Run, start_ps: int, end_ps: int) -> Iterator[Wait]:
        """Time in the queue of a MIX task, split by whether another core of the cluster ran."""
        lane, now_ps = run.core.core_id, start_ps
        for busy_from_ps, busy_to_ps in self._busy_beside(run, start_ps, end_ps):
            if busy_from_ps > now_ps:
                yield Wait(lane, now_ps, busy_from_ps, WaitReason.QUEUE, run.task, -1)
                now_ps = busy_from_ps
            if busy_to_ps > now_ps:
                yield Wait(lane, now_ps, busy_to_ps, WaitReason.SYNC, run.task, -1)
                now_ps = busy_to_ps
        if end_ps > now_ps:
            yield Wait(lane, now_ps, end_ps, WaitReason.QUEUE, run.task, -1)

    def _busy_beside(self, run: Run, start_ps: int, end_ps: int) -> list[tuple[int, int]]:
        """When other cores of the cluster ran between two times, in order of their start."""
        return sorted(
            (max(other.start_ps, start_ps), min(other.end_ps, end_ps))
            for lane in self._clusters[run.core.cluster]
            if lane != run.core.core_id
            for other in self._by_lane[lane]
            if other.start_ps < end_ps and other.end_ps > start_ps
        )

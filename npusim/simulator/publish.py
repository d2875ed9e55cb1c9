"""Blocks from a queue into the slots of cores: prepare all, then publish one after the other.

::

    popped   prepare 0    prepare 1    prepare 2   fence  dispatch
    |--------|------------|------------|-----------|------|-|-|-|
                                                           registers of the cores
"""

from typing import TYPE_CHECKING

from npusim.simulator.drain import Place
from npusim.simulator.log import Depths
from npusim.simulator.machine import Run
from npusim.simulator.task_state import TaskState
from npusim.trace import PhaseKind

if TYPE_CHECKING:
    from npusim.simulator.runtime_state import RuntimeState
    from npusim.simulator.scheduler import SchedulerThread

Claim = tuple[TaskState, int]
"""A task and the number of one of its blocks."""


class Publisher:
    """Publishes for one thread."""

    def __init__(self, state: "RuntimeState", thread: "SchedulerThread") -> None:
        self._state = state
        self._thread = thread
        self._costs = state.costs

    def publish(
        self, claims: list[Claim], places: list[Place], kind: PhaseKind, before: Depths
    ) -> int:
        """Publish a batch of blocks, the first on the first place; returns when that is done.

        Args:
            claims: The blocks.
            places: At least as many; a free slot of each of their cores is filled.
            kind: The phase it makes; blocks of ``EARLY_DISPATCH`` wait behind a gate.
            before: Depths of the queues before the blocks were taken.
        """
        costs, phases = self._costs, self._thread.phases
        popped_ps = self._state.clock.now_ps
        is_gated = kind is PhaseKind.EARLY_DISPATCH
        per_block_ps = costs.stage_ps if is_gated else costs.prepare_ps
        dispatch_ps = popped_ps + costs.pop_ps + len(claims) * per_block_ps + costs.fence_ps
        end_ps = dispatch_ps
        for claim, place in zip(claims, places, strict=False):
            runs = _make_runs(claim, place, popped_ps, dispatch_ps, is_gated=is_gated)
            times = [end_ps + (number + 1) * costs.publish_ps for number in range(len(runs))]
            end_ps = times[-1]
            self._state.device.place(runs, times)
            for run in runs:
                self._thread.core_changed(run.core)
        tasks = {task.task_id: task for task, _ in claims}
        count = sum(len(place) for place in places[: len(claims)])
        pops = (len(tasks), int(len(claims) < len(places)))
        phases.add(kind, popped_ps, end_ps, count, before, pops=pops)
        for task in tasks.values():
            if task.allow_early_resolve and task.is_published:
                self._state.clock.call_at(end_ps, self._state.propose_consumers, task)
        return end_ps


def _make_runs(
    claim: Claim, place: Place, popped_ps: int, dispatch_ps: int, *, is_gated: bool
) -> list[Run]:
    task, block = claim
    runs = [Run(task, block, core, popped_ps) for core in place]
    mates = tuple(runs) if len(runs) > 1 else ()
    for run in runs:
        run.mates = mates
        run.dispatch_ps = dispatch_ps
        run.is_gated = run.is_staged = is_gated
    if is_gated:
        task.staged = [*(task.staged or ()), *runs]
    return runs

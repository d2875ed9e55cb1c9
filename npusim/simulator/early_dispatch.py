"""Early dispatch: consumers on their cores before their producers have ended.

A task is a candidate when each of its producers is complete, or flagged ``allow_early_resolve`` and
on its cores with all of its blocks. It is staged behind a gate, on idle cores first, then in
pending slots, by a thread that has nothing else to dispatch; the thread that resolves its last
producer opens the gate.
"""

from collections.abc import Sequence

from npusim.program import CoreType
from npusim.simulator.task_state import ShapeQueues, TaskState


class EarlyDispatch:
    """The queues of candidates, one per shape."""

    def __init__(self, *, is_on: bool, capacity: int) -> None:
        self.is_on = is_on
        self.queues = ShapeQueues()
        self._capacity = capacity

    def consider(self, state: TaskState, tasks: Sequence[TaskState]) -> bool:
        """Queue a wired task if it is a candidate and there is room; True if it was queued."""
        if state.is_early or not state.unresolved or not may_be_early(state):
            return False
        for one in state.predecessors:
            producer = tasks[one]
            if not producer.is_complete and not (
                producer.allow_early_resolve and producer.is_published
            ):
                return False
        queue = self.queues.by_shape[state.core_type]
        if len(queue) >= self._capacity:
            return False
        state.is_early = True
        queue.append(state)
        return True

    def drop(self, state: TaskState) -> None:
        """The task is ready: what is left of it goes through the ready queues."""
        queue = self.queues.by_shape[state.core_type]
        if state in queue:
            queue.remove(state)

    def waits(self, shape: CoreType) -> bool:
        """True if there is a candidate of that shape."""
        return bool(self.queues.by_shape[shape])


def may_be_early(state: TaskState) -> bool:
    """False for tasks that never go early: dummies, predicated ones, cohorts."""
    return not (state.is_dummy or state.is_predicated or state.sync_start)

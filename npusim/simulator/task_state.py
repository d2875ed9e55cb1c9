"""The life of a task in the runtime.

A task goes through these states, each with its time::

    submitted ──predecessors complete──▶ ready (queued) ──blocks popped, published──▶ running
              ──last subtask seen──▶ complete ──consumers resolved──▶ (forgotten)
"""

from collections import deque
from dataclasses import dataclass, field

import simpy

from npusim.program import CoreType, Task
from npusim.trace import NO_TIME


@dataclass(slots=True, eq=False)
class TaskState:
    """Mutable state of one task; ``predecessors`` and ``task`` never change."""

    task: Task
    predecessors: tuple[int, ...]
    cores_per_block: int
    consumers: list[int] = field(default_factory=list)
    """In the order in which they were wired."""
    unresolved: int = 0
    """Predecessors that were not complete when last looked at."""
    next_block: int = 0
    subtasks_left: int = 0
    submit_start_ps: int = NO_TIME
    submit_end_ps: int = NO_TIME
    ready_ps: int = NO_TIME
    is_complete: bool = False
    end_ps: int = NO_TIME
    """The last kernel end; for a dummy, when it completed."""
    completion: simpy.Event | None = None
    """Fires when the task completes, if the orchestrator waits for it."""

    def __post_init__(self) -> None:
        self.subtasks_left = self.task.block_num * self.cores_per_block

    @property
    def label(self) -> str:
        """How messages name the task."""
        return f"task {self.task.task_id} ({self.task.name})"


class ReadyQueues:
    """One first-in first-out queue per shape, shared by all threads, and one for dummies."""

    def __init__(self) -> None:
        self.by_shape: dict[CoreType, deque[TaskState]] = {shape: deque() for shape in CoreType}
        self.dummies: deque[TaskState] = deque()

    def push(self, state: TaskState) -> None:
        """Append a task that may run; one without blocks is served like a dummy."""
        if state.task.is_dummy or not state.task.block_num:
            self.dummies.append(state)
        else:
            self.by_shape[state.task.core_type].append(state)

    def claim(self, shape: CoreType, places: int) -> list[tuple[TaskState, int]]:
        """Take up to ``places`` blocks from the head, as (task, block number).

        A task with more blocks than there are places goes back to the tail, so that other threads
        continue it.
        """
        queue = self.by_shape[shape]
        claimed: list[tuple[TaskState, int]] = []
        while queue and len(claimed) < places:
            state = queue.popleft()
            wave = min(state.task.block_num - state.next_block, places - len(claimed))
            claimed.extend((state, state.next_block + one) for one in range(wave))
            state.next_block += wave
            if state.next_block < state.task.block_num:
                queue.append(state)
        return claimed

    @property
    def depths(self) -> tuple[int, int, int]:
        """Tasks waiting for AIC, AIV and MIX."""
        aic, aiv, mix = (
            len(self.by_shape[one]) for one in (CoreType.AIC, CoreType.AIV, CoreType.MIX)
        )
        return aic, aiv, mix

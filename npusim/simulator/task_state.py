"""The life of a task in the runtime, and the queues it goes through.

A task goes through these states, each with its time::

    submitted ──predecessors complete──▶ ready (queued) ──blocks popped, published──▶ running
              ──last subtask seen──▶ complete ──consumers resolved──▶ (forgotten)

With early dispatch its blocks may be staged on cores between submitted and ready; they start when
it becomes ready.
"""

from collections import deque
from typing import TYPE_CHECKING

from npusim.program import CoreType
from npusim.trace import NO_TIME

if TYPE_CHECKING:
    from collections.abc import Callable

    from npusim.simulator.machine import Run
    from npusim.simulator.rings import RingEntry


class TaskState:
    """Mutable state of one task; the first group of attributes never changes."""

    __slots__ = (
        "allow_early_resolve",
        "blocks",
        "consumers",
        "core_type",
        "cores_per_block",
        "end_ps",
        "entry",
        "first_block",
        "is_complete",
        "is_dummy",
        "is_early",
        "is_predicated",
        "name",
        "next_block",
        "on_complete",
        "predecessors",
        "ready_ps",
        "staged",
        "submit_end_ps",
        "submit_start_ps",
        "subtasks_left",
        "sync_start",
        "task_id",
        "unresolved",
        "waited_ps",
    )

    def __init__(
        self,
        task_id: int,
        name: str,
        core_type: CoreType,
        blocks: int,
        first_block: int,
        *,
        cores_per_block: int = 1,
        predecessors: tuple[int, ...] = (),
    ) -> None:
        self.task_id = task_id
        self.name = name
        self.core_type = core_type
        self.blocks = blocks
        self.first_block = first_block
        """Number of its first block among those of all tasks."""
        self.cores_per_block = cores_per_block
        self.predecessors = predecessors
        self.is_dummy = not blocks
        self.allow_early_resolve = False
        self.sync_start = False
        self.is_predicated = False

        self.consumers: list[int] | None = None
        """In the order in which they were wired; None while there is none."""
        self.unresolved = 0
        """Predecessors that were not complete when last looked at."""
        self.waited_ps = 0
        """When the last predecessor so far reached this task on its walk."""
        self.next_block = 0
        self.subtasks_left = blocks * cores_per_block
        self.submit_start_ps = NO_TIME
        self.submit_end_ps = NO_TIME
        self.ready_ps = NO_TIME
        self.is_complete = False
        self.is_early = False
        """It is or was in an early queue."""
        self.staged: list[Run] | None = None
        """Blocks on cores that wait behind a gate, one run per core."""
        self.end_ps = NO_TIME
        """The last kernel end; for a dummy, when it completed."""
        self.on_complete: Callable[[], None] | None = None
        """Called when the task completes, if the orchestrator waits for it."""
        self.entry: RingEntry | None = None
        """What it holds of its ring."""

    @property
    def label(self) -> str:
        """How messages name the task."""
        return f"task {self.task_id} ({self.name})"

    @property
    def is_published(self) -> bool:
        """True once every block is on a core."""
        return self.next_block >= self.blocks and not self.is_dummy


class ShapeQueues:
    """One first-in first-out queue per shape, shared by all threads."""

    __slots__ = ("by_shape",)

    def __init__(self) -> None:
        self.by_shape: dict[CoreType, deque[TaskState]] = {shape: deque() for shape in CoreType}

    def claim(self, shape: CoreType, places: int) -> list[tuple[TaskState, int]]:
        """Take up to ``places`` blocks from the head, as (task, block number).

        A task with more blocks than there are places goes back to the tail, so that other threads
        continue it.
        """
        queue = self.by_shape[shape]
        claimed: list[tuple[TaskState, int]] = []
        while queue and len(claimed) < places:
            state = queue.popleft()
            wave = min(state.blocks - state.next_block, places - len(claimed))
            claimed.extend((state, state.next_block + one) for one in range(wave))
            state.next_block += wave
            if state.next_block < state.blocks:
                queue.append(state)
        return claimed


class ReadyQueues(ShapeQueues):
    """The ready queues, the lane of ``sync_start`` tasks before them, and that of dummies."""

    __slots__ = ("_with_blocks", "dummies", "sync")

    def __init__(self) -> None:
        super().__init__()
        self.sync: dict[CoreType, deque[TaskState]] = {shape: deque() for shape in CoreType}
        self.dummies: deque[TaskState] = deque()
        self._with_blocks = (*self.by_shape.values(), *self.sync.values())

    def push(self, state: TaskState) -> None:
        """Append a task that may run; one without blocks is served like a dummy."""
        if state.is_dummy:
            self.dummies.append(state)
        elif state.sync_start and state.blocks > 1:
            self.sync[state.core_type].append(state)
        else:
            self.by_shape[state.core_type].append(state)

    @property
    def is_empty(self) -> bool:
        """True if no task with blocks waits."""
        return not any(self._with_blocks)

    @property
    def depths(self) -> tuple[int, int, int]:
        """Tasks waiting for AIC, AIV and MIX."""
        ready, sync = self.by_shape, self.sync
        return (
            len(ready[CoreType.AIC]) + len(sync[CoreType.AIC]),
            len(ready[CoreType.AIV]) + len(sync[CoreType.AIV]),
            len(ready[CoreType.MIX]) + len(sync[CoreType.MIX]),
        )

"""What the orchestrator and the scheduler threads of one simulation share."""

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

import simpy

from npusim.errors import NpuSimError
from npusim.hardware.spec import ChipSpec
from npusim.program import CoreType, Program, Task
from npusim.simulator.log import EventLog
from npusim.simulator.machine import Core, build_cores
from npusim.simulator.task_state import ReadyQueues, TaskState

if TYPE_CHECKING:
    from npusim.dependencies import TaskGraph

Process = Generator[simpy.Event, None, None]


class RuntimeState:
    """Tasks, ready queues and cores; the only place where a task becomes ready."""

    def __init__(
        self, env: simpy.Environment, program: Program, graph: "TaskGraph", chip: ChipSpec
    ) -> None:
        self.env = env
        self.chip = chip
        self.log = EventLog()
        self.cores: list[Core] = build_cores(chip.topology)
        self.queues = ReadyQueues()
        self.tasks = _task_states(program, graph, chip)
        self._listeners: list[Callable[[], None]] = []

    @property
    def now_ps(self) -> int:
        """The clock."""
        return int(self.env.now)

    def on_ready(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever a task has entered a ready queue."""
        self._listeners.append(listener)

    def wire(self, state: TaskState) -> None:
        """Connect a submitted task to the predecessors that still run."""
        open_tasks = [one for one in state.predecessors if not self.tasks[one].is_complete]
        state.unresolved = len(open_tasks)
        for one in open_tasks:
            self.tasks[one].consumers.append(state.task.task_id)
        if not open_tasks:
            self._push(state)

    def resolve(self, state: TaskState) -> None:
        """One predecessor of ``state`` has completed."""
        state.unresolved -= 1
        if not state.unresolved:
            self._push(state)

    def _push(self, state: TaskState) -> None:
        state.ready_ps = self.now_ps
        self.queues.push(state)
        for listener in self._listeners:
            listener()

    def completion_of(self, task: int) -> simpy.Event:
        """An event that fires when a task completes, or has fired."""
        state = self.tasks[task]
        if state.completion is None:
            state.completion = self.env.event()
            if state.is_complete:
                state.completion.succeed()
        return state.completion


def _task_states(program: Program, graph: "TaskGraph", chip: ChipSpec) -> list[TaskState]:
    predecessors: list[list[int]] = [[] for _ in program.tasks]
    for pred, succ in graph.edges.tolist():
        if not (0 <= pred < len(predecessors) and 0 <= succ < len(predecessors)):
            msg = (
                f"task graph: edge {pred} -> {succ}; "
                f"expected task ids from 0 to {len(predecessors) - 1}"
            )
            raise NpuSimError(msg)
        predecessors[succ].append(pred)
    cluster_cores = 1 + chip.topology.aiv_per_cluster
    return [
        TaskState(
            task,
            tuple(preds),
            cluster_cores if task.core_type is CoreType.MIX else 1,
        )
        for task, preds in zip(_in_order(program), predecessors, strict=True)
    ]


def _in_order(program: Program) -> Sequence[Task]:
    for position, task in enumerate(program.tasks):
        if task.task_id != position:
            msg = (
                f"program {program.kernel}: task {position} has id {task.task_id}; "
                "expected ids to count from 0 in submission order"
            )
            raise NpuSimError(msg)
    return program.tasks

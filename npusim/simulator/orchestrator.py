"""The orchestrator: one thread that submits the tasks of a kernel in program order.

::

    Orch[0]   user code |SUBMIT 0| user code |SUBMIT 1| (waits for task 0) user code |SUBMIT 2|
                                 ^ task 0 is wired     ^ reads a tensor that task 0 writes
"""

from collections import defaultdict
from typing import TYPE_CHECKING

from npusim.cost import submit_ns
from npusim.program import EventKind, OrchestrationEvent, Program
from npusim.simulator.log import Phase
from npusim.simulator.runtime_state import Process, RuntimeState
from npusim.simulator.task_state import TaskState
from npusim.trace import PhaseKind
from npusim.units import ns_to_ps

if TYPE_CHECKING:
    from npusim.dependencies import TaskGraph


class Orchestrator:
    """Submits serially; a value it needs itself makes it wait for the tasks that produce it."""

    def __init__(
        self, state: RuntimeState, program: Program, graph: "TaskGraph", lane: int
    ) -> None:
        self._state = state
        self._program = program
        self._graph = graph
        self._lane = lane
        self._events: dict[int, list[OrchestrationEvent]] = defaultdict(list)
        for event in program.events:
            self._events[event.before_task].append(event)
        self.waits_for: int | None = None
        """The task it waits for at this moment, if any."""

    def process(self) -> Process:
        """Submit all tasks."""
        env = self._state.env
        user_code_ps = ns_to_ps(self._state.chip.runtime.submit_user_code_ns)
        for task in self._state.tasks:
            for event in self._events.get(task.task.task_id, ()):
                yield from self._wait_for_tensor(event)
            yield env.timeout(user_code_ps)
            task.submit_start_ps = self._state.now_ps
            yield env.timeout(self._submit_ps(task))
            task.submit_end_ps = self._state.now_ps
            self._record(task)
            self._state.wire(task)

    def _submit_ps(self, task: TaskState) -> int:
        task_id = task.task.task_id
        return ns_to_ps(
            submit_ns(
                tensors=len(task.task.arguments),
                lookups=int(self._graph.lookups[task_id]),
                inserts=int(self._graph.inserts[task_id]),
                edges=len(task.predecessors),
                runtime=self._state.chip.runtime,
            )
        )

    def _wait_for_tensor(self, event: OrchestrationEvent) -> Process:
        """Reading a tensor waits for its writers so far; writing waits for its readers too."""
        if event.kind is EventKind.ALLOC:
            return
        for task in self._program.tasks[: event.before_task]:
            is_user = any(
                argument.tensor_id == event.tensor_id
                and (argument.is_written or event.kind is EventKind.WRITE)
                for argument in task.arguments
            )
            if is_user:
                self.waits_for = task.task_id
                yield self._state.completion_of(task.task_id)
        self.waits_for = None

    def _record(self, task: TaskState) -> None:
        phase = Phase(
            lane=self._lane,
            kind=PhaseKind.SUBMIT,
            start_ps=task.submit_start_ps,
            end_ps=task.submit_end_ps,
            count=1,
            task=task.task.task_id,
        )
        self._state.log.phases.append(phase)

"""The orchestrator: one thread that submits the tasks of a kernel in program order.

::

    Orch[0]   user code |SUBMIT 0| user code |SUBMIT 1| (waits for task 0) user code |SUBMIT 2|
                                 ^ task 0 is wired     ^ reads a tensor that task 0 writes

It also submits hidden tasks that allocate buffers, ends scopes, and waits for room in a ring.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from npusim.cost import submit_ns
from npusim.hardware.spec import RuntimeSpec
from npusim.simulator.log import Phase
from npusim.simulator.rings import Amounts, amounts
from npusim.simulator.task_state import TaskState
from npusim.simulator.work import NO_SCOPE, Allocation, BlockingAccess, RuntimeWork, Step
from npusim.trace import PhaseKind
from npusim.units import ns_to_ps

if TYPE_CHECKING:
    from npusim.simulator.runtime_state import RuntimeState

Then = Callable[[], None]


class Orchestrator:
    """Submits serially; a value it needs itself makes it wait for the tasks that produce it."""

    def __init__(self, state: "RuntimeState", lane: int) -> None:
        self._state = state
        self._work = state.work
        self._clock = state.clock
        self._lane = lane
        # Lists, because an element of an array is slow to get at.
        self._scope: list[int] = state.work.scope.tolist()
        self._heap_bytes: list[int] = state.work.heap_bytes.tolist()
        self._cost_ps = submit_costs_ps(state.work, state.chip.runtime)
        per_edge_ns = (
            0.0 if state.work.submit_ns is not None else state.chip.runtime.submit_per_edge_ns
        )
        self._edge_ps = ns_to_ps(per_edge_ns)
        is_measured = state.work.submit_ns is not None
        self._user_ps = 0 if is_measured else state.costs.user_code_ps
        self._open: list[int] = []
        """Scopes it is in, outermost first."""
        self.waits_for: int | None = None
        """The task it waits for at this moment, if any."""
        self.waits_in = ""
        """What it waits for in a ring at this moment, if anything."""

    def start(self) -> None:
        """Begin with the first task."""
        self._prepare(0)

    def _prepare(self, task_id: int) -> None:
        """Do what comes before the submit of a task, then submit it."""
        steps = self._work.steps.get(task_id)
        if steps:
            self._do_steps(task_id, steps, 0)
        else:
            self._enter_and_submit(task_id)

    def _do_steps(self, task_id: int, steps: tuple[Step, ...], first: int) -> None:
        if first == len(steps):
            self._enter_and_submit(task_id)
            return
        step = steps[first]

        def go_on() -> None:
            # Through the clock: a kernel may read a thousand values in a row.
            self._clock.call_soon(self._do_steps, task_id, steps, first + 1)

        if isinstance(step, BlockingAccess):
            self._wait_for(step, 0, go_on)
        else:
            self._enter(step.scope, lambda: self._allocate(step, go_on))

    def _wait_for(self, access: BlockingAccess, first: int, then: Then) -> None:
        """Reading a tensor waits for its writers so far; writing waits for its readers too."""
        following = first
        for task_id in access.waits_for[first:]:
            task = self._state.tasks[task_id]
            following += 1
            if not task.is_complete:
                self.waits_for = task_id
                task.on_complete = partial(
                    self._clock.call_soon, self._wait_for, access, following, then
                )
                return
        self.waits_for = None
        then()

    def _enter_and_submit(self, task_id: int) -> None:
        tasks = self._state.tasks
        if task_id == len(tasks):
            # Nobody waits for this; but the rings give back what the scopes still hold.
            self._leave(0)
        else:
            scope = self._scope[task_id]
            if scope == NO_SCOPE and not self._open:
                self._submit(tasks[task_id])
            else:
                self._enter(scope, partial(self._submit, tasks[task_id]))

    def _enter(self, scope: int, then: Then) -> None:
        """Leave the scopes that do not hold ``scope`` and enter those that do."""
        path: list[int] = []
        while scope != NO_SCOPE:
            path.append(scope)
            scope = self._work.scopes[scope].parent
        path.reverse()
        common = 0
        for ours, theirs in zip(self._open, path, strict=False):
            if ours != theirs:
                break
            common += 1
        released = self._leave(common)
        cost_ps = released * self._state.costs.scope_end_ps
        begin_ps = self._clock.now_ps + cost_ps
        for entered in path[common:]:
            self._state.rings.begin_scope(entered, begin_ps)
        self._open = path
        if released:
            self._clock.call_at(begin_ps, then)
        else:
            then()

    def _leave(self, depth: int) -> int:
        """End the scopes beyond the first ``depth``; returns how many entries they held."""
        released = 0
        while len(self._open) > depth:
            released += self._state.rings.end_scope(self._open.pop(), self._clock.now_ps)
        return released

    def _submit(self, task: TaskState) -> None:
        task_id = task.task_id
        scope = self._scope[task_id]
        wanted = amounts(1, self._heap_bytes[task_id], len(task.predecessors))
        self._clock.call_at(
            self._clock.now_ps + self._user_ps,
            self._when_there_is_room,
            scope,
            wanted,
            task.label,
            partial(self._begin, task, scope, wanted),
        )

    def _begin(self, task: TaskState, scope: int, wanted: Amounts) -> None:
        start_ps = task.submit_start_ps = self._clock.now_ps
        task.entry = self._state.rings.take(scope, wanted, 1, start_ps)
        # A producer that is complete takes no lock and gets no new edge (HARDWARE.md 6.2).
        tasks = self._state.tasks
        old_edges = sum(tasks[one].is_complete for one in task.predecessors)
        cost_ps = self._cost_ps[task.task_id] - old_edges * self._edge_ps
        self._clock.call_at(start_ps + cost_ps, self._submitted, task)

    def _submitted(self, task: TaskState) -> None:
        now_ps = task.submit_end_ps = self._clock.now_ps
        self._record(task.submit_start_ps, now_ps, task.task_id, 1)
        self._state.wire(task)
        self._prepare(task.task_id + 1)

    def _allocate(self, step: Allocation, then: Then) -> None:
        """Submit a hidden task that completes at once and holds its buffers for their users."""
        runtime = self._state.chip.runtime
        cost_ps = ns_to_ps(submit_ns(step.tensors, 0, 0, 0, runtime))
        wanted = amounts(1, step.nbytes, 0)

        def begin() -> None:
            start_ps = self._clock.now_ps
            entry = self._state.rings.take(step.scope, wanted, len(step.users), start_ps)
            for user in step.users:
                self._state.hold(user, entry)

            def end() -> None:
                self._record(start_ps, self._clock.now_ps, -1, step.tensors)
                then()

            self._clock.call_at(start_ps + cost_ps, end)

        self._clock.call_at(
            self._clock.now_ps + self._state.costs.user_code_ps,
            self._when_there_is_room,
            step.scope,
            wanted,
            f"the allocation of {step.tensors} tensors",
            begin,
        )

    def _when_there_is_room(self, scope: int, wanted: Amounts, label: str, then: Then) -> None:
        """Go on at once, or when the ring has given back enough.

        Raises:
            DeadlockError: If it never will.
        """
        rings = self._state.rings
        ring = rings.ring_of(scope)
        short = ring.lacks(wanted)
        if not short:
            self.waits_in = ""
            then()
            return
        rings.check_can_drain(scope, wanted, label)
        self.waits_in = f"{label} waits for {short} of ring {ring.index}"
        rings.wait(
            scope,
            partial(self._clock.call_soon, self._when_there_is_room, scope, wanted, label, then),
        )

    def _record(self, start_ps: int, end_ps: int, task: int, count: int) -> None:
        log = self._state.log
        if log.has_orchestrator:
            log.add_phase(Phase(self._lane, PhaseKind.SUBMIT, start_ps, end_ps, task, count))


def submit_costs_ps(work: RuntimeWork, runtime: RuntimeSpec) -> list[int]:
    """Per task, what its submit takes: as measured, or by the counts of its arguments and edges."""
    if work.submit_ns is not None:
        return [ns_to_ps(one) for one in work.submit_ns.tolist()]
    edges = np.bincount(work.edges[:, 1], minlength=work.task_count)
    columns = (work.tensors.tolist(), work.lookups.tolist(), work.inserts.tolist(), edges.tolist())
    return [ns_to_ps(submit_ns(*counts, runtime)) for counts in zip(*columns, strict=True)]

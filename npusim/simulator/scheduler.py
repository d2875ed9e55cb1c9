"""A scheduler thread: polls its cores, resolves consumers, dispatches ready tasks.

The order of one iteration follows HARDWARE.md section 6.3: completions of the own running cores in
ascending order, then a look at the queues (``dispatch.py``). While there is nothing to find the
thread sleeps; ``PollLoop`` knows where in its loop it would be. What a thread does takes time, and
it looks at nothing else meanwhile.
"""

from typing import TYPE_CHECKING

from npusim.simulator.dispatch import Dispatcher
from npusim.simulator.machine import NEVER_PS, Core, Run, cores_of_thread
from npusim.simulator.phase_log import PhaseLog
from npusim.simulator.places import Places
from npusim.simulator.poll import PollLoop
from npusim.trace import PhaseKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from npusim.simulator.runtime_state import RuntimeState
    from npusim.simulator.task_state import TaskState

_QUEUES = -1
"""In place of a core: the plan is to look at the queues."""


class SchedulerThread:
    """One of the threads; owns the cores of its clusters."""

    def __init__(self, state: "RuntimeState", thread: int, lane: int) -> None:
        self.thread = thread
        self._state = state
        self._clock = state.clock
        self._costs = state.costs
        self._device = state.device
        self.places = Places(cores_of_thread(state.cores, thread))
        self._cores = self.places.cores
        self._visible_ps = [NEVER_PS] * len(self._cores)
        """Per core, from when on a poll of it finds something."""
        self.loop = PollLoop(state.chip.runtime)
        self.phases = PhaseLog(state, self.loop, lane)
        self._dispatcher = Dispatcher(state, self)
        self._is_busy = False
        self._serial = 0
        """Of the plan; a call for an older one does nothing."""
        self._plan: tuple[int, int] = (NEVER_PS, _QUEUES)
        self._completion: tuple[int, int] | None = None
        """When and where the next completion will be found; None if that must be worked out."""

    def next_look_ps(self) -> int:
        """When it next looks at the queues with something to do there; not while it works."""
        return NEVER_PS if self._is_busy else self._dispatcher.next_look_ps()

    def notify(self, look_ps: int | None = None) -> None:
        """Something outside may have changed for this thread; ``look_ps`` if that is known."""
        if not self._is_busy:
            self._make_plan(look_ps)

    def before_change(self) -> None:
        """A core of this thread is about to change from outside."""
        if not self._is_busy:
            self.loop.roll(self._clock.now_ps, self.places.polled)

    def core_changed(self, core: Core) -> None:
        """A slot or a time of one of its cores has changed."""
        self.places.update(core)
        self._visible_ps[core.bit] = self._device.visible_ps(core)
        self._completion = None
        if not self._is_busy:
            self._make_plan()

    def go_on(self) -> None:
        """Its work is done; see what comes next."""
        self._is_busy = False
        self._completion = None
        self._make_plan()

    def acked_ps(self, core: Core) -> int:
        """When this thread has read the ACK of a running core; ``NEVER_PS`` if unknown."""
        if core.is_acked:
            return 0
        visible_ps = self._device.ack_visible_ps(core)
        if visible_ps >= NEVER_PS:
            return NEVER_PS
        last_ps = self.loop.last_sample_ps(core.bit)
        if last_ps >= visible_ps:
            return last_ps
        return self.loop.sample_ps(core.bit, self.places.polled, visible_ps)

    def _make_plan(self, look_ps: int | None = None) -> None:
        """When this thread will find something next: on a core, or in the queues."""
        completion = self._completion
        if completion is None:
            completion = self._completion = self._next_completion()
        if look_ps is None:
            look_ps = self._dispatcher.next_look_ps()
        plan = completion if completion[0] <= look_ps else (look_ps, _QUEUES)
        if plan == self._plan:
            return
        self._plan = plan
        self._serial += 1
        if plan[0] < NEVER_PS:
            self._clock.call_at(plan[0], self._act, self._serial)

    def _next_completion(self) -> tuple[int, int]:
        best_ps, best = NEVER_PS, _QUEUES
        sample, polled = self.loop.sample_ps, self.places.polled
        now_ps = self._clock.now_ps
        for bit, visible_ps in enumerate(self._visible_ps):
            if visible_ps < best_ps:
                when_ps = sample(bit, polled, max(visible_ps, now_ps))
                if when_ps < best_ps:
                    best_ps, best = when_ps, bit
        return best_ps, best

    def _act(self, serial: int) -> None:
        if serial != self._serial:
            return
        now_ps = self._clock.now_ps
        if self._plan[1] == _QUEUES:
            look_ps = self._dispatcher.next_look_ps()
            if look_ps != now_ps:
                # Another thread was faster; the pass goes on as if nothing had been.
                self._plan = (NEVER_PS, _QUEUES)
                self._make_plan(look_ps)
                return
        self.loop.roll(now_ps, self.places.polled)
        self._is_busy = True
        bit, self._plan = self._plan[1], (NEVER_PS, _QUEUES)
        self._serial += 1
        if bit == _QUEUES:
            self._dispatcher.look()
        else:
            # A look of this thread that others count on comes later than they think.
            queues = self._state.queues
            if queues.dummies or not queues.is_empty:
                self._state.notify_all()
            self._complete(self._cores[bit])

    def _complete(self, core: Core) -> None:
        """Handle what a poll has found: the end of a kernel, maybe through the next one's ACK."""
        now_ps = self._clock.now_ps
        seen, following = core.running, core.pending
        assert seen is not None, "only running cores are polled"
        found = [seen]
        core.pending = None
        if following is None or following.is_gated:
            core.running, core.is_acked = following, False
        elif following.end_ps + self._costs.finish_visible_ps <= now_ps:
            found.append(following)
            core.running, core.is_acked = None, False
        else:
            core.running, core.is_acked = following, True
        self.core_changed(core)
        for run in found:
            run.finish_ps = now_ps
        self._state.check_drain()
        self._handle(found, core.bit, now_ps)

    def _handle(self, found: list[Run], bit: int, start_ps: int) -> None:
        """Count completions from ``start_ps`` on; the last one of a task walks its consumers."""
        run = found.pop(0)
        self._state.log.add_run(run)
        end_ps = start_ps + self._costs.completion_ps
        task = run.state
        task.subtasks_left -= 1
        self.phases.complete(start_ps, end_ps)

        def go_on(now_ps: int) -> None:
            if found:
                self._handle(found, bit, now_ps)
            else:
                self.loop.resume_after(bit, now_ps)
                self.go_on()

        if task.subtasks_left:
            go_on(end_ps)
        else:
            self._clock.call_at(end_ps, self.resolve, task, go_on)

    def resolve(self, task: "TaskState", go_on: "Callable[[int], None]") -> None:
        """Walk the consumers, the one wired last first; each may become ready at its turn.

        ``go_on`` is called with the time at which the walk ends.
        """
        state, costs = self._state, self._costs
        start_ps = self._clock.now_ps
        before = self.phases.depths()
        now_ps = start_ps + costs.resolve_first_ps
        state.complete(task)
        consumers = task.consumers or ()
        for rank in range(len(consumers)):
            if rank:
                now_ps += costs.resolve_next_ps
            consumer = state.tasks[consumers[-1 - rank]]
            consumer.unresolved -= 1
            consumer.waited_ps = max(consumer.waited_ps, now_ps)
            if not consumer.unresolved:
                self._clock.call_at(consumer.waited_ps, state.make_ready, consumer)
                if consumer.staged:
                    now_ps += len(consumer.staged) * costs.publish_ps
        self.phases.add(PhaseKind.RESOLVE, start_ps, now_ps, len(consumers), before)
        self.phases.extend_complete(now_ps)
        go_on(now_ps)

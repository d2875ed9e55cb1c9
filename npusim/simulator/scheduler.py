"""A scheduler thread: polls its cores, resolves consumers, dispatches ready tasks.

The order of one iteration follows HARDWARE.md section 6.3: completions of the own running cores in
ascending order, dummies, MIX blocks, then AIC and AIV blocks with the first of the two decided by
the parity of the thread. While there is nothing to find the thread sleeps; ``PollLoop`` knows where
in its loop it would be.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from npusim.cost import resolve_ns
from npusim.program import CoreType
from npusim.simulator.device import Device
from npusim.simulator.log import Phase
from npusim.simulator.machine import Core, Run, cores_of_thread
from npusim.simulator.poll import PollLoop
from npusim.simulator.runtime_state import Process, RuntimeState
from npusim.simulator.task_state import TaskState
from npusim.trace import PhaseKind
from npusim.units import ns_to_ps

if TYPE_CHECKING:
    import simpy

Place = Sequence[Core]
"""The cores one block takes: one core, or a whole cluster."""


class SchedulerThread:
    """One of the threads; owns the cores of its clusters."""

    def __init__(self, state: RuntimeState, device: Device, thread: int, lane: int) -> None:
        self._state = state
        self._env = state.env
        self._device = device
        self._lane = lane
        self._cores = {core.core_id: core for core in cores_of_thread(state.cores, thread)}
        self._loop = PollLoop(state.chip.runtime)
        self._wake: simpy.Event | None = None
        self._complete_phase: Phase | None = None
        pair = (CoreType.AIC, CoreType.AIV)
        self._pair = pair if thread % 2 == 0 else pair[::-1]
        state.on_ready(self.notify)

    def notify(self) -> None:
        """Something may have changed for this thread."""
        if self._wake is not None and not self._wake.triggered:
            self._wake.succeed()

    def process(self) -> Process:
        """Work for ever; the simulation ends when no event is left."""
        while True:
            now_ps = self._state.now_ps
            when_ps, core = self._next_action()
            if when_ps != now_ps:
                yield from self._sleep(when_ps)
                continue
            self._loop.roll(now_ps, self._running)
            if core is None:
                yield from self._dispatch()
            else:
                yield from self._complete(core)

    @property
    def _running(self) -> list[int]:
        return [core_id for core_id, core in self._cores.items() if core.run is not None]

    def _next_action(self) -> tuple[int | None, Core | None]:
        """When this thread will find something next, and on which core; a queue if None."""
        now_ps, running = self._state.now_ps, self._running
        found: list[tuple[int, int, Core | None]] = []
        for core_id in running:
            core = self._cores[core_id]
            if core.finish_visible_ps is not None:
                earliest_ps = max(now_ps, core.finish_visible_ps)
                found.append((self._loop.sample_ps(core_id, running, earliest_ps), core_id, core))
        if self._can_dispatch():
            found.append((self._loop.queues_ps(running, now_ps), len(self._state.cores), None))
        if not found:
            return None, None
        when_ps, _, core_found = min(found, key=lambda one: one[:2])
        return when_ps, core_found

    def _sleep(self, until_ps: int | None) -> Process:
        """Sleep until something changes, or until a time."""
        self._wake = wake = self._env.event()
        if until_ps is not None:
            self._env.process(self._ring(wake, until_ps - self._state.now_ps))
        yield wake
        self._wake = None

    def _ring(self, wake: "simpy.Event", delay_ps: int) -> Process:
        yield self._env.timeout(delay_ps)
        if not wake.triggered:
            wake.succeed()

    def _complete(self, core: Core) -> Process:
        """Handle the completion of a core; the last one of a task walks its consumers."""
        run = core.run
        assert run is not None, "only running cores are polled"
        runtime = self._state.chip.runtime
        run.finish_ps = self._state.now_ps
        self._state.log.runs.append(run)
        phase = self._open_complete_phase()
        core.run = None
        yield self._env.timeout(ns_to_ps(runtime.completion_ns))
        state = self._state.tasks[run.task]
        state.subtasks_left -= 1
        if not state.subtasks_left:
            yield from self._resolve(state)
        phase.end_ps = self._state.now_ps
        phase.count += 1
        phase.ready_end = self._state.queues.depths
        self._loop.resume_after(core.core_id, self._state.now_ps)

    def _open_complete_phase(self) -> Phase:
        """The completions of one pass are one phase."""
        phase = self._complete_phase
        if phase is None or phase.loop_iter != self._loop.iteration:
            phase = self._complete_phase = self._phase(PhaseKind.COMPLETE)
            self._state.log.phases.append(phase)
        return phase

    def _phase(self, kind: PhaseKind) -> Phase:
        depths = self._state.queues.depths
        return Phase(
            lane=self._lane,
            kind=kind,
            start_ps=self._state.now_ps,
            end_ps=self._state.now_ps,
            count=0,
            loop_iter=self._loop.iteration,
            ready_start=depths,
            ready_end=depths,
        )

    def _resolve(self, state: TaskState) -> Process:
        """Walk the consumers, the one wired last first; each may become ready at its turn."""
        runtime = self._state.chip.runtime
        phase = self._phase(PhaseKind.RESOLVE)
        state.is_complete = True
        if state.completion is not None:
            state.completion.succeed()
        consumers = state.consumers[::-1]
        for rank in range(max(1, len(consumers))):
            yield self._env.timeout(ns_to_ps(resolve_ns(rank, runtime)))
            if rank < len(consumers):
                self._state.resolve(self._state.tasks[consumers[rank]])
        phase.end_ps = self._state.now_ps
        phase.count = len(consumers)
        phase.ready_end = self._state.queues.depths
        self._state.log.phases.append(phase)

    def _can_dispatch(self) -> bool:
        queues = self._state.queues
        if queues.dummies:
            return True
        shapes = (CoreType.MIX,) if queues.by_shape[CoreType.MIX] else self._pair
        return any(queues.by_shape[shape] and self._places(shape) for shape in shapes)

    def _places(self, shape: CoreType) -> list[Place]:
        """Where this thread can start a block of that shape now, in the order of its cores."""
        if shape is not CoreType.MIX:
            return [
                (core,)
                for core in self._cores.values()
                if core.run is None and core.core_type is shape
            ]
        clusters: dict[int, list[Core]] = {}
        for core in self._cores.values():
            clusters.setdefault(core.cluster, []).append(core)
        return [one for one in clusters.values() if all(core.run is None for core in one)]

    def _dispatch(self) -> Process:
        """One look at the queues, then a new pass."""
        queues = self._state.queues
        while queues.dummies:
            yield from self._complete_dummy(queues.dummies.popleft())
        yield from self._dispatch_shape(CoreType.MIX)
        if not queues.by_shape[CoreType.MIX]:
            for shape in self._pair:
                yield from self._dispatch_shape(shape)
        self._loop.begin(self._state.now_ps, self._running)

    def _complete_dummy(self, state: TaskState) -> Process:
        phase = self._phase(PhaseKind.DUMMY)
        phase.task = state.task.task_id
        phase.count = 1
        self._state.log.phases.append(phase)
        state.end_ps = self._state.now_ps
        yield from self._resolve(state)
        phase.end_ps = self._state.now_ps
        phase.ready_end = self._state.queues.depths

    def _dispatch_shape(self, shape: CoreType) -> Process:
        """Claim a batch of blocks, prepare all of them, then publish one after the other."""
        places = self._places(shape)
        if not places or not self._state.queues.by_shape[shape]:
            return
        runtime = self._state.chip.runtime
        phase = self._phase(PhaseKind.DISPATCH)
        claimed = self._state.queues.claim(shape, len(places))
        popped_ps = self._state.now_ps
        work_ns = runtime.pop_batch_ns + len(claimed) * runtime.prepare_block_ns
        yield self._env.timeout(ns_to_ps(work_ns + runtime.fence_ns))
        publish_ps = ns_to_ps(runtime.publish_block_ns)
        published = 0
        for (state, block), place in zip(claimed, places, strict=False):
            runs = [Run(state.task.task_id, block, core, popped_ps) for core in place]
            times = [
                self._state.now_ps + (published + 1 + one) * publish_ps for one in range(len(runs))
            ]
            for run in runs:
                run.dispatch_ps = self._state.now_ps
            self._device.launch(runs, times, self.notify)
            published += len(runs)
        yield self._env.timeout(published * publish_ps)
        phase.end_ps = self._state.now_ps
        phase.count = published
        phase.pop_hit = len({state.task.task_id for state, _ in claimed})
        phase.pop_miss = int(len(claimed) < len(places))
        phase.ready_end = self._state.queues.depths
        self._state.log.phases.append(phase)

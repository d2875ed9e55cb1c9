"""One dispatcher that knows all tasks: first come, first served, at a price that may be zero.

A task is ready when the dispatcher knows that its predecessors have ended. Blocks are dispatched
one per pitch, tasks in the order in which they became ready, ties in submission order; a task whose
kind of core is taken lets others pass. With two slots per core a block may be sent behind the one
that runs; it starts when that has ended. A ``sync_start`` task waits for idle places for all of its
blocks, which are then dispatched one after another with no other task between them.

::

    core   |== block 1 ==|                    |== block 2 ==|
                         |---- latency ----|  ^ dispatched, one pitch after the dispatch before
                                           ^ the dispatcher knows: slot free, consumers ready
"""

import heapq
from collections import deque
from functools import partial

from npusim.hardware.spec import ChipSpec
from npusim.program import CoreType
from npusim.simulator.deadlock import check_all_complete, check_cohort
from npusim.simulator.drain import Place
from npusim.simulator.kernels import Kernels
from npusim.simulator.log import EventLog, Phase
from npusim.simulator.machine import NEVER_PS, Core, Run, build_cores
from npusim.simulator.options import SCHEDULER_LEVEL, SimulationOptions
from npusim.simulator.places import Places
from npusim.simulator.recording import build_trace, outcome_of
from npusim.simulator.runtime_state import task_states
from npusim.simulator.task_state import TaskState
from npusim.simulator.work import RuntimeWork
from npusim.trace import PhaseKind, Trace


class GreedyScheduler:
    """One run."""

    def __init__(
        self,
        work: RuntimeWork,
        chip: ChipSpec,
        options: SimulationOptions,
        kernels: Kernels,
        *,
        pitch_ps: int = 0,
        latency_ps: int = 0,
        slots: int = 1,
        switch_ps: int = 0,
    ) -> None:
        """Without the last four nothing costs time and a core holds one block."""
        self._work, self._chip, self._options = work, chip, options
        self._kernels = kernels
        self._clock = kernels.clock
        self._pitch_ps, self._latency_ps, self._switch_ps = pitch_ps, latency_ps, switch_ps
        self._tasks = task_states(work, chip)
        self._cores = build_cores(chip.topology, 1)
        self._places = Places(self._cores_in_order())
        self._held = [0] * len(self._cores)
        """Per core, blocks that the dispatcher believes it to hold."""
        self._slots = slots
        self._queues: list[deque[Run]] = [deque() for _ in self._cores]
        """Per core, its blocks in order; the first runs or waits for its mates."""
        self._free_ps = [0] * len(self._cores)
        self._ready: dict[CoreType, list[tuple[int, int]]] = {shape: [] for shape in CoreType}
        """Per shape, a heap of (time, task)."""
        self._busy_until_ps = 0
        self._next_look_ps = -1
        self._log = EventLog(has_scheduler=options.swimlane_level >= SCHEDULER_LEVEL)

    def _cores_in_order(self) -> list[Core]:
        return sorted(self._cores, key=lambda core: core.bit)

    def run(self) -> Trace:
        """Schedule everything.

        Raises:
            DeadlockError: If tasks wait for each other.
        """
        for state in self._tasks:
            state.submit_start_ps = state.submit_end_ps = 0
            state.unresolved = len(state.predecessors)
            for one in state.predecessors:
                producer = self._tasks[one]
                producer.consumers = [*(producer.consumers or ()), state.task_id]
        # All roots first: a dummy among them makes others ready on the way.
        for state in [one for one in self._tasks if not one.unresolved]:
            self._make_ready(state)
        self._kernels.run()
        check_all_complete(self._tasks, self._clock.now_ps)
        return build_trace(
            self._work,
            self._chip,
            self._options,
            self._cores,
            outcome_of(self._tasks),
            self._log,
            threads=1,
        )

    def _make_ready(self, state: TaskState) -> None:
        state.ready_ps = self._clock.now_ps
        if state.is_dummy:
            state.end_ps = state.ready_ps
            self._complete(state)
        else:
            places = self._places.of_shape(state.core_type)
            check_cohort(state, len(places), self._chip.name)
            heapq.heappush(self._ready[state.core_type], (state.ready_ps, state.task_id))
            self._look_at(max(state.ready_ps, self._busy_until_ps))

    def _look_at(self, when_ps: int) -> None:
        """Dispatch then; several reasons for one moment are one look."""
        if self._next_look_ps != when_ps:
            self._next_look_ps = when_ps
            self._clock.call_at(when_ps, self._look)

    def _look(self) -> None:
        """Dispatch what can be dispatched now."""
        now_ps = self._clock.now_ps
        self._next_look_ps = -1
        while now_ps >= self._busy_until_ps:
            found = self._choose()
            if found is None:
                return
            self._dispatch(*found)
            self._busy_until_ps = now_ps + self._pitch_ps
        self._look_at(self._busy_until_ps)

    def _choose(self) -> tuple[TaskState, Place] | None:
        """The task that became ready first among those that have a place."""
        heads = sorted(queue[0] for queue in self._ready.values() if queue)
        states = [self._tasks[task_id] for _, task_id in heads]
        # A cohort that has begun goes first: nobody else may take the places it was promised.
        states.sort(key=lambda state: not (state.sync_start and state.next_block))
        for state in states:
            place = self._find_place(state)
            if place is not None:
                return state, place
        return None

    def _find_place(self, state: TaskState) -> Place | None:
        """The first idle place; if there is none, the first with a free slot in every core.

        A cohort has none until all of its blocks have an idle one.
        """
        wanted = state.blocks - state.next_block if state.sync_start else 1
        idle = self._places.list_idle(state.core_type, wanted)
        if len(idle) >= wanted:
            return idle[0]
        if self._slots > 1 and wanted == 1:
            for place in self._places.of_shape(state.core_type):
                if all(self._held[core.core_id] < self._slots for core in place):
                    return place
        return None

    def _dispatch(self, state: TaskState, place: Place) -> None:
        now_ps = self._clock.now_ps
        block = state.next_block
        state.next_block += 1
        if state.is_published:
            heapq.heappop(self._ready[state.core_type])
        runs = tuple(Run(state, block, core, now_ps) for core in place)
        for run in runs:
            run.dispatch_ps = run.receive_ps = now_ps
            run.mates = runs
            self._queues[run.core.core_id].append(run)
            self._hold(run.core, 1)
        if self._pitch_ps and self._log.has_scheduler:
            end_ps = now_ps + self._pitch_ps
            lane = len(self._cores)
            self._log.add_phase(
                Phase(
                    lane,
                    PhaseKind.DISPATCH,
                    now_ps,
                    end_ps,
                    processed=len(runs),
                    loop_iter=1,
                    pop_hit=1,
                )
            )
        self._start_if_first(runs[0])

    def _hold(self, core: Core, change: int) -> None:
        held = self._held[core.core_id] = self._held[core.core_id] + change
        self._places.set_idle(core, is_idle=not held)

    def _start_if_first(self, run: Run) -> None:
        """Start a block that is the first on each of its cores, unless it has started."""
        if run.start_ps != NEVER_PS or any(
            self._queues[one.core.core_id][0] is not one for one in run.mates
        ):
            return
        start_ps = max(self._clock.now_ps, *(self._free_ps[one.core.core_id] for one in run.mates))
        for one in run.mates:
            one.start_ps = start_ps
        block = run.state.first_block + run.block
        self._kernels.start(block, start_ps, partial(self._ended, run))

    def _ended(self, run: Run, end_ps: int, stall_ps: int) -> None:
        self._clock.call_at(end_ps, self._finish, run, stall_ps)

    def _finish(self, run: Run, stall_ps: int) -> None:
        """A kernel has ended; the dispatcher hears of it a latency later."""
        end_ps = self._clock.now_ps
        state = run.state
        state.end_ps = max(state.end_ps, end_ps)
        known_ps = end_ps + self._latency_ps
        for one in run.mates:
            one.end_ps, one.finish_ps, one.stall_ps = end_ps, known_ps, stall_ps
            self._log.add_run(one)
            core_id = one.core.core_id
            self._queues[core_id].popleft()
            self._free_ps[core_id] = end_ps + self._switch_ps
        self._clock.call_at(known_ps, self._learn, run)
        for one in run.mates:
            following = self._queues[one.core.core_id]
            if following:
                self._start_if_first(following[0])

    def _learn(self, run: Run) -> None:
        """The dispatcher knows that a block has ended."""
        state = run.state
        for one in run.mates:
            self._hold(one.core, -1)
        state.subtasks_left -= len(run.mates)
        if not state.subtasks_left:
            self._complete(state)
        if any(self._ready.values()):
            self._look_at(max(self._clock.now_ps, self._busy_until_ps))

    def _complete(self, state: TaskState) -> None:
        # Consumers are walked in the order of submission; a dummy completes within the walk.
        waiting = deque([state])
        while waiting:
            done = waiting.popleft()
            done.is_complete = True
            for one in done.consumers or ():
                consumer = self._tasks[one]
                consumer.unresolved -= 1
                if consumer.unresolved:
                    continue
                if consumer.is_dummy:
                    consumer.ready_ps = consumer.end_ps = self._clock.now_ps
                    waiting.append(consumer)
                else:
                    self._make_ready(consumer)

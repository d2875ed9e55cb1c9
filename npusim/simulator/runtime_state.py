"""What the orchestrator and the scheduler threads of one simulation share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npusim.hardware.spec import ChipSpec
from npusim.program import CoreType
from npusim.simulator.costs import runtime_costs
from npusim.simulator.deadlock import check_cohort
from npusim.simulator.device import Device, cold_starts_ps
from npusim.simulator.early_dispatch import EarlyDispatch
from npusim.simulator.kernels import Kernels
from npusim.simulator.log import EventLog
from npusim.simulator.machine import NEVER_PS, Core, build_cores
from npusim.simulator.options import ORCHESTRATOR_LEVEL, SCHEDULER_LEVEL, SimulationOptions
from npusim.simulator.ring_log import RingLog
from npusim.simulator.rings import Rings
from npusim.simulator.task_state import ReadyQueues, TaskState
from npusim.simulator.work import RuntimeWork
from npusim.trace import EdgeSource

if TYPE_CHECKING:
    from npusim.simulator.clock import Clock
    from npusim.simulator.drain import Drain
    from npusim.simulator.rings import RingEntry
    from npusim.simulator.scheduler import SchedulerThread

_RETAINING = (int(EdgeSource.CREATOR), int(EdgeSource.EXPLICIT))
"""Edges through which a consumer holds the slot of its producer until it completes itself."""


class RuntimeState:
    """Tasks, queues and cores; the only place where a task becomes ready."""

    def __init__(
        self,
        work: RuntimeWork,
        chip: ChipSpec,
        options: SimulationOptions,
        kernels: Kernels,
        threads: int,
    ) -> None:
        self.work = work
        self.chip = chip
        self.options = options
        self.kernels = kernels
        self.clock: Clock = kernels.clock
        self.costs = runtime_costs(chip.runtime, options)
        level = options.swimlane_level
        self.log = EventLog(
            has_scheduler=level >= SCHEDULER_LEVEL, has_orchestrator=level >= ORCHESTRATOR_LEVEL
        )
        self.cores: list[Core] = build_cores(chip.topology, threads)
        for core, cold_ps in zip(
            self.cores, cold_starts_ps(chip.runtime, options, len(self.cores)), strict=True
        ):
            core.cold_ps = cold_ps
        self.device = Device(kernels, self.costs, self._core_changed)
        self.queues = ReadyQueues()
        self.early = EarlyDispatch(
            is_on=options.early_dispatch and options.has_pending,
            capacity=chip.runtime.early_queue_count,
        )
        ring_log = RingLog() if options.scope_stats else None
        self.rings = Rings(chip.runtime, work.scopes, options.rings, ring_log)
        self.drain: Drain | None = None
        self.has_pending = options.has_pending and chip.runtime.core_slot_count > 1
        self.threads: list[SchedulerThread] = []
        self.tasks = task_states(work, chip)
        self._retained = _retaining_edges(work)
        self._holds: dict[int, list[RingEntry]] = {}
        """Task -> what it holds of rings besides its own slot, until it completes."""

    def wire(self, state: TaskState) -> None:
        """Connect a submitted task to the predecessors that still run."""
        tasks = self.tasks
        live = 0
        for one in state.predecessors:
            producer = tasks[one]
            if not producer.is_complete:
                live += 1
                if producer.consumers is None:
                    producer.consumers = []
                producer.consumers.append(state.task_id)
        state.unresolved = live
        for one in self._retained.get(state.task_id, ()):
            entry = tasks[one].entry
            if entry is not None and entry.references:
                entry.references += 1
                self.hold(state.task_id, entry)
        if not live:
            self.make_ready(state)
        elif self.early.is_on and self.early.consider(state, tasks):
            self.notify_all()

    def make_ready(self, state: TaskState) -> None:
        """Queue a task whose predecessors have completed, and start what is staged of it."""
        now_ps = state.ready_ps = self.clock.now_ps
        if state.is_early:
            self._release(state, now_ps)
            if state.is_published:
                return
        if state.sync_start:
            check_cohort(state, _place_count(self.cores, state.core_type), self.chip.name)
        is_alone = self.queues.is_empty and not self.queues.dummies
        self.queues.push(state)
        if is_alone:
            self._notify_first()
        else:
            self.notify_all()

    def _release(self, state: TaskState, now_ps: int) -> None:
        """Ring the doorbells of a staged task, one store after the other."""
        self.early.drop(state)
        staged, state.staged = state.staged or [], None
        for number, run in enumerate(staged):
            thread = self.threads[run.core.thread]
            thread.before_change()
            self.device.open_gate(run, now_ps + (number + 1) * self.costs.publish_ps)
            thread.core_changed(run.core)
        if state.is_published and state.allow_early_resolve:
            self.propose_consumers(state)
        if staged and not self.queues.is_empty:
            # More cores to poll delay the looks of their threads.
            self.notify_all()

    def propose_consumers(self, state: TaskState) -> None:
        """A flagged task is on its cores with all blocks: its consumers may follow early."""
        if not self.early.is_on or state.consumers is None:
            return
        found = [
            self.early.consider(self.tasks[one], self.tasks) for one in reversed(state.consumers)
        ]
        if any(found):
            self.notify_all()

    def hold(self, task_id: int, entry: "RingEntry") -> None:
        """A task keeps a counted reference to ``entry`` until it completes."""
        self._holds.setdefault(task_id, []).append(entry)

    def complete(self, state: TaskState) -> None:
        """The last subtask of a task was seen; its ring and the orchestrator are told."""
        state.is_complete = True
        now_ps = self.clock.now_ps
        if state.entry is not None:
            self.rings.drop(state.entry, now_ps)
        if state.task_id in self._holds:
            for entry in self._holds.pop(state.task_id):
                self.rings.drop(entry, now_ps)
        if state.on_complete is not None:
            state.on_complete()

    def _notify_first(self) -> None:
        """Wake the thread that looks first: it takes the only task there is.

        Threads at work look when they are done. If the one that was woken finds a completion before
        or leaves blocks, it wakes the others.
        """
        first, first_ps = None, NEVER_PS
        for thread in self.threads:
            look_ps = thread.next_look_ps()
            if look_ps < first_ps:
                first, first_ps = thread, look_ps
        if first is not None:
            first.notify(first_ps)

    def notify_all(self) -> None:
        """Something that threads look at has changed."""
        for thread in self.threads:
            thread.notify()

    def check_drain(self) -> None:
        """A core has become idle or a thread has stopped: the cohort may have its places."""
        drain = self.drain
        if drain is not None and drain.try_to_go(
            {one.thread: one.places.list_idle(drain.state.core_type) for one in self.threads}
        ):
            self.notify_all()

    def finish_drain(self) -> None:
        """The cohort is on its cores; dispatch goes on."""
        self.drain = None
        self.notify_all()

    def _core_changed(self, core: Core) -> None:
        self.threads[core.thread].core_changed(core)


def _retaining_edges(work: RuntimeWork) -> dict[int, list[int]]:
    """Task -> producers whose slots it holds."""
    found: dict[int, list[int]] = {}
    retains = np.isin(work.sources, _RETAINING)
    for pred, succ in work.edges[retains].tolist():
        found.setdefault(succ, []).append(pred)
    return found


def _place_count(cores: Sequence[Core], shape: CoreType) -> int:
    kind = CoreType.AIC if shape is CoreType.MIX else shape
    return sum(core.core_type is kind for core in cores)


def task_states(work: RuntimeWork, chip: ChipSpec) -> list[TaskState]:
    """The state of every task before anything happened."""
    predecessors: list[list[int] | None] = [None] * work.task_count
    for pred, succ in work.edges.tolist():
        known = predecessors[succ]
        if known is None:
            predecessors[succ] = [pred]
        else:
            known.append(pred)
    width = {CoreType.MIX: 1 + chip.topology.aiv_per_cluster}
    states: list[TaskState] = []
    first_block = 0
    for task_id, (name, core_type, blocks) in enumerate(
        zip(work.names, work.core_types, work.block_num.tolist(), strict=True)
    ):
        state = TaskState(
            task_id,
            name,
            core_type,
            blocks,
            first_block,
            cores_per_block=width.get(core_type, 1),
            predecessors=tuple(predecessors[task_id] or ()),
        )
        first_block += blocks
        states.append(state)
    for name in ("is_dummy", "allow_early_resolve", "sync_start", "is_predicated"):
        for task_id in getattr(work, name).nonzero()[0].tolist():
            setattr(states[task_id], name, True)
    return states

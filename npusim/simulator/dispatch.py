"""What a scheduler thread does at its look at the queues (HARDWARE.md section 6.3).

One look goes through stages, each of which may take time and sees the queues as they then are::

    drain   a sync_start cohort is being gathered: serve it, nothing else
    dummies at most a batch of them, completed inline
    sync    cohorts: on own idle cores, or a drain
    idle    MIX on idle clusters; unless MIX blocks are left, AIC and AIV on idle cores
    pending MIX, AIC, AIV into pending slots, where no other thread has an idle place
    early   candidates of early dispatch, if all ready queues are empty
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from npusim.program import CoreType
from npusim.simulator.drain import Drain, Place
from npusim.simulator.machine import NEVER_PS, Core
from npusim.simulator.publish import Publisher
from npusim.simulator.task_state import TaskState
from npusim.trace import PhaseKind

if TYPE_CHECKING:
    from npusim.simulator.runtime_state import RuntimeState
    from npusim.simulator.scheduler import SchedulerThread

Stage = Callable[[], int]
"""Returns when it is done, or 0 if it did nothing."""
_STOP = -1
"""The look ends here."""
_GOES_ON_LATER = -2
"""The stage itself will go on to the next one."""


class Dispatcher:
    """The dispatching half of one thread."""

    def __init__(self, state: "RuntimeState", thread: "SchedulerThread") -> None:
        self._state = state
        self._thread = thread
        self._queues = state.queues
        self._publisher = Publisher(state, thread)
        self._dummy_batch = state.chip.runtime.dummy_batch_count
        pair = (CoreType.AIC, CoreType.AIV)
        self._pair = pair if thread.thread % 2 == 0 else pair[::-1]
        shapes = self._shapes = (CoreType.MIX, *self._pair)
        ready, sync = state.queues.by_shape, state.queues.sync
        early = state.early.queues.by_shape
        self._mix = ready[CoreType.MIX]
        self._all = tuple((shape, ready[shape]) for shape in shapes)
        self._single = tuple((shape, ready[shape]) for shape in self._pair)
        self._sync = tuple(sync.values())
        self._early = tuple(early.values())
        # Most looks find one queue with something in it: a stage is entered only if its has.
        self._stages: list[tuple[deque[TaskState], Stage]] = [
            (state.queues.dummies, self._dummies),
            *((sync[shape], partial(self._cohort, shape)) for shape in shapes),
            *((ready[shape], partial(self._idle, shape)) for shape in shapes),
        ]
        if state.has_pending:
            self._stages += [(ready[shape], partial(self._pending, shape)) for shape in shapes]
        if state.early.is_on:
            self._stages += [(early[shape], partial(self._early_idle, shape)) for shape in shapes]
            if state.has_pending:
                self._stages += [
                    (early[shape], partial(self._early_pending, shape)) for shape in shapes
                ]

    def next_look_ps(self) -> int:
        """When the thread next looks at the queues and finds something to do there."""
        thread = self._thread
        now_ps = self._state.clock.now_ps
        drain = self._state.drain
        if drain is not None:
            own = thread.thread
            if drain.has_acknowledged(own) and not drain.has_share(own):
                return NEVER_PS
            return thread.loop.queues_ps(thread.places.polled, now_ps)
        from_ps = now_ps if self._has_work() else self._pending_from_ps()
        if from_ps >= NEVER_PS and any(self._early) and self._queues.is_empty:
            from_ps = self._early_from_ps()
        if from_ps >= NEVER_PS:
            return NEVER_PS
        return thread.loop.queues_ps(thread.places.polled, max(now_ps, from_ps))

    def look(self) -> None:
        """Look at the queues now, work, then begin a new pass."""
        self._thread.phases.close()
        drain = self._state.drain
        if drain is not None:
            self._serve(drain)
        else:
            self._run_stages(0)

    def _run_stages(self, first: int) -> None:
        for index in range(first, len(self._stages)):
            queue, stage = self._stages[index]
            if not queue:
                continue
            end_ps = stage()
            if end_ps == _STOP:
                break
            if end_ps == _GOES_ON_LATER:
                return
            if end_ps:
                self._state.clock.call_at(end_ps, self._run_stages, index + 1)
                return
        self._begin_pass()

    def _begin_pass(self) -> None:
        thread = self._thread
        thread.loop.begin(self._state.clock.now_ps, thread.places.polled)
        thread.go_on()

    # What there is to do.

    def _has_work(self) -> bool:
        """True if this thread has something to do in the ready queues without pending slots."""
        places = self._thread.places
        for shape, queue in self._single:
            if queue and not self._mix and places.has_idle(shape):
                return True
        if self._mix and places.has_idle(CoreType.MIX):
            return True
        return bool(self._queues.dummies) or any(self._sync)

    def _pending_from_ps(self) -> int:
        best_ps = NEVER_PS
        if not self._state.has_pending:
            return best_ps
        thread = self._thread
        for shape, queue in self._all:
            if queue and self._peers_are_busy(shape):
                from_ps = thread.places.pending_from_ps(shape, thread.acked_ps)
                best_ps = min(best_ps, from_ps)
        return best_ps

    def _early_from_ps(self) -> int:
        early, thread = self._state.early, self._thread
        best_ps = NEVER_PS
        for shape in self._shapes:
            if early.waits(shape):
                if thread.places.has_idle(shape):
                    return 0
                if self._state.has_pending:
                    free_ps = thread.places.pending_from_ps(shape, thread.acked_ps)
                    best_ps = min(best_ps, free_ps)
        return best_ps

    def _peers_are_busy(self, shape: CoreType) -> bool:
        own = self._thread
        return not any(
            peer is not own and peer.places.has_idle(shape) for peer in self._state.threads
        )

    def _is_acked(self, core: Core) -> bool:
        """Whether this thread has read the ACK of the running block by now."""
        if not core.is_acked:
            core.is_acked = self._thread.acked_ps(core) <= self._state.clock.now_ps
        return core.is_acked

    # Stages.

    def _dummies(self) -> int:
        """Complete a batch of dummies, one after the other."""
        dummies = self._queues.dummies
        batch = [dummies.popleft() for _ in range(min(len(dummies), self._dummy_batch))]
        self._complete_dummies(batch)
        return _GOES_ON_LATER

    def _cohort(self, shape: CoreType) -> int:
        """The first sync_start task of a shape: here, or by a drain."""
        if self._state.drain is not None:
            # Another thread has asked for one since this look began.
            return _STOP
        before = self._thread.phases.depths()
        task = self._queues.sync[shape].popleft()
        places = self._thread.places.list_idle(shape, task.blocks)
        if len(places) == task.blocks:
            task.next_block = task.blocks
            claims = [(task, block) for block in range(task.blocks)]
            return self._publisher.publish(claims, places, PhaseKind.DISPATCH, before)
        self._state.drain = Drain(task, len(self._state.threads))
        self._state.drain.acknowledge(self._thread.thread)
        self._state.check_drain()
        self._state.notify_all()
        return _STOP

    def _idle(self, shape: CoreType) -> int:
        if shape is not CoreType.MIX and self._mix:
            return 0
        # Most looks find fewer blocks than places: list no more than that, and one to miss.
        wanted = _count_blocks(self._queues.by_shape[shape], len(self._state.cores))
        places = self._thread.places.list_idle(shape, wanted + 1)
        return self._claim_and_publish(shape, places)

    def _pending(self, shape: CoreType) -> int:
        if not self._peers_are_busy(shape):
            return 0
        places = self._thread.places.list_pending(shape, self._is_acked)
        return self._claim_and_publish(shape, places)

    def _claim_and_publish(self, shape: CoreType, places: list[Place]) -> int:
        if not places:
            return 0
        before = self._thread.phases.depths()
        claims = self._queues.claim(shape, len(places))
        end_ps = self._publisher.publish(claims, places, PhaseKind.DISPATCH, before)
        if self._queues.by_shape[shape]:
            # Others may use their pending slots once nobody has an idle place.
            self._state.notify_all()
        return end_ps

    def _early_idle(self, shape: CoreType) -> int:
        if not self._queues.is_empty:
            return 0
        return self._stage_early(shape, self._thread.places.list_idle(shape))

    def _early_pending(self, shape: CoreType) -> int:
        if not self._queues.is_empty:
            return 0
        return self._stage_early(shape, self._thread.places.list_pending(shape, self._is_acked))

    def _stage_early(self, shape: CoreType, places: list[Place]) -> int:
        if not places:
            return 0
        before = self._thread.phases.depths()
        claims = self._state.early.queues.claim(shape, len(places))
        return self._publisher.publish(claims, places, PhaseKind.EARLY_DISPATCH, before)

    # Work.

    def _complete_dummies(self, batch: list[TaskState]) -> None:
        """Complete the first of a batch, and the others when that is done."""
        if not batch:
            self._run_stages(1)
            return
        task = batch.pop(0)
        start_ps = task.end_ps = self._state.clock.now_ps
        before = self._thread.phases.depths()

        def go_on(end_ps: int) -> None:
            self._thread.phases.add(PhaseKind.DUMMY, start_ps, end_ps, 1, before, task=task.task_id)
            self._state.clock.call_at(end_ps, self._complete_dummies, batch)

        self._thread.resolve(task, go_on)

    def _serve(self, drain: Drain) -> None:
        """Stop for a drain, or stage the share of this thread."""
        own = self._thread.thread
        drain.acknowledge(own)
        self._state.check_drain()
        if not drain.has_share(own):
            self._begin_pass()
            return
        share = drain.take_share(own)
        first = drain.state.next_block
        drain.state.next_block += len(share)
        claims = [(drain.state, first + number) for number in range(len(share))]
        before = self._thread.phases.depths()
        end_ps = self._publisher.publish(claims, share, PhaseKind.DRAIN, before)
        if drain.is_over:
            self._state.clock.call_at(end_ps, self._state.finish_drain)
        self._state.clock.call_at(end_ps, self._begin_pass)


def _count_blocks(queue: deque[TaskState], limit: int) -> int:
    """Blocks that wait in a queue, counted up to a limit."""
    if len(queue) >= limit:
        return limit
    return min(limit, sum(task.blocks - task.next_block for task in queue))

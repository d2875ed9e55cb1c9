"""The drain before a ``sync_start`` task: all of its blocks at once.

A thread that cannot place the cohort on its own idle cores stops the dispatch of all threads. Each
acknowledges at its next look at the queues; cores fall idle as their kernels end; when enough are,
every thread stages its share and dispatch goes on::

    Sched[0]  dispatch |ack ........ poll, complete ........ |stage 5|
    Sched[1]     dispatch |ack ..... poll, complete .........|stage 3|
"""

from collections.abc import Mapping, Sequence

from npusim.simulator.machine import Core
from npusim.simulator.task_state import TaskState

Place = tuple[Core, ...]
"""The cores that one block takes: one core, or a whole cluster."""


class Drain:
    """One drain, from the request to the last share."""

    def __init__(self, state: TaskState, threads: int) -> None:
        self.state = state
        self._missing = set(range(threads))
        self._shares: dict[int, list[Place]] | None = None

    def has_acknowledged(self, thread: int) -> bool:
        """True once that thread has stopped its dispatch."""
        return thread not in self._missing

    def acknowledge(self, thread: int) -> None:
        """A thread has stopped its dispatch."""
        self._missing.discard(thread)

    def try_to_go(self, idle: Mapping[int, Sequence[Place]]) -> bool:
        """Hand out the shares if all threads stand still and enough places are idle.

        Args:
            idle: Thread -> its idle places.

        Returns:
            True if this call handed them out.
        """
        if self._shares is not None or self._missing:
            return False
        left = self.state.blocks
        if sum(len(places) for places in idle.values()) < left:
            return False
        self._shares = {}
        for thread, places in sorted(idle.items()):
            share = list(places[:left])
            if share:
                self._shares[thread] = share
                left -= len(share)
        return True

    def has_share(self, thread: int) -> bool:
        """True while that thread has blocks to stage."""
        return self._shares is not None and thread in self._shares

    def take_share(self, thread: int) -> list[Place]:
        """The places that a thread fills; it asks once."""
        assert self._shares is not None, "shares are handed out first"
        return self._shares.pop(thread)

    @property
    def is_over(self) -> bool:
        """True when nothing is left to stage."""
        return self._shares is not None and not self._shares

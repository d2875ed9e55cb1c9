"""The clock of the runtime model: a bare heap of calls in integer picoseconds.

SimPy runs the machine, where processes wait for each other. The runtime of a chip is a few threads
that plan their own next action, so a heap of plain calls is enough for it, at a third of the cost
of an event of SimPy. Both share one time: see ``kernels.py``.
"""

import heapq
from collections.abc import Callable
from typing import Any


class Clock:
    """Calls at times; equal times in the order in which they were asked for."""

    def __init__(self) -> None:
        self.now_ps = 0
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._serial = 0

    def call_at(self, when_ps: int, act: Callable[..., None], *arguments: Any) -> None:
        """Call ``act`` at a time that is not past."""
        self._serial += 1
        heapq.heappush(self._heap, (when_ps, self._serial, act, arguments))

    def call_soon(self, act: Callable[..., None], *arguments: Any) -> None:
        """Call ``act`` now, after what was asked for before."""
        self.call_at(self.now_ps, act, *arguments)

    @property
    def next_ps(self) -> int | None:
        """Time of the next call; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def step(self) -> None:
        """Make the next call."""
        self.now_ps, _, act, arguments = heapq.heappop(self._heap)
        act(*arguments)

    def run(self) -> None:
        """Make all calls."""
        heap, pop = self._heap, heapq.heappop
        while heap:
            self.now_ps, _, act, arguments = pop(heap)
            act(*arguments)

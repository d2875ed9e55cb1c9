"""The polling loop of a scheduler thread, by arithmetic instead of one event per poll.

A pass reads the status of every running core in turn, then looks at the ready queues::

    start     + poll      + 2 poll           + n poll  + base
    |---------|-----------|---- ... ---------|---------|
              core 0      core 1             core n-1   queues: dispatch, next pass

While nothing is found, passes repeat unchanged, so the time at which something will be found is
known without simulating the empty ones.
"""

from collections.abc import Sequence

from npusim.hardware.spec import RuntimeSpec
from npusim.units import ns_to_ps


class PollLoop:
    """Where a thread is in its loop. Cores are identified by their number on the device."""

    def __init__(self, runtime: RuntimeSpec) -> None:
        self._per_core_ps = ns_to_ps(runtime.poll_per_core_ns)
        self._base_ps = ns_to_ps(runtime.poll_base_ns)
        self._start_ps = 0
        self._cores: list[int] = []
        self.iteration = 1
        """Passes begun so far, from 1."""

    def begin(self, now_ps: int, cores: Sequence[int]) -> None:
        """A new pass over ``cores`` starts."""
        self._start_ps = now_ps
        self._cores = list(cores)
        self.iteration += 1

    def resume_after(self, core: int, now_ps: int) -> None:
        """The pass goes on behind ``core``, whose completion took until now."""
        rest = self._cores[self._cores.index(core) + 1 :]
        self._start_ps = now_ps
        self._cores = rest

    def roll(self, now_ps: int, running: Sequence[int]) -> None:
        """Skip the empty passes that ended before now; ``running`` did not change meanwhile."""
        if self._end_ps >= now_ps:
            return
        period_ps = self._length_ps(len(running))
        skipped = -((self._end_ps - now_ps) // period_ps) - 1
        self._start_ps = self._end_ps + skipped * period_ps
        self._cores = list(running)
        self.iteration += 1 + skipped

    def sample_ps(self, core: int, running: Sequence[int], not_before_ps: int) -> int:
        """The first time, not before ``not_before_ps``, at which the status of ``core`` is read."""
        if core in self._cores:
            sample = self._start_ps + (self._cores.index(core) + 1) * self._per_core_ps
            if sample >= not_before_ps:
                return sample
        first = self._end_ps + (running.index(core) + 1) * self._per_core_ps
        return self._repeat(first, len(running), not_before_ps)

    def queues_ps(self, running: Sequence[int], not_before_ps: int) -> int:
        """The first time, not before ``not_before_ps``, at which the queues are looked at."""
        return self._repeat(self._end_ps, len(running), not_before_ps)

    @property
    def _end_ps(self) -> int:
        return self._start_ps + self._length_ps(len(self._cores))

    def _length_ps(self, cores: int) -> int:
        return cores * self._per_core_ps + self._base_ps

    def _repeat(self, first_ps: int, running: int, not_before_ps: int) -> int:
        """The first of ``first_ps``, one pass later, two passes later … that is late enough."""
        if first_ps >= not_before_ps:
            return first_ps
        period_ps = self._length_ps(running)
        return first_ps - (first_ps - not_before_ps) // period_ps * period_ps

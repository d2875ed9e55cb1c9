"""The polling loop of a scheduler thread, by arithmetic instead of one event per poll.

A pass reads the status of every running core in turn, then looks at the ready queues::

    start     + poll      + 2 poll           + n poll  + base
    |---------|-----------|---- ... ---------|---------|
              core 0      core 1             core n-1   queues: dispatch, next pass

While nothing is found, passes repeat unchanged, so the time at which something will be found is
known without simulating the empty ones. Cores are bits of a mask, lowest first; the rank of a core
is the number of running cores before it.
"""

from npusim.hardware.spec import RuntimeSpec
from npusim.units import ns_to_ps


class PollLoop:
    """Where a thread is in its loop."""

    __slots__ = ("_base_ps", "_mask", "_parts", "_per_core_ps", "_start_ps", "end_ps", "iteration")

    def __init__(self, runtime: RuntimeSpec) -> None:
        self._per_core_ps = ns_to_ps(runtime.poll_per_core_ns)
        self._base_ps = ns_to_ps(runtime.poll_base_ns)
        self._start_ps = 0
        self._mask = 0
        self._parts: list[tuple[int, int]] = []
        """The parts of the pass before the present one, as (start, cores read)."""
        self.end_ps = self._base_ps
        """When this pass looks at the queues."""
        self.iteration = 1
        """Passes begun so far, from 1."""

    def begin(self, now_ps: int, mask: int) -> None:
        """A new pass over the cores of ``mask`` starts."""
        self._parts.clear()
        self._go_on(now_ps, mask)
        self.iteration += 1

    def resume_after(self, bit: int, now_ps: int) -> None:
        """The pass goes on behind a core, whose completion took until now."""
        below = (2 << bit) - 1
        self._parts.append((self._start_ps, self._mask & below))
        self._go_on(now_ps, self._mask & ~below)

    def roll(self, now_ps: int, running: int) -> None:
        """Skip the empty passes that ended before now; ``running`` did not change meanwhile."""
        if self.end_ps >= now_ps:
            return
        period_ps = self._length_ps(running)
        skipped = -((self.end_ps - now_ps) // period_ps) - 1
        self._parts.clear()
        self._go_on(self.end_ps + skipped * period_ps, running)
        self.iteration += 1 + skipped

    def sample_ps(self, bit: int, running: int, not_before_ps: int) -> int:
        """The first time, not before ``not_before_ps``, at which the status of a core is read."""
        below = (1 << bit) - 1
        if self._mask >> bit & 1:
            sample = self._start_ps + ((self._mask & below).bit_count() + 1) * self._per_core_ps
            if sample >= not_before_ps:
                return sample
        first_ps = self.end_ps + ((running & below).bit_count() + 1) * self._per_core_ps
        if first_ps >= not_before_ps:
            return first_ps
        # One pass later, two passes later … until it is late enough.
        period_ps = self._length_ps(running)
        return first_ps - (first_ps - not_before_ps) // period_ps * period_ps

    def queues_ps(self, running: int, not_before_ps: int) -> int:
        """The first time, not before ``not_before_ps``, at which the queues are looked at."""
        first_ps = self.end_ps
        if first_ps >= not_before_ps:
            return first_ps
        # The hottest line of a simulation: no calls.
        period_ps = running.bit_count() * self._per_core_ps + self._base_ps
        return first_ps - (first_ps - not_before_ps) // period_ps * period_ps

    def last_sample_ps(self, bit: int) -> int:
        """When this pass read the status of a core, by its end; -1 if it does not."""
        for start_ps, mask in (*self._parts, (self._start_ps, self._mask)):
            if mask >> bit & 1:
                rank = (mask & ((1 << bit) - 1)).bit_count()
                return start_ps + (rank + 1) * self._per_core_ps
        return -1

    def _go_on(self, now_ps: int, mask: int) -> None:
        self._start_ps = now_ps
        self._mask = mask
        self.end_ps = now_ps + self._length_ps(mask)

    def _length_ps(self, mask: int) -> int:
        return mask.bit_count() * self._per_core_ps + self._base_ps

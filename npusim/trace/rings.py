"""How full the rings of the runtime were: task slots, output heap, dependency lists.

Counters only grow; what is held is what was taken less what was freed::

    taken   0 1 2 2 3 4        held  0 1 2 1 2 2
    freed   0 0 0 1 1 2

A sample belongs to a change of one ring, or to the begin or the end of a runtime scope. A device
samples scopes only (``scope_stats.jsonl``), and without times.
"""

import itertools
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import TraceError

Records = npt.NDArray[Any]

NO_COUNT = -1
"""A count that a capture does not hold."""
_NO_SCOPE = -1


class RingEvent(IntEnum):
    """What a sample was taken at."""

    CHANGE = 0
    BEGIN = 1
    END = 2


RING_DTYPE = np.dtype(
    [
        ("time_ps", np.int64),  # NO_TIME of npusim.trace.model where a capture does not say
        ("ring", np.int32),  # index into RingUse.limits
        ("scope", np.int32),  # index into RingUse.scopes, -1 for a CHANGE
        ("event", np.uint8),  # RingEvent
        ("slots_freed", np.int64),
        ("slots_taken", np.int64),
        ("heap_freed_bytes", np.int64),
        ("heap_taken_bytes", np.int64),
        ("dependencies_freed", np.int64),
        ("dependencies_taken", np.int64),
        ("tensormap_entries", np.int64),  # in use, of all rings together
    ]
)
"""Counters of one ring at one moment, ``NO_COUNT`` where they are not known."""

RING_COUNTERS = (
    ("slots_freed", "slots_taken"),
    ("heap_freed_bytes", "heap_taken_bytes"),
    ("dependencies_freed", "dependencies_taken"),
)
"""What was given back and what was taken, by resource."""


@dataclass(frozen=True, slots=True)
class RingLimits:
    """What one ring has room for."""

    slots: int
    heap_bytes: int
    dependencies: int = NO_COUNT


@dataclass(frozen=True, slots=True)
class RingScope:
    """One execution of a runtime scope."""

    site: str
    """Where it stands; every iteration of a loop has the same."""
    depth: int
    """0 for the outermost."""
    ring: int


def no_ring_samples() -> Records:
    """The samples of a run that did not watch its rings."""
    return np.empty(0, RING_DTYPE)


@dataclass(frozen=True, slots=True, eq=False)
class RingUse:
    """The rings of a run over time; empty for a run that did not watch them.

    Raises:
        TraceError: If an index is out of range, a counter falls, more is freed than was taken, or
            times go back.
    """

    limits: tuple[RingLimits, ...] = ()
    scopes: tuple[RingScope, ...] = ()
    samples: Records = field(default_factory=no_ring_samples)
    """``RING_DTYPE`` in the order in which they were taken."""
    tensormap_limit: int = NO_COUNT

    def __post_init__(self) -> None:
        if self.samples.dtype != RING_DTYPE or self.samples.ndim != 1:
            msg = f"rings: samples have dtype {self.samples.dtype}; expected one axis {RING_DTYPE}"
            raise TraceError(msg)
        self.samples.setflags(write=False)
        is_change = self.samples["event"] == RingEvent.CHANGE
        ring, scope = self.samples["ring"], self.samples["scope"]
        self._refuse((ring < 0) | (ring >= len(self.limits)), "ring", "a ring with limits")
        stop = np.where(is_change, 0, len(self.scopes))
        least = np.where(is_change, _NO_SCOPE, 0)
        self._refuse((scope < least) | (scope >= stop), "scope", "a scope, -1 for a change")
        times = self.samples["time_ps"]
        self._refuse(np.diff(times, prepend=times[:1]) < 0, "time_ps", "no less than before")
        self._check_counters()

    def of_ring(self, ring: int) -> Records:
        """The samples of one ring."""
        rows: Records = self.samples[self.samples["ring"] == ring]
        return rows

    def _check_counters(self) -> None:
        for ring in range(len(self.limits)):
            rows = np.flatnonzero(self.samples["ring"] == ring)
            for name in itertools.chain.from_iterable(RING_COUNTERS):
                values = self.samples[name][rows]
                is_bad = np.zeros(len(self.samples), np.bool_)
                is_bad[rows] = np.diff(values, prepend=values[:1]) < 0
                self._refuse(is_bad, name, "no less than before")
        for freed, taken in RING_COUNTERS:
            is_more = self.samples[freed] > self.samples[taken]
            self._refuse(is_more, freed, f"no more than {taken}")

    def _refuse(self, is_bad: npt.NDArray[np.bool_], column: str, expected: str) -> None:
        bad = np.flatnonzero(is_bad)
        if len(bad):
            row = int(bad[0])
            msg = f"rings: samples[{row}].{column} is {self.samples[column][row]}"
            raise TraceError(f"{msg}; expected {expected}")

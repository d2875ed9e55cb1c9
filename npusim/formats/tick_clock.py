"""The counter of a capture that was read: ticks to picoseconds from the capture's origin."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from npusim.formats.fields import INT64_STOP, Place
from npusim.formats.layout import DEFAULT_COUNTER_MHZ, HZ_PER_MHZ, TIME_ORIGIN_KEY
from npusim.formats.phase_reader import PhaseTable
from npusim.formats.row_table import RowTable
from npusim.trace import NO_TIME
from npusim.units import ticks_to_ps

NS_CLOCK_MHZ = 1000
_SLOW_TICK_NS = NS_CLOCK_MHZ // DEFAULT_COUNTER_MHZ
"""Files in µs do not name their counter, but the ticks of the slower one are multiples of this."""


@dataclass(frozen=True, slots=True)
class TickClock:
    """Rate of the counter, and the tick that becomes time 0."""

    counter_mhz: int
    origin_ticks: int

    def ps(self, tick: int) -> int:
        """Picoseconds at ``tick``; -1 stays -1."""
        return tick if tick == NO_TIME else ticks_to_ps(tick - self.origin_ticks, self.counter_mhz)

    @classmethod
    def of_capture(
        cls, metadata: dict[str, Any], at: Place, rows: RowTable, phases: PhaseTable
    ) -> "TickClock":
        """The clock of a capture: its origin is the tick it names, else the smallest one.

        Raises:
            FileFormatError: If the rate is missing or no whole number of MHz, the named origin
                lies after an event, or the capture spans more than a trace can hold.
        """
        clock_hz = at.integer(metadata, "clock_freq_hz", low=1)
        counter_mhz, rest_hz = divmod(clock_hz, HZ_PER_MHZ)
        if rest_hz or not counter_mhz:
            at.fail("clock_freq_hz", clock_hz, "a whole number of MHz, in Hz")
        first, last = _extent(rows, phases)
        origin = first
        if TIME_ORIGIN_KEY in metadata:
            origin = at.integer(metadata, TIME_ORIGIN_KEY)
            if origin > first:
                at.fail(TIME_ORIGIN_KEY, origin, f"no more than the first event, tick {first}")
        check_span(at, counter_mhz, origin, last)
        return cls(counter_mhz, origin)


def check_span(at: Place, counter_mhz: int, first: int, last: int) -> None:
    """Make sure that a trace can hold the time between two ticks.

    Raises:
        FileFormatError: If it cannot.
    """
    if ticks_to_ps(last - first, counter_mhz) >= INT64_STOP:
        expected = f"a span that fits a trace at {counter_mhz} MHz"
        at.fail("last tick", last, f"{expected}; the first tick is {first}")


def _extent(rows: RowTable, phases: PhaseTable) -> tuple[int, int]:
    columns = (rows.dispatch, rows.receive, rows.start, rows.end, rows.finish)
    ticks = np.concatenate(columns)
    ticks = ticks[ticks != NO_TIME]
    stamps = [int(ticks.min()), int(ticks.max())] if len(ticks) else []
    for phase in (*phases.scheduler, *phases.orchestrator):
        stamps += (phase.start, phase.end)
    return min(stamps, default=0), max(stamps, default=0)


def guessed_counter_mhz(rows: RowTable) -> int:
    """Rate of the counter behind times in ns: the slower one if every time is a multiple of it."""
    times = np.concatenate((rows.dispatch, rows.receive, rows.start, rows.end, rows.finish))
    times = times[times != NO_TIME]
    is_slow = not np.any(times % _SLOW_TICK_NS)
    return DEFAULT_COUNTER_MHZ if is_slow else NS_CLOCK_MHZ

"""The only unit converters.

Simulated time is an integer number of picoseconds; costs are cycles; files and tables show
microseconds. A conversion rounds once per duration, never once per cycle: one cycle at 1850 MHz
is 540.54 ps, and rounding that first would drift by 0.1 %.
"""

PS_PER_NS = 1_000
PS_PER_US = 1_000_000
KIB = 1024
MIB = 1024 * 1024


def cycles_to_ps(cycles: float, clock_mhz: float) -> int:
    """Picoseconds of a whole duration of ``cycles`` at ``clock_mhz``, rounded to nearest.

    Args:
        cycles: Length of the duration in cycles, not negative.
        clock_mhz: Clock rate in MHz, positive.

    Returns:
        The duration in picoseconds; the error is at most half a picosecond for integer cycles.

    Raises:
        ValueError: If an argument is out of range.
    """
    if clock_mhz <= 0:
        msg = f"clock_mhz is {clock_mhz}; expected a positive rate in MHz"
        raise ValueError(msg)
    if cycles < 0:
        msg = f"cycles is {cycles}; expected a duration that is not negative"
        raise ValueError(msg)
    if isinstance(cycles, int) and isinstance(clock_mhz, int):
        return (2 * cycles * PS_PER_US + clock_mhz) // (2 * clock_mhz)
    return round(cycles * PS_PER_US / clock_mhz)


def ns_to_ps(duration_ns: float) -> int:
    """Picoseconds of ``duration_ns`` nanoseconds, rounded to nearest."""
    return round(duration_ns * PS_PER_NS)


def us_to_ps(duration_us: float) -> int:
    """Picoseconds of ``duration_us`` microseconds, rounded to nearest."""
    return round(duration_us * PS_PER_US)


def ps_to_us(duration_ps: float) -> float:
    """Microseconds of ``duration_ps`` picoseconds, for files, tables and plots only."""
    return duration_ps / PS_PER_US


def ps_to_ticks(time_ps: int, counter_mhz: int) -> int:
    """Counter ticks elapsed at ``time_ps``; floors, so the order of two times is kept."""
    return time_ps * counter_mhz // PS_PER_US


def ticks_to_ps(ticks: int, counter_mhz: int) -> int:
    """Picoseconds at which counter tick ``ticks`` happens, rounded to nearest."""
    return (2 * ticks * PS_PER_US + counter_mhz) // (2 * counter_mhz)

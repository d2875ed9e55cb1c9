"""Microseconds as the Perfetto importer wants them."""

from math import inf, nextafter

from npusim.units import PS_PER_NS, PS_PER_US


def viewer_us(time_ps: int) -> float:
    """``time_ps`` in µs, exact to the picosecond, such that the viewer sees the right nanosecond.

    The viewer multiplies by 1000 in floating point and cuts the fraction off: 1.001 µs would come
    out as 1000 ns and overlap what ends at 1001 ns, and the viewer drops overlapping slices. The
    next larger float comes out right and is the same picosecond.
    """
    value = time_ps / PS_PER_US
    return nextafter(value, inf) if int(value * 1000.0) < time_ps // PS_PER_NS else value


def whole_ns(time_ps: int) -> int:
    """``time_ps`` without the fraction of its last nanosecond, in picoseconds.

    The viewer counts in nanoseconds. Some versions cut the fraction of a start or a length off,
    others round it (Perfetto 52); a slice that comes out one longer overlaps the next, and the
    viewer drops that one. Start and end cut here leave nothing to round, and keep their order.
    """
    return time_ps - time_ps % PS_PER_NS


def text_us(time_ps: int) -> float:
    """``time_ps`` in µs for an argument that is only shown."""
    return time_ps / PS_PER_US

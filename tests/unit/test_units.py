"""Conversions of time round once, to nearest, and keep order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.units import (
    KIB,
    MIB,
    PS_PER_NS,
    PS_PER_US,
    cycles_to_ps,
    ns_to_ps,
    ps_to_ticks,
    ps_to_us,
    ticks_to_ps,
    us_to_ps,
)


def test_factors() -> None:
    assert (PS_PER_NS, PS_PER_US, KIB, MIB) == (10**3, 10**6, 2**10, 2**20)


@pytest.mark.parametrize(
    ("cycles", "clock_mhz", "expected_ps"),
    [
        (0, 1850, 0),
        (1, 1850, 541),  # 540.54
        (1850, 1850, 1_000_000),  # not 1850 * 541
        (1, 1000, 1000),
        (3, 2_000_000, 2),  # 1.5 rounds up
        (2.5, 1000, 2500),
        (1, 1850.0, 541),
    ],
)
def test_cycles_round_once_per_duration(cycles: float, clock_mhz: float, expected_ps: int) -> None:
    got = cycles_to_ps(cycles, clock_mhz)
    assert got == expected_ps
    assert isinstance(got, int)


@given(st.integers(0, 10**9), st.integers(1, 5000))
def test_the_error_of_cycles_is_at_most_half_a_picosecond(cycles: int, clock_mhz: int) -> None:
    got = cycles_to_ps(cycles, clock_mhz)
    assert abs(2 * got * clock_mhz - 2 * cycles * PS_PER_US) <= clock_mhz


@given(st.integers(0, 10**9), st.integers(1, 5000))
def test_integer_and_float_paths_agree_within_a_picosecond(cycles: int, clock_mhz: int) -> None:
    assert abs(cycles_to_ps(cycles, clock_mhz) - cycles_to_ps(float(cycles), clock_mhz)) <= 1


def test_cycles_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"^clock_mhz is 0; expected a positive rate in MHz$"):
        cycles_to_ps(1, 0)
    with pytest.raises(ValueError, match=r"^cycles is -1; expected a duration that is not negat"):
        cycles_to_ps(-1, 1000)


def test_nanoseconds_and_microseconds() -> None:
    assert (ns_to_ps(1.5), us_to_ps(0.0000015), ps_to_us(2_500_000)) == (1500, 2, 2.5)


@given(st.integers(0, 10**15))
def test_microseconds_round_trip(time_ps: int) -> None:
    assert us_to_ps(ps_to_us(time_ps)) == time_ps


def test_ticks_floor_and_come_back_to_nearest() -> None:
    assert (ps_to_ticks(19_999, 50), ps_to_ticks(20_000, 50)) == (0, 1)
    assert (ticks_to_ps(1, 50), ticks_to_ps(1, 3)) == (20_000, 333_333)


@given(st.integers(0, 10**12), st.integers(1, 2000))
def test_ticks_round_trip(ticks: int, counter_mhz: int) -> None:
    """A tick comes back as itself or, where its time was rounded down, as the one before."""
    back = ps_to_ticks(ticks_to_ps(ticks, counter_mhz), counter_mhz)
    assert ticks - 1 <= back <= ticks
    assert PS_PER_US % counter_mhz or back == ticks


@given(st.integers(0, 10**12), st.integers(0, 10**6), st.integers(1, 2000))
def test_ticks_keep_the_order_of_two_times(first: int, later: int, counter_mhz: int) -> None:
    assert ps_to_ticks(first, counter_mhz) <= ps_to_ticks(first + later, counter_mhz)

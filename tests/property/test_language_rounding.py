"""Properties of conversions: directed modes bracket the value, nearest modes are nearest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import npusim.language as pl
from npusim.language.dtypes import largest, lowest, round_to

pytestmark = pytest.mark.property

FLOATS = st.lists(
    st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8
)
NARROW = st.sampled_from([pl.BF16, pl.FP16, pl.FP8E4M3FN])
INTEGERS = st.sampled_from([pl.INT8, pl.INT16, pl.INT32, pl.UINT8, pl.INT64])


def in_range(values: list[float], target: pl.DType) -> np.ndarray:
    limit = float(largest(target))
    return np.clip(np.array(values, np.float32), -limit, limit).astype(np.float32)


@given(FLOATS, NARROW)
def test_floor_and_ceil_bracket_and_are_neighbours(values: list[float], target: pl.DType) -> None:
    x = in_range(values, target)
    low, high = round_to(x, target, "floor"), round_to(x, target, "ceil")
    assert (low.astype(np.float64) <= x).all()
    assert (high.astype(np.float64) >= x).all()
    step = np.nextafter(low, largest(target))
    apart = low.astype(np.float64) != high.astype(np.float64)
    np.testing.assert_array_equal(step[apart].astype(np.float64), high[apart].astype(np.float64))


@given(FLOATS, NARROW)
def test_nearest_modes_are_nearest_and_differ_only_on_ties(
    values: list[float], target: pl.DType
) -> None:
    x = in_range(values, target)
    low, high, even, away = (
        round_to(x, target, mode).astype(np.float64) for mode in ("floor", "ceil", "rint", "round")
    )
    gap = np.minimum(x - low, high - x)
    np.testing.assert_array_equal(np.abs(x - even), gap)
    np.testing.assert_array_equal(np.abs(x - away), gap)
    differ = even != away
    np.testing.assert_array_equal((x - low)[differ], (high - x)[differ])
    assert (np.abs(away) >= np.abs(even)).all()


@given(FLOATS, NARROW)
def test_trunc_is_inner_and_odd_is_odd_where_inexact(values: list[float], target: pl.DType) -> None:
    x = in_range(values, target)
    inner, odd = round_to(x, target, "trunc"), round_to(x, target, "odd")
    assert (np.abs(inner.astype(np.float64)) <= np.abs(x)).all()
    inexact = odd.astype(np.float64) != x
    assert (odd.view(f"u{target.nbytes}")[inexact] & 1 == 1).all()


@given(FLOATS, INTEGERS, st.sampled_from(["rint", "round", "floor", "ceil", "trunc", "odd"]))
def test_integers_stay_in_range_and_within_one(
    values: list[float], target: pl.DType, mode: str
) -> None:
    x = np.array(values, np.float32)
    got = round_to(x, target, mode)
    inside = (x > float(lowest(target))) & (x < float(largest(target)))
    assert (np.abs(got[inside].astype(np.float64) - x[inside]) <= 1).all()
    assert (got[x >= float(largest(target))] == largest(target)).all()
    assert (got[x <= float(lowest(target))] == lowest(target)).all()


@given(FLOATS, NARROW, st.sampled_from(["rint", "round", "floor", "ceil", "trunc", "odd"]))
def test_rounding_again_changes_nothing(values: list[float], target: pl.DType, mode: str) -> None:
    once = round_to(in_range(values, target), target, mode)
    twice = round_to(once.astype(np.float32), target, mode)
    np.testing.assert_array_equal(once.view(np.uint8), twice.view(np.uint8))

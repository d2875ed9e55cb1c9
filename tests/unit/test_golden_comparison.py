import math

import ml_dtypes
import numpy as np
import pytest

from npusim.errors import KernelError
from npusim.golden import Comparator, allclose, ratio_allclose, ratio_reldiff

OFFICIAL = ratio_allclose(atol=1e-4, rtol=1 / 128)


def _array(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_equal_arrays_pass_with_zero_distance() -> None:
    comparison = OFFICIAL(_array(1, 2), _array(1, 2))
    assert comparison.passed
    assert (comparison.bad_elements, comparison.elements) == (0, 2)
    assert (comparison.max_abs, comparison.rel_l2, comparison.bit_equal_frac) == (0.0, 0.0, 1.0)


def test_distances_are_reported() -> None:
    comparison = allclose(rtol=0, atol=1)(_array(3, 0.5), _array(3, 0))
    assert comparison.passed
    assert comparison.max_abs == 0.5
    assert comparison.rel_l2 == pytest.approx(0.5 / 3)
    assert comparison.bit_equal_frac == 0.5


def test_the_official_limit_allows_2621_of_524288_elements() -> None:
    expected = np.zeros((128, 4096), np.float32)
    actual = expected.copy()
    actual.flat[:2621] = 1.0
    assert OFFICIAL(actual, expected).passed
    actual.flat[2621] = 1.0
    comparison = OFFICIAL(actual, expected)
    assert not comparison.passed
    assert (comparison.bad_elements, comparison.allowed_bad_elements) == (2622, 2621)
    assert comparison.message == (
        "2622 of 524288 elements are off, 2621 allowed; the first at (0, 0): 1.0, expected 0.0"
    )


def test_the_limit_is_evaluated_in_float32() -> None:
    edge = np.float32(1e-4)
    assert allclose(rtol=0, atol=1e-4)(_array(edge), _array(0)).passed
    assert not allclose(rtol=0, atol=1e-4)(_array(np.nextafter(edge, 1)), _array(0)).passed


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("comparator", [OFFICIAL, ratio_reldiff(), allclose()])
def test_one_value_that_is_not_finite_fails(comparator: Comparator, value: float) -> None:
    expected = np.ones(1000, np.float32)
    actual = expected.copy()
    actual[3] = value
    comparison = comparator(actual, expected)
    assert not comparison.passed
    assert (comparison.bad_elements, comparison.nonfinite_elements) == (1, 1)
    assert comparison.max_abs == 0.0


def test_the_message_says_where_the_first_nan_is() -> None:
    message = OFFICIAL(_array(1, math.nan), _array(1, 1)).message
    assert message.startswith("1 elements of the output are NaN or Inf, first nan at (1,); 1 of 2")


@pytest.mark.parametrize("comparator", [OFFICIAL, ratio_reldiff()])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_broken_golden_never_passes(comparator: Comparator, value: float) -> None:
    expected = np.ones(1000, np.float32)
    expected[5] = value
    comparison = comparator(np.ones(1000, np.float32), expected)
    assert not comparison.passed
    assert comparison.message.startswith("1 elements of the golden are NaN or Inf")


def test_allclose_accepts_an_infinity_that_is_expected() -> None:
    assert allclose()(_array(-math.inf, 1), _array(-math.inf, 1)).passed
    assert not allclose()(_array(-math.inf, 1), _array(math.inf, 1)).passed
    assert not allclose()(_array(7, 1), _array(math.inf, 1)).passed


def test_large_integers_are_not_merged() -> None:
    big = np.array([2**24], np.int32)
    assert not allclose(rtol=0, atol=0)(big + 1, big).passed


def test_bits_are_compared_in_the_type_of_the_output() -> None:
    zeros = np.zeros(2, ml_dtypes.bfloat16)
    negative = -zeros
    assert OFFICIAL(negative, zeros).passed
    assert OFFICIAL(negative, zeros).bit_equal_frac == 0.0
    assert OFFICIAL(negative, zeros.astype(np.float32)).bit_equal_frac == 1.0


def test_reldiff_switches_from_absolute_to_relative() -> None:
    comparator = ratio_reldiff(diff_thd=0.01, pct_thd=0.0)
    assert comparator(_array(0.009), _array(0.0)).passed  # absolute, below the threshold
    assert not comparator(_array(0.011), _array(0.0)).passed
    assert comparator(_array(100.5), _array(100.0)).passed  # 0.5 %
    assert not comparator(_array(102.0), _array(100.0)).passed  # 2 %


def test_reldiff_limits_the_share_and_the_worst() -> None:
    expected = np.full(100, 10.0, np.float32)
    actual = expected.copy()
    actual[:5] = 11.0
    assert ratio_reldiff()(actual, expected).passed
    capped = ratio_reldiff(max_diff_hd=0.05)(actual, expected)
    assert not capped.passed
    assert capped.message.startswith("relative difference 0.0909 reaches the limit 0.05; 5 of 100")
    actual[5] = 11.0
    assert not ratio_reldiff()(actual, expected).passed


def test_the_share_allowed_is_never_exceeded_by_rounding() -> None:
    comparison = ratio_reldiff(pct_thd=0.05)(np.zeros(30, np.float32), np.zeros(30, np.float32))
    assert comparison.allowed_bad_elements == 1  # 0.05 * 30 = 1.5


def test_shapes_must_agree() -> None:
    message = r"^comparison: the output has shape \(2,\), the golden \(1,\); expected equal shapes"
    with pytest.raises(KernelError, match=message):
        OFFICIAL(_array(1, 2), _array(1))


def test_nothing_equals_nothing() -> None:
    comparison = OFFICIAL(np.zeros((0, 4), np.float32), np.zeros((0, 4), np.float32))
    assert comparison.passed
    assert (comparison.elements, comparison.bit_equal_frac) == (0, 1.0)


def test_a_zero_golden_makes_the_relative_distance_infinite() -> None:
    assert allclose(atol=1)(_array(0.5), _array(0)).rel_l2 == math.inf

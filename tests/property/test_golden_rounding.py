import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from npusim.golden import ratio_allclose, round_to_bfloat16


@pytest.mark.property
@given(bits=hnp.arrays(np.uint32, st.integers(0, 40), elements=st.integers(0, 2**32 - 1)))
@settings(max_examples=300, derandomize=True)
def test_any_bit_pattern_rounds_as_ml_dtypes_does(bits: np.ndarray) -> None:
    values = bits.view(np.float32)
    with np.errstate(invalid="ignore"):
        expected = values.astype(ml_dtypes.bfloat16)
    assert round_to_bfloat16(values).tobytes() == expected.tobytes()


@pytest.mark.property
@given(
    elements=st.integers(1, 2000),
    bad=st.integers(0, 40),
    ratio=st.sampled_from([0.0, 0.005, 0.01, 0.02]),
)
@settings(max_examples=100, derandomize=True)
def test_the_count_rule_decides(elements: int, bad: int, ratio: float) -> None:
    bad = min(bad, elements)
    expected = np.zeros(elements, np.float32)
    actual = expected.copy()
    actual[:bad] = 1.0
    comparison = ratio_allclose(1e-4, 1 / 128, ratio)(actual, expected)
    assert comparison.bad_elements == bad
    assert comparison.passed == (bad <= round(ratio * elements))

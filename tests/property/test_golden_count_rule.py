import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.golden import ratio_allclose


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

import pytest

from npusim.cost import vector_cost
from npusim.errors import HardwareSpecError
from npusim.hardware import load_chip

VECTOR = load_chip("a2a3").vector


def test_elementwise_is_slope_times_repeats_and_a_fixed_part():
    assert vector_cost("binary", 64, 64, 4, VECTOR) == (128, 24)


def test_half_the_element_size_is_half_the_repeats():
    assert vector_cost("binary", 64, 64, 2, VECTOR).busy_cycles == 64


def test_exp_of_half_precision_has_a_slope_of_its_own():
    # HARDWARE.md 4.4: 0.0314 cycles an element in either precision.
    for elem_bytes in (4, 2):
        assert sum(vector_cost("exp", 64, 64, elem_bytes, VECTOR)) == pytest.approx(158.7, abs=0.5)


def test_a_partial_repeat_exposes_the_count_mode():
    whole = vector_cost("binary", 1, 64, 4, VECTOR)
    partial = vector_cost("binary", 1, 63, 4, VECTOR)
    assert partial.busy_cycles == whole.busy_cycles
    assert partial.fixed_cycles - whole.fixed_cycles == VECTOR.partial_repeat_cycles


def test_a_row_reduction_counts_rows_and_repeats_of_a_row():
    # HARDWARE.md 4.4: rows * (5.5 + 1.45 R) + 24 + 17.5 R with R = 2.
    cost = vector_cost("row_max", 16, 128, 4, VECTOR)
    assert cost == pytest.approx((16 * (5.5 + 2.9), 24 + 35))


def test_an_unknown_class_names_the_known_ones():
    with pytest.raises(
        HardwareSpecError, match=r"^vector.classes: no class 'warp'; expected one of binary, "
    ):
        vector_cost("warp", 1, 1, 4, VECTOR)

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


def test_narrow_rows_take_a_repeat_each_where_a_class_is_row_wise():
    # Rows of a quarter of a repeat: MIC-op-TADDS-fp32_256x16 has 266 cycles in all.
    assert vector_cost("scalar_operand", 256, 16, 4, VECTOR) == (256, 24)
    assert vector_cost("unary_scalar", 256, 16, 4, VECTOR).busy_cycles == 64


def test_a_column_lies_densely_even_where_a_class_is_row_wise():
    # A row of 4 bytes is less than a block, so it cannot be a row of its own.
    assert vector_cost("scalar_operand", 256, 1, 4, VECTOR).busy_cycles == 4


def test_wide_rows_cost_the_same_in_every_class_of_that_slope():
    row_wise = vector_cost("scalar_operand", 7, 448, 4, VECTOR)
    assert row_wise == vector_cost("unary_scalar", 7, 448, 4, VECTOR)


def test_a_scalar_divisor_costs_more_than_a_tile():
    # HARDWARE.md 4.4, TDIVS: 5 cycles a repeat + 45 in fp32, 9 in fp16.
    assert vector_cost("div_scalar", 64, 64, 4, VECTOR) == (320, 45)
    assert vector_cost("div_scalar", 64, 128, 2, VECTOR) == (576, 45)
    assert vector_cost("div", 64, 64, 4, VECTOR) == (256, 30)


@pytest.mark.parametrize(("cols", "row_cycles"), [(64, 17.4), (32, 17.4), (128, 20), (96, 35)])
def test_a_column_maximum_pays_for_a_row_that_ends_within_its_second_repeat(cols, row_cycles):
    # HARDWARE.md 4.4: 17.4 a row with one repeat, 20 with two, 35 with a partial second.
    assert vector_cost("col_max", 10, cols, 4, VECTOR) == pytest.approx((10 * row_cycles, 16))


def test_an_unknown_class_names_the_known_ones():
    with pytest.raises(
        HardwareSpecError, match=r"^vector.classes: no class 'warp'; expected one of binary, "
    ):
        vector_cost("warp", 1, 1, 4, VECTOR)

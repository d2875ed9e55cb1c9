from dataclasses import FrozenInstanceError, replace

import pytest

from npusim.errors import HardwareSpecError
from npusim.hardware import VECTOR_COST_KEYS, VectorClassSpec, VectorSpec, load_chip


def test_a_vector_class_is_found_by_its_cost_key() -> None:
    vector = load_chip("a2a3").vector
    assert vector.class_for("mul") == VectorClassSpec(slope_cycles_per_repeat=2, fixed_cycles=25)
    assert set(vector.classes) == set(VECTOR_COST_KEYS)


def test_an_unknown_cost_key_lists_the_known_ones() -> None:
    message = r"^VectorSpec\.classes: no class for cost key 'tanh'; expected one of binary, cast, "
    with pytest.raises(HardwareSpecError, match=message):
        load_chip("a2a3").vector.class_for("tanh")


def test_a_vector_unit_without_a_class_is_refused() -> None:
    classes = dict(load_chip("a2a3").vector.classes)
    del classes["exp"]
    with pytest.raises(HardwareSpecError, match=r"^VectorSpec\.classes: lacks exp; expected one"):
        VectorSpec(repeat_bytes=256, block_bytes=32, partial_repeat_cycles=0, classes=classes)


def test_a_negative_cost_is_refused() -> None:
    message = r"^VectorClassSpec\.fixed_cycles: is -1; expected zero or more"
    with pytest.raises(HardwareSpecError, match=message):
        VectorClassSpec(fixed_cycles=-1)


def test_a_chip_is_frozen_and_can_be_varied() -> None:
    chip = load_chip("a2a3")
    faster = replace(chip, clock=replace(chip.clock, core_mhz=3700))
    assert (faster.clock.core_mhz, chip.clock.core_mhz) == (3700, 1850)
    with pytest.raises(FrozenInstanceError):
        chip.clock.core_mhz = 1  # type: ignore[misc]


def test_a_flag_of_a_vector_class_stays_a_flag() -> None:
    classes = load_chip("a2a3").vector.classes
    assert classes["scalar_operand"].is_row_wise is True
    assert classes["unary_scalar"].is_row_wise is False

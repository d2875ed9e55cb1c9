from npusim.hardware import load_chip
from npusim.validation.chips import HEAD, JUNE_2026, with_build, with_clock

CHIP = load_chip("a2a3")


def test_a_clock_changes_the_cores_alone():
    assert with_clock(CHIP, None) is CHIP
    slower = with_clock(CHIP, 1800)
    assert slower.clock.core_mhz == 1800
    assert slower.memory == CHIP.memory


def test_an_older_build_of_the_runtime_costs_more_per_block():
    assert with_build(CHIP, HEAD) is CHIP
    older = with_build(CHIP, JUNE_2026)
    assert older.runtime.prepare_block_ns == CHIP.build_2026_06.prepare_block_ns
    assert older.runtime.prepare_block_ns > CHIP.runtime.prepare_block_ns
    assert older.memory == CHIP.memory

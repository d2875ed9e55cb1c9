from dataclasses import replace

import pytest

from npusim.cost import drain_cycles, matmul_steps
from npusim.hardware import load_chip

CHIP = load_chip("a2a3")


@pytest.mark.parametrize(
    ("m", "n", "k", "fractals"), [(128, 128, 128, 512), (16, 128, 128, 64), (128, 256, 64, 512)]
)
def test_a_small_matmul_is_one_step_with_the_streamed_head(m, n, k, fractals):
    (step,) = matmul_steps(m, n, k, 2, CHIP)
    assert step.mmad_cycles == fractals + CHIP.cube.mmad_streamed_head_cycles


def test_an_isolated_mmad_takes_the_documented_533_cycles():
    (step,) = matmul_steps(128, 128, 128, 2, CHIP)
    assert step.mmad_cycles + step.mmad_exposed_cycles == 533


def test_loading_follows_the_gemm_table():
    # HARDWARE.md 4.1: 16 KiB of a and 32 KiB of b take 411 cycles on MTE1.
    (step,) = matmul_steps(128, 256, 64, 2, CHIP)
    assert step.load_cycles == pytest.approx(411, abs=1)


def test_a_deep_matmul_is_cut_so_that_a_step_fits_half_of_l0():
    steps = matmul_steps(128, 128, 320, 2, CHIP)
    heads = len(steps) * CHIP.cube.mmad_streamed_head_cycles
    assert [len(steps), sum(step.mmad_cycles for step in steps) - heads] == [3, 8 * 8 * 20]


def test_a_step_has_at_least_one_fractal_however_wide():
    assert len(matmul_steps(16, 2048, 32, 2, CHIP)) == 2


def test_fp32_takes_its_passes():
    (step,) = matmul_steps(16, 16, 8, 4, CHIP)
    twin = replace(CHIP, cube=replace(CHIP.cube, fp32_passes=8))
    (slow,) = matmul_steps(16, 16, 8, 4, twin)
    assert slow.mmad_cycles - step.mmad_cycles == 6


@pytest.mark.parametrize(("m", "n", "cycles"), [(128, 256, 1275), (16, 256, 303)])
def test_the_drain_matches_the_device_examples(m, n, cycles):
    assert drain_cycles(m, n, CHIP.cube) == pytest.approx(cycles, abs=0.5)


def test_a_width_that_is_not_a_power_of_two_pays_the_penalty():
    even, odd = drain_cycles(16, 64, CHIP.cube), drain_cycles(16, 72, CHIP.cube)
    assert odd - even == pytest.approx(16 * 8 * CHIP.cube.fixp_penalty_cycles)

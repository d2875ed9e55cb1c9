import numpy as np
import pytest

from npusim.cost import (
    access_bursts,
    effective_bytes,
    latency_cycles,
    resolve_ns,
    scalar_read_cycles,
    scalar_write_cycles,
    server_cycles,
    submit_ns,
    write_cycles,
)
from npusim.program import ACCESS_DTYPE
from tests.program_builder import round_chip

CHIP = round_chip()


def bursts(*rows: tuple[int, ...]):
    return access_bursts(np.array([(0, 0, 0, *row) for row in rows], ACCESS_DTYPE))


@pytest.mark.parametrize(
    ("row", "runs", "run_elems"),
    [
        ((1, 0, 1, 0, 8, 64, 64), 1, 512),  # rows of the full width merge
        ((1, 0, 1, 0, 8, 128, 64), 8, 64),  # a column tile does not
        ((2, 512, 1, 0, 8, 64, 64), 1, 1024),  # planes that touch merge as well
        ((2, 600, 1, 0, 8, 64, 64), 2, 512),  # planes with a gap do not
        ((2, 512, 4, 128, 8, 200, 64), 64, 64),  # nothing outside a gap merges
        ((1, 0, 1, 0, 1, 0, 7), 1, 7),
    ],
)
def test_bursts(row, runs, run_elems):
    found = bursts(row)
    assert (found.runs.tolist(), found.run_elems.tolist()) == ([runs], [run_elems])


def test_short_rows_move_whole_granules():
    found = effective_bytes(bursts((1, 0, 1, 0, 8, 128, 64)), np.array([2]), 512)
    assert found.tolist() == [8 * 512]


def test_the_mix_of_hits_and_misses_follows_the_measured_law():
    h = 0.5769  # HARDWARE.md section 5: 57.69 % hits run at 2.13 TB/s
    cycles = server_cycles(np.array([h * 2.13e6]), np.array([(1 - h) * 2.13e6]), CHIP)
    assert cycles[0] == pytest.approx(1000, rel=0.03)


def test_writes_have_a_rate_of_their_own():
    rate = CHIP.memory.l2_write_bytes_per_us
    assert write_cycles(np.array([rate]), CHIP).tolist() == [1000]


def test_a_latency_in_cycles_follows_the_clock():
    assert latency_cycles(500.0, CHIP) == 500.0


def test_scalar_reads_pay_each_miss():
    miss, hit = CHIP.scalar.gm_read_miss_ns, CHIP.scalar.gm_read_hit_cycles
    next_line = CHIP.scalar.gm_read_next_line_ns
    assert scalar_read_cycles(2, 4, 3, CHIP) == pytest.approx(2 * miss + 4 * next_line + 3 * hit)
    assert scalar_write_cycles(3, CHIP) == 3 * hit


def test_submit_adds_up_its_parts():
    assert submit_ns(4, 3, 2, 1, CHIP.runtime) == 1000 + 40 + 60 + 60 + 100


def test_the_first_consumer_costs_more():
    assert [resolve_ns(rank, CHIP.runtime) for rank in (0, 1, 7)] == [350, 100, 100]

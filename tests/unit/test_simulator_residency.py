from dataclasses import replace
from math import exp

import numpy as np
import pytest

from npusim.hardware import load_chip
from npusim.program import AccessMode, CoreType, Space
from npusim.simulator.gm_order import gm_predecessors
from npusim.simulator.residency import (
    _order_in_step,
    access_units,
    miss_fractions,
    residency,
)
from tests.program_builder import ProgramBuilder, round_chip

MEMORY = load_chip("a2a3").memory


def fractions(*accesses, memory=MEMORY):
    """Miss fractions of (mode, first row, rows) accesses to a tensor of 64 lines."""
    builder = ProgramBuilder()
    builder.tensor("x", (64, 128))
    for mode, row, rows in accesses:
        builder.access(0, mode, row * 128, rows, 128)
    return miss_fractions(_used_in_order(builder), memory).tolist()


def _used_in_order(builder):
    """The program of a builder, with an operation for each of its accesses."""
    block = builder.task("t", CoreType.AIV).block()
    for access in range(len(builder.accesses)):
        block.op("load", 1, 128, out=block.tile(Space.UB, 1, 128), access=access)
    return builder.build()


READ, WRITE = AccessMode.READ, AccessMode.WRITE


def test_the_first_read_misses_and_the_second_hits():
    assert fractions((READ, 0, 8), (READ, 0, 8)) == [1.0, 0.0]


def test_an_overlap_misses_only_its_new_lines():
    assert fractions((READ, 0, 8), (READ, 4, 8)) == [1.0, 0.5]


def test_a_write_brings_lines_in_without_a_miss():
    assert fractions((WRITE, 0, 8), (READ, 0, 8)) == [0.0, 0.0]


SMALL = replace(MEMORY, l2_capacity_bytes=16 * 512)
"""Room for sixteen lines."""


def test_what_fits_is_never_evicted():
    assert fractions((READ, 0, 16), (READ, 0, 8), (READ, 8, 8), memory=SMALL) == [1.0, 0.0, 0.0]


def test_a_line_survives_fills_into_a_full_cache_with_an_exponential():
    # 16 lines fill the cache, 8 more are filled into the full one.
    found = fractions((READ, 0, 16), (READ, 16, 8), (READ, 0, 16), memory=SMALL)
    assert found == [1.0, 1.0, pytest.approx(1 - exp(-8 / 16))]


def test_an_access_that_overlaps_others_counts_line_by_line():
    reads = ((READ, 0, 16), (READ, 16, 8), (READ, 24, 8), (READ, 20, 8))
    found = fractions(*reads, memory=SMALL)
    assert found[3] == pytest.approx(1 - (exp(-16 / 16) + exp(-8 / 16)) / 2)


def test_a_tensor_much_larger_than_l2_nearly_always_misses():
    tiny = replace(MEMORY, l2_capacity_bytes=512)
    assert fractions((READ, 0, 8), (READ, 0, 8), memory=tiny)[1] > 0.99


def test_written_lines_are_written_back_when_they_are_evicted():
    builder = ProgramBuilder()
    builder.tensor("x", (64, 128))
    builder.access(0, WRITE, 0, 16, 128)
    builder.access(0, READ, 16 * 128, 16, 128)
    fits = residency(_used_in_order(builder), MEMORY)
    assert fits.written_back.tolist() == [0.0, 0.0]
    evicts = residency(_used_in_order(builder), SMALL)
    assert evicts.missed.tolist() == [0.0, 1.0]
    assert evicts.written_back.tolist() == [pytest.approx(1 - exp(-16 / 16)), 0.0]


def test_blocks_of_a_task_are_walked_in_step():
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 128))
    task = builder.task("t", CoreType.AIV)
    for block in range(2):
        made = task.block()
        for step in range(2):
            made.load(x, 16, 128, offset=(block * 2 + step) * 16 * 128)
    # In step: 0 2 1 3. The last of block 0 finds a cache that both filled.
    assert _order_in_step(builder.build()).tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize(
    "row",
    [
        (0, 0, 5, 2, 1000, 3, 200, 4, 40, 17),
        (0, 0, 3, 1, 0, 1, 0, 6, 20, 20),
        (0, 0, 0, 2, 64, 2, 32, 2, 16, 16),
        (0, 0, 7, 1, 0, 1, 0, 3, 100, 90),
    ],
)
def test_units_are_those_of_every_element(row):
    _, _, offset, n0, s0, n1, s1, n2, s2, run = row
    elements = [
        offset + a * s0 + b * s1 + c * s2 + d
        for a in range(n0)
        for b in range(n1)
        for c in range(n2)
        for d in range(run)
    ]
    expected = sorted({element * 4 // 64 for element in elements})
    assert sorted(set(access_units(row, 4, 64).tolist())) == expected


def test_a_read_follows_the_last_writer_of_its_own_block_only():
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 128))
    first = builder.task("first", CoreType.AIV).block()
    tile = first.load(x, 8, 128)  # op 0
    first.store(x, tile, 8, 128)  # op 1
    first.store(x, tile, 8, 128, offset=8 * 128)  # op 2
    first.load(x, 16, 128)  # op 3: both stores
    first.load(x, 8, 128, offset=16 * 128)  # op 4: neither
    second = builder.task("second", CoreType.AIV).block()
    second.load(x, 8, 128)  # op 5: another block wrote it
    second.store(x, 0, 8, 128, offset=40 * 128)  # op 6
    block_of_op = np.array([0] * 5 + [1] * 2)
    assert gm_predecessors(builder.build(), block_of_op, round_chip()) == {3: (1, 2)}

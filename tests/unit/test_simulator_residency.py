from dataclasses import replace
from math import exp

import numpy as np
import pytest

from npusim.hardware import load_chip
from npusim.program import AccessMode, CoreType, Space
from npusim.simulator.gm_order import gm_predecessors
from npusim.simulator.residency import access_units, residency
from npusim.simulator.waves import access_times
from tests.program_builder import ProgramBuilder, round_chip

CHIP = load_chip("a2a3")


def with_l2(capacity_bytes):
    return replace(CHIP, memory=replace(CHIP.memory, l2_capacity_bytes=capacity_bytes))


def fractions(*accesses, chip=CHIP):
    """Miss fractions of (mode, first row, rows) accesses to a tensor of 64 lines."""
    builder = ProgramBuilder()
    builder.tensor("x", (64, 128))
    for mode, row, rows in accesses:
        builder.access(0, mode, row * 128, rows, 128)
    return residency(_used_in_order(builder), chip).missed.tolist()


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


SMALL = with_l2(16 * 512)
"""Room for sixteen lines."""


def test_what_fits_is_never_evicted():
    assert fractions((READ, 0, 16), (READ, 0, 8), (READ, 8, 8), chip=SMALL) == [1.0, 0.0, 0.0]


def test_a_line_survives_fills_into_a_full_cache_with_an_exponential():
    # 16 lines fill the cache, 8 more are filled into the full one.
    found = fractions((READ, 0, 16), (READ, 16, 8), (READ, 0, 16), chip=SMALL)
    assert found == [1.0, 1.0, pytest.approx(1 - exp(-8 / 16))]


def test_an_access_that_overlaps_others_counts_line_by_line():
    reads = ((READ, 0, 16), (READ, 16, 8), (READ, 24, 8), (READ, 20, 8))
    found = fractions(*reads, chip=SMALL)
    assert found[3] == pytest.approx(1 - (exp(-16 / 16) + exp(-8 / 16)) / 2)


def test_a_tensor_much_larger_than_l2_nearly_always_misses():
    tiny = with_l2(512)
    assert fractions((READ, 0, 8), (READ, 0, 8), chip=tiny)[1] > 0.99


def test_written_lines_are_written_back_when_they_are_evicted():
    builder = ProgramBuilder()
    builder.tensor("x", (64, 128))
    builder.access(0, WRITE, 0, 16, 128)
    builder.access(0, READ, 16 * 128, 16, 128)
    fits = residency(_used_in_order(builder), CHIP)
    assert fits.written_back.tolist() == [0.0, 0.0]
    evicts = residency(_used_in_order(builder), SMALL)
    assert evicts.missed.tolist() == [0.0, 1.0]
    assert evicts.written_back.tolist() == [pytest.approx(1 - exp(-16 / 16)), 0.0]


def blocks_reading(*rows_of_block, core_type=CoreType.AIV):
    """A task whose blocks read rows of 512 bytes, one after the other."""
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 128))
    task = builder.task("t", core_type)
    for rows in rows_of_block:
        block = task.block()
        for row in rows:
            block.load(x, 1, 128, offset=row * 128)
    return builder.build()


def few_cores(count):
    return replace(CHIP, topology=replace(CHIP.topology, cluster_count=count, aiv_per_cluster=1))


def test_blocks_of_a_wave_are_walked_in_step():
    program = blocks_reading((0, 1), (2, 3))
    # In step: 0 2 1 3. The last of block 0 finds a cache that both filled.
    assert access_times(program, CHIP.topology).in_step().tolist() == [0, 2, 1, 3]
    # On one core the blocks follow each other.
    assert access_times(program, few_cores(1).topology).in_step().tolist() == [0, 1, 2, 3]


def test_accesses_know_their_block_wave_and_position():
    times = access_times(blocks_reading((0, 1), (2,), (3, 4)), few_cores(2).topology)
    assert times.block.tolist() == [1, 1, 2, 3, 3]
    assert times.wave.tolist() == [1, 1, 1, 2, 2]
    assert times.position.tolist() == [0, 1, 0, 0, 1]


def test_tasks_are_waves_of_their_own():
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 128))
    for core_type in (CoreType.AIV, CoreType.AIC):
        builder.task("t", core_type).block().load(x, 1, 128)
    assert access_times(builder.build(), CHIP.topology).wave.tolist() == [1, 2]


def test_blocks_that_run_at_once_share_a_miss_and_all_wait_for_it():
    found = residency(blocks_reading((0, 1), (0, 2)), CHIP)
    assert found.missed.tolist() == [0.5, 1.0, 0.5, 1.0]
    assert found.late.tolist() == [1.0, 1.0, 1.0, 1.0]


def test_a_later_wave_finds_what_an_earlier_one_read():
    found = residency(blocks_reading((0, 1), (0, 2)), few_cores(1))
    assert found.missed.tolist() == [1.0, 1.0, 0.0, 1.0]
    assert found.late.tolist() == [1.0, 1.0, 0.0, 1.0]


def test_nobody_waits_twice_for_a_line():
    found = residency(blocks_reading((0, 0), (0, 0)), CHIP)
    assert found.late.tolist() == [1.0, 0.0, 1.0, 0.0]


def test_only_accesses_in_step_wait_for_each_other():
    found = residency(blocks_reading((0, 1, 2, 3), (3, 4, 5, 0)), CHIP)
    assert found.missed.sum() == 6
    assert found.late.tolist() == [1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0]


def test_a_line_that_was_evicted_keeps_all_of_its_readers_waiting():
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 128))
    for rows, blocks in (((0,), 4), (range(1, 33), 1), ((0,), 4)):
        task = builder.task("t", CoreType.AIV)
        for _ in range(blocks):
            block = task.block()
            for row in rows:
                block.load(x, 1, 128, offset=row * 128)
    found = residency(builder.build(), SMALL)
    assert len(set(found.missed[-4:].tolist())) == len(set(found.late[-4:].tolist())) == 1
    assert found.late[-1] > 0.5 > found.missed[-1] > 0


def test_what_equal_blocks_write_back_is_shared():
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 128))
    task = builder.task("t", CoreType.AIV)
    for row in range(4):
        block = task.block()
        block.store(x, block.tile(Space.UB, 8, 128), 8, 128, offset=row * 8 * 128)
    found = residency(builder.build(), with_l2(4 * 512))
    assert len(set(found.written_back.tolist())) == 1
    assert found.written_back[0] > 0


def test_a_task_on_clusters_has_waves_as_wide_as_clusters():
    times = access_times(blocks_reading(*[(0,)] * 5, core_type=CoreType.MIX), CHIP.topology)
    wide = replace(CHIP.topology, cluster_count=2, aiv_per_cluster=2)
    narrow = access_times(blocks_reading(*[(0,)] * 5, core_type=CoreType.MIX), wide)
    assert set(times.wave.tolist()) == {1}
    assert narrow.wave.tolist() == [1, 1, 2, 2, 3]


def test_what_was_written_is_there():
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 128))
    task = builder.task("t", CoreType.AIV)
    for _ in range(2):
        block = task.block()
        block.store(x, block.tile(Space.UB, 1, 128), 1, 128)
        block.load(x, 1, 128)
    found = residency(builder.build(), CHIP)
    assert found.missed.tolist() == found.late.tolist() == [0.0] * 4


def test_sharing_keeps_the_lines_that_are_read():
    program = blocks_reading((0, 1, 2), (3, 1), (0, 4, 2, 5))
    assert residency(program, CHIP).missed.sum() == pytest.approx(6)


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

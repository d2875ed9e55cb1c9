"""One block on its pipes: overlap, operands, buffers, latency."""

from dataclasses import replace

import pytest

from npusim.errors import BufferOverflowError
from npusim.program import CoreType, Space
from npusim.simulator.catalog import ProfileCatalog
from npusim.simulator.core_pass import run_pass
from npusim.simulator.profile import SharingLadder
from npusim.simulator.recipe import Pipe
from tests.program_builder import ProgramBuilder, round_chip

CHIP = round_chip()


def block_ns(fill, core_type=CoreType.AIV, chip=CHIP, **flags) -> float:
    """Duration of a block; a cycle of the chip is a nanosecond."""
    builder = ProgramBuilder()
    builder.tensor("x", (4096, 64))
    builder.tensor("y", (4096, 64))
    fill(builder.task("t", core_type, **flags).block())
    return ProfileCatalog(builder.build(), chip, memoise=True).profile(0).alone_ps / 1000


def test_the_pass_overlaps_pipes_and_keeps_each_in_order():
    mte, vec = int(Pipe.AIV_MTE2), int(Pipe.AIV_V)
    scalar = [int(Pipe.AIV_S)] * 4
    # load0 1..11 (ready 16), load1 11..21 (26), add0 16..19, add1 26..29 (ready 31)
    waits = [(), (), (2 * 0 + 1,), (2 * 1 + 1,)]
    cycles = run_pass([mte, mte, vec, vec], scalar, waits, [10, 10, 3, 3], [5, 5, 2, 2], 1)
    assert cycles == 31


def test_an_empty_block_takes_no_time():
    assert block_ns(lambda _: None) == 0


def test_an_isolated_vector_operation_pays_slope_and_fixed():
    def fill(block):
        block.vector("add", block.tile(Space.UB, 64, 64))

    assert block_ns(fill) == CHIP.scalar.issue_cycles + 128 + 24


def test_independent_vector_operations_pay_the_fixed_part_once():
    def fill(block):
        x = block.tile(Space.UB, 64, 64)
        block.vector("add", x)
        block.vector("add", x)

    assert block_ns(fill) == CHIP.scalar.issue_cycles + 2 * 128 + 24


def test_dependent_vector_operations_expose_the_fixed_part():
    def fill(block):
        block.vector("add", block.vector("add", block.tile(Space.UB, 64, 64)))

    assert block_ns(fill) == CHIP.scalar.issue_cycles + 2 * (128 + 24)


def loop(stages: int):
    def fill(block):
        for trip in range(8):
            where = {"site": 0, "slot": trip % stages, "stages": stages}
            tile = block.load(0, 64, 64, offset=trip * 4096, **where)
            block.vector("exp", tile, out=block.tile(Space.UB, 64, 64, site=1))

    return fill


def test_a_pipelined_loop_prefetches_and_a_plain_one_does_not():
    plain, pipelined = block_ns(loop(1)), block_ns(loop(2))
    memory = CHIP.memory
    load = 16384 / memory.core_read_bytes_per_cycle
    exp = 2 * 64 + 31
    # Plain: the result takes the place of the tile, so each load waits for the one before.
    latency = memory.aiv_read_latency_ns + memory.hbm_read_latency_ns
    assert plain == pytest.approx(8 * (load + latency + exp), abs=10)
    assert pipelined < 0.7 * plain


def test_what_comes_from_hbm_comes_later():
    def fill(rows):
        def one(block):
            for row in rows:
                tile = block.load(0, 1, 64, offset=row * 128)
                block.vector("exp", tile, out=tile)

        return one

    cold, warm = block_ns(fill((0, 1, 2))), block_ns(fill((0, 0, 0)))
    assert cold - warm == pytest.approx(2 * CHIP.memory.hbm_read_latency_ns)


def test_a_load_and_an_independent_operation_overlap():
    def fill(*, is_late):
        def one(block):
            other = block.tile(Space.UB, 64, 64)
            tile = block.load(0, 64, 64)
            block.vector("exp", tile if is_late else other)
            block.vector("add", tile, other)

        return one

    late, early = block_ns(fill(is_late=True)), block_ns(fill(is_late=False))
    assert late - early == pytest.approx(2 * 64)


def rows(space):
    def fill(block):
        for row in range(128):
            block.load(0, 1, 64, offset=row * 128, site=row, space=space)

    return fill


def test_small_loads_of_an_aiv_follow_each_other_at_the_time_that_they_start():
    memory = CHIP.memory
    each = memory.aiv_read_startup_ns + 512 / memory.core_read_bytes_per_cycle
    first_data = memory.aiv_read_latency_ns + memory.hbm_read_latency_ns
    assert block_ns(rows(Space.UB)) == pytest.approx(128 * each + first_data, rel=0.02)


def test_small_loads_of_an_aic_follow_each_other_at_an_interval():
    memory = CHIP.memory
    first_data = memory.aic_read_latency_ns + memory.hbm_read_latency_ns
    expected = 127 * memory.aic_read_interval_ns + first_data
    assert block_ns(rows(Space.L1), CoreType.AIC) == pytest.approx(expected, rel=0.02)


def test_a_transfer_under_sharing_still_pays_its_start():
    builder = ProgramBuilder()
    builder.tensor("x", (4096, 64))
    builder.task("t", CoreType.AIV).block().load(0, 64, 64)
    profile = ProfileCatalog(builder.build(), CHIP, memoise=True).profile(0)
    (busy,), (server,) = profile.busy_cycles(50.0), profile.server_cycles
    assert server > 0
    assert busy == pytest.approx(CHIP.memory.aiv_read_startup_ns + 50 * server)


def test_small_stores_follow_each_other_at_an_interval():
    def fill(count):
        def one(block):
            tile = block.vector("add", block.tile(Space.UB, 1, 64))
            for row in range(count):
                block.store(0, tile, 1, 64, offset=row * 64)

        return one

    longer = block_ns(fill(65)) - block_ns(fill(1))
    assert longer == pytest.approx(64 * CHIP.memory.mte3_write_interval_ns, abs=1)


def test_a_store_waits_for_its_operand_and_is_visible_later():
    def fill(block):
        block.store(0, block.vector("add", block.tile(Space.UB, 64, 64)), 64, 64)

    memory = CHIP.memory
    store = 16384 / memory.core_write_bytes_per_cycle + memory.write_latency_ns
    issue = CHIP.scalar.issue_cycles
    assert block_ns(fill) == pytest.approx(issue + 128 + 24 + store, abs=0.01)


def test_matmul_steps_overlap_loading_and_multiplying():
    def fill(steps):
        def one(block):
            a = block.tile(Space.L1, 128, 128 * steps, "BF16")
            b = block.tile(Space.L1, 128 * steps, 128, "BF16")
            block.matmul(a, b, 128, 128, 128 * steps)

        return one

    one, two, three = (block_ns(fill(steps), CoreType.AIC) for steps in (1, 2, 3))
    assert two - one == pytest.approx(512 + CHIP.cube.mmad_streamed_head_cycles)
    assert three - two == pytest.approx(two - one)


def test_scalar_reads_block_what_follows_and_hit_the_second_time():
    def fill(*offsets):
        def one(block):
            for offset in offsets:
                block.scalar_read(0, offset)
            block.vector("add", block.tile(Space.UB, 64, 64))

        return one

    reads = ((0,), (0, 15), (0, 16), (0, 32))
    base, one_line, next_line, far_line = (block_ns(fill(*at)) for at in reads)
    scalar = CHIP.scalar
    issue = scalar.issue_cycles
    assert one_line - base == pytest.approx(issue + scalar.gm_read_hit_cycles)
    assert next_line - base == pytest.approx(issue + scalar.gm_read_next_line_ns)
    assert far_line - base == pytest.approx(issue + scalar.gm_read_miss_ns)


def test_a_line_before_the_one_that_was_read_is_no_next_line():
    def fill(*offsets):
        def one(block):
            for offset in offsets:
                block.scalar_read(0, offset)

        return one

    assert block_ns(fill(16, 0)) > block_ns(fill(0, 16))


def test_data_that_crosses_the_cluster_through_global_memory_pays_a_flag():
    def fill(is_crossing):
        def one(block):
            tile = block.tile(Space.UB, 64, 64)
            block.store(0, tile, 64, 64)
            block.load(0, 64, 64, space=Space.L1 if is_crossing else Space.UB)

        return one

    there, here = (block_ns(fill(flag), CoreType.MIX) for flag in (True, False))
    # Both loads start after the flag or without it; their bytes take longer than an interval.
    memory = CHIP.memory
    longer_ns = memory.aic_read_latency_ns - memory.aiv_read_latency_ns
    assert there - here == pytest.approx(CHIP.sync.handshake_ns + longer_ns, abs=0.1)


def test_reads_and_writes_do_not_share_a_server():
    def profile(is_reading, is_writing):
        builder = ProgramBuilder()
        x, y = builder.tensor("x", (4096, 64)), builder.tensor("y", (4096, 64))
        block = builder.task("t", CoreType.AIV).block()
        tile = block.load(x, 256, 64) if is_reading else block.tile(Space.UB, 256, 64)
        if is_writing:
            block.store(y, tile, 256, 64)
        return ProfileCatalog(builder.build(), CHIP, memoise=True).profile(0)

    read, write, both = profile(True, False), profile(False, True), profile(True, True)
    assert both.server_ps == max(read.server_ps, write.server_ps)


def test_l0c_leaves_by_a_port_of_its_own():
    def fill(block):
        a, b = block.tile(Space.L1, 128, 16, "BF16"), block.tile(Space.L1, 16, 128, "BF16")
        block.store(0, block.matmul(a, b, 128, 128, 16), 128, 128)

    memory = CHIP.memory
    slow = replace(CHIP, memory=replace(memory, fix_write_bytes_per_cycle=43))
    more = 128 * 128 * 4 * (1 / 43 - 1 / memory.fix_write_bytes_per_cycle)
    longer = block_ns(fill, CoreType.AIC, slow) - block_ns(fill, CoreType.AIC)
    assert longer == pytest.approx(more, abs=0.1)


def test_a_load_waits_for_the_store_of_the_same_region_in_its_block():
    def fill(offset):
        def one(block):
            source = block.tile(Space.UB, 64, 64)
            block.store(0, source, 64, 64)
            block.vector("add", block.load(0, 64, 64, offset=offset), source)

        return one

    same, other = block_ns(fill(0)), block_ns(fill(64 * 64))
    store = 16384 / CHIP.memory.core_write_bytes_per_cycle + CHIP.memory.write_latency_ns
    # What was stored is in L2; what was not comes from HBM.
    earlier = CHIP.scalar.issue_cycles + CHIP.memory.hbm_read_latency_ns
    assert same - other == pytest.approx(store - earlier)


def test_split_work_takes_both_vector_cores():
    def fill(block):
        tile = block.load(0, 128, 64)
        block.store(1, block.vector("exp", tile, rows=128), 128, 64)

    whole = block_ns(fill, CoreType.MIX)
    halved = block_ns(fill, CoreType.MIX, split_mode="UP_DOWN")
    assert halved < whole
    assert block_ns(fill, CoreType.AIV) == whole


def test_sharing_slows_transfers_only_beyond_what_the_port_takes():
    builder = ProgramBuilder()
    x = builder.tensor("x", (4096, 64))
    block = builder.task("t", CoreType.AIV).block()
    block.load(x, 512, 64)
    profile = ProfileCatalog(builder.build(), CHIP, memoise=True).profile(0)
    free = SharingLadder(CHIP).free
    bytes_us = 512 * 64 * 4 / CHIP.memory.hbm_bytes_per_us
    assert profile.duration_ps(free) == profile.alone_ps
    assert profile.duration_ps(3 * free) - profile.duration_ps(2 * free) == pytest.approx(
        free * bytes_us * 1e6, rel=1e-3
    )


def test_an_unused_operation_of_no_block_is_not_an_error():
    assert ProfileCatalog(ProgramBuilder().build(), CHIP, memoise=True) is not None


def test_the_ladder_has_a_rung_where_the_port_is_as_fast_as_each_memory():
    ladder = SharingLadder(CHIP)
    port = CHIP.memory.core_read_bytes_per_cycle * CHIP.clock.core_mhz
    rungs = [ladder.sharers(rung) for rung in range(12)]
    assert rungs == sorted(rungs)
    assert rungs[0] == CHIP.memory.hbm_bytes_per_us / port
    assert CHIP.memory.l2_bytes_per_us / port in rungs


def test_equal_rates_of_both_memories_are_no_special_case():
    memory = replace(CHIP.memory, hbm_bytes_per_us=CHIP.memory.l2_bytes_per_us)
    ladder = SharingLadder(replace(CHIP, memory=memory))
    assert [ladder.rung_below(ladder.free * times) for times in (1.5, 3, 6)] == [1, 3, 5]


@pytest.mark.parametrize(("is_used_again", "fits"), [(False, True), (True, False)])
def test_a_result_may_take_the_place_of_an_operand_that_is_done(is_used_again, fits):
    rows = CHIP.buffer.ub_usable_bytes // 256 // 2 + 1  # more than half of UB

    def fill(block):
        tile = block.tile(Space.UB, rows, 64)
        block.vector("exp", tile, rows=rows)
        if is_used_again:
            block.store(0, tile, rows, 64)

    if fits:
        assert block_ns(fill) > 0
    else:
        with pytest.raises(BufferOverflowError, match=r"^kernel.py:1 task 0 .t. tile 1: UB has no"):
            block_ns(fill)

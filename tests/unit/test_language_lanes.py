"""Barriers inside a dispatch and the two AIV lanes of a cluster."""

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError
from npusim.program import CoreType

BLOCKS, N = 4, 8


def record(kernel, **arrays):
    x = np.arange(BLOCKS * N, dtype=np.float32).reshape(BLOCKS, N)
    out = np.zeros_like(x)
    arrays = arrays or {"x": x, "out": out}
    return x, out, pl.record(kernel, arrays, outputs={"out"})


@pl.jit
def shifted(x, out):
    """Every block reads what another block wrote before the barrier."""
    shared = pl.create_tensor([BLOCKS, N], dtype=pl.FP32)
    with pl.spmd(BLOCKS, name_hint="shift") as tid:
        i = pl.tile.get_block_idx()
        shared = pl.assemble(shared, pl.mul(x[i : i + 1, :], 2.0), [i, 0])
        pl.system.syncall(core_type="aiv")
        j = (i + 1) % BLOCKS
        out = pl.assemble(out, shared[j : j + 1, :], [i, 0])
    pl.system.task_dummy(deps=[tid])
    return out


def test_all_blocks_reach_the_barrier_before_one_goes_on():
    x, out, program = record(shifted)
    np.testing.assert_array_equal(out, 2 * np.roll(x, -1, axis=0))
    task = program.tasks[0]
    assert (task.name, task.block_num, task.is_spmd) == ("shift", BLOCKS, True)
    assert program.tasks[1].deps == (0,)
    assert program.blocks["block_idx"].tolist() == [0, 1, 2, 3]
    kinds = [[program.op_kinds[op["kind"]].name for op in program.block_ops(b)] for b in range(4)]
    assert kinds == [["load", "muls", "store", "load", "store"]] * 4


@pl.jit
def without_barrier(x, out):
    shared = pl.create_tensor([BLOCKS, N], dtype=pl.FP32)
    with pl.spmd(BLOCKS, name_hint="shift"):
        i = pl.tile.get_block_idx()
        shared = pl.assemble(shared, pl.mul(x[i : i + 1, :], 2.0), [i, 0])
        j = (i + 1) % BLOCKS
        out = pl.assemble(out, shared[j : j + 1, :], [i, 0])


def test_the_twin_without_a_barrier_reads_what_is_not_there_yet():
    x, out, _ = record(without_barrier)
    assert not np.array_equal(out, 2 * np.roll(x, -1, axis=0))


@pl.jit
def looped(x, out):
    """The loop form, with a barrier inside a loop and a variable that outlives the blocks."""
    total = 0
    for i in pl.spmd(BLOCKS, name_hint="steps"):
        for step in pl.range(2):
            source = x if step == 0 else out
            row = pl.add(source[BLOCKS - 1 - i : BLOCKS - i, :], 1.0)
            pl.system.syncall()
            out[i : i + 1, :] = row
            pl.system.syncall()
        total = total + i
    pl.write(out, [0, 0], total)


def test_a_barrier_in_a_loop_and_variables_after_the_dispatch():
    x, out, _ = record(looped)
    expected = x + 2
    expected[0, 0] = BLOCKS - 1  # each block starts from the variables before the dispatch
    np.testing.assert_array_equal(out, expected)


@pl.jit
def hanging(x, out):
    with pl.spmd(BLOCKS, name_hint="hang"):
        if pl.tile.get_block_idx() > 0:
            pl.system.syncall()


def test_a_barrier_that_not_all_blocks_reach_is_refused():
    match = r"3 of 4 blocks wait in pl\.system\.syncall and the others have ended; expected all"
    with pytest.raises(KernelError, match=match):
        record(hanging)


@pl.jit.inline
def hidden_barrier():
    pl.system.syncall()


@pl.jit
def calls_a_barrier(x, out):
    with pl.spmd(BLOCKS, name_hint="call"):
        hidden_barrier()


def test_a_barrier_out_of_sight_says_so_and_one_of_a_single_block_is_nothing():
    with pytest.raises(KernelError, match=r"pl\.system\.syncall in a function that the body of"):
        record(calls_a_barrier)

    def single(x, out):
        with pl.at(name_hint="one"):
            hidden_barrier()

    record(single)


def test_both_lanes_run_the_body_and_share_a_mix_task():
    def kernel(x, out):
        with pl.at(name_hint="lanes"):
            for lane in pl.split_aiv(2, mode=pl.SplitMode.NONE):
                for row in pl.range(lane, BLOCKS, 2):
                    out[row : row + 1, :] = pl.add(x[row : row + 1, :], float(lane))

    x, out, program = record(kernel)
    np.testing.assert_array_equal(out, x + np.array([0, 1, 0, 1])[:, None])
    assert program.tasks[0].core_type is CoreType.MIX
    assert program.tasks[0].split_mode


@pytest.mark.parametrize("mode", [pl.SplitMode.UP_DOWN, pl.SplitMode.LEFT_RIGHT, pl.SplitMode.NONE])
def test_shards_are_the_parts_of_the_lanes_and_gather_joins_them(mode):
    a = np.arange(64, dtype=np.float32).reshape(8, 8)
    shapes = []

    def kernel(a, out):
        with pl.at(name_hint="lanes"):
            product = pl.matmul(a, a)
            for _lane in pl.split_aiv(2, mode=mode):
                shard = pl.aiv_shard(product)
                shapes.append(shard.shape)
                whole = pl.aic_gather(pl.mul(shard, 0.5))
            pl.assemble(out, pl.matmul(whole, a), [0, 0])

    out = np.zeros_like(a)
    program = pl.record(kernel, {"a": a, "out": out}, outputs={"out"})
    np.testing.assert_allclose(out, (a @ a / 2) @ a)
    wanted = {"UP_DOWN": (4, 8), "LEFT_RIGHT": (8, 4), "NONE": (8, 8)}[mode.name]
    assert shapes == [wanted, wanted]
    moves = program.ops["kind"].tolist().count(program.kind_index("cube_to_vector"))
    assert moves == 1, "one move, shared by the lanes"


def test_lanes_are_refused_where_they_make_no_sense():
    where = r"^test_language_lanes\.py:\d+ \(scope lanes, task 0, block 0\): "

    def refuse(body, match):
        def kernel(x, out):
            with pl.at(name_hint="lanes"):
                body(x)

        with pytest.raises(KernelError, match=where + match):
            record(kernel)

    def nested(x):
        for _ in pl.split_aiv(2):
            for _ in pl.split_aiv(2):
                pass

    def odd(x):
        for _ in pl.split_aiv(2, mode=pl.SplitMode.UP_DOWN):
            pl.aiv_shard(x[0:3, :])

    def uneven(x):
        for lane in pl.split_aiv(2, mode=pl.SplitMode.UP_DOWN):
            if lane:
                pl.aic_gather(x[0:2, :])

    refuse(lambda x: pl.split_aiv(3), r"pl\.split_aiv of 3 lanes")
    refuse(nested, r"pl\.split_aiv of 2 lanes .* inside another; expected 2 lanes")
    refuse(pl.aiv_shard, r"pl\.aiv_shard outside pl\.split_aiv; ")
    refuse(odd, r"pl\.aiv_shard of Tile\(\[3, 8\], FP32\) with mode UP_DOWN; expected an even")
    refuse(uneven, r"pl\.aic_gather of .* in lane 1 has no counterpart in lane 0; ")


def test_split_none_leaves_the_vector_work_on_one_lane():
    def kernel(x, out):
        options = [pl.split(pl.SplitMode.NONE, slot_num=2), pl.cross_core_slot(slot_num=2)]
        with pl.at(name_hint="plain", optimizations=options):
            out[0:1, :] = x[0:1, :]

    assert record(kernel)[2].tasks[0].split_mode == ""

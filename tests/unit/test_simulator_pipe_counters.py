"""Counters: the same numbers as the pipe lanes, from the same instructions."""

import numpy as np
import pytest

from npusim.program import CoreType, Space
from npusim.simulator.pipe_counters import count_kernels
from npusim.simulator.pipe_lanes import add_pipe_lanes
from npusim.trace import LaneKind, WaitReason
from tests.pipe_runs import (
    FIRST_CLUSTER,
    lane_time_ps,
    mix_program,
    slow_memory_chip,
    vector_program,
    view_of,
)
from tests.program_builder import ProgramBuilder

COLUMN_OF_PIPE = {
    "S": "scalar_cycles",
    "MTE1": "mte1_cycles",
    "MTE2": "mte2_cycles",
    "MTE3": "mte3_cycles",
    "M": "cube_cycles",
    "FIX": "fix_cycles",
    "V": "vector_cycles",
}
ALL_CORES = tuple(f"AIC[{i}]" for i in range(2)) + tuple(f"AIV[{i}]" for i in range(4))


def test_one_row_per_kernel_and_core():
    counters = count_kernels(view_of(mix_program()))
    assert counters[["lane", "task", "block", "slot"]].tolist() == [
        (0, 0, 0, 0),
        (1, 0, 0, 1),
        (2, 0, 0, 2),
    ]
    assert len(set(counters["total_cycles"].tolist())) == 1


@pytest.mark.parametrize(
    "program", [vector_program(9, rows=128), mix_program(), mix_program(split_mode="UP_DOWN")]
)
def test_busy_cycles_are_the_occupied_time_of_the_pipe_lanes(program):
    view = view_of(program, slow_memory_chip(clusters=2))
    counters, trace = count_kernels(view), add_pipe_lanes(view, ALL_CORES)
    memory = trace.waits[trace.waits["reason"] == WaitReason.MEMORY]
    for lane in trace.lane_indices(LaneKind.PIPE):
        core, _, pipe = trace.lanes[lane].name.rpartition(".")
        owner = next(i for i, one in enumerate(trace.lanes) if one.name == core)
        counted = counters[COLUMN_OF_PIPE[pipe]][counters["lane"] == owner].sum()
        shown_ps = lane_time_ps(trace, trace.op_slices, lane) + lane_time_ps(trace, memory, lane)
        # A cycle is 1000 ps; each kernel is rounded to whole cycles.
        assert counted == pytest.approx(shown_ps / 1000, abs=len(counters))


def test_counting_does_not_depend_on_pipe_lanes():
    view = view_of(vector_program(3))
    before = count_kernels(view)
    add_pipe_lanes(view, FIRST_CLUSTER)
    assert count_kernels(view).tobytes() == before.tobytes()


def test_bytes_requests_and_operations_of_a_vector_block():
    view = view_of(vector_program())
    (row,) = count_kernels(view)
    tile_bytes = 64 * 64 * 4
    lines = tile_bytes // view.chip.memory.l2_line_bytes
    blocks = tile_bytes // view.chip.buffer.alignment_bytes
    assert {name: int(row[name]) for name in row.dtype.names[18:] if row[name]} == {
        "read_bytes": tile_bytes,
        "write_bytes": tile_bytes,
        "hbm_read_bytes": tile_bytes,
        "ub_read_bytes": 5 * tile_bytes,
        "ub_write_bytes": 3 * tile_bytes,
        "l2_read_requests": lines,
        "l2_write_requests": lines,
        "hbm_read_requests": lines,
        "ub_read_requests": 5 * blocks,
        "ub_write_requests": 3 * blocks,
        "vector_ops": 2,
        "move_ops": 2,
    }


def test_a_tile_read_again_comes_from_l2():
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 64))
    for _ in range(2):
        builder.task("read", CoreType.AIV).block().load(x, 64, 64)
    counters = count_kernels(view_of(builder.build()))
    assert counters["read_bytes"].tolist() == [16384, 16384]
    assert sorted(counters["hbm_read_bytes"].tolist()) == [0, 16384]


def test_both_vector_cores_of_a_split_task_do_half():
    whole = count_kernels(view_of(mix_program()))
    split = count_kernels(view_of(mix_program(split_mode="UP_DOWN")))
    assert whole["write_bytes"].tolist()[1:] == [16384, 0]
    assert split["write_bytes"].tolist()[1:] == [8192, 8192]
    assert whole["vector_ops"].tolist() == [0, 1, 0]
    assert split["vector_ops"].tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("dtype", "out_dtype", "column"),
    [
        ("FP32", "FP32", "vector_fp32_cycles"),
        ("BF16", "BF16", "vector_half_cycles"),
        ("FP32", "BF16", "vector_half_wide_cycles"),
        ("BF16", "FP32", "vector_half_wide_cycles"),
        ("INT32", "INT32", "vector_int32_cycles"),
        ("INT32", "FP32", "vector_misc_cycles"),
        ("INT8", "INT8", "vector_misc_cycles"),
    ],
)
def test_vector_cycles_count_once_under_their_type(dtype, out_dtype, column):
    builder = ProgramBuilder()
    block = builder.task("t", CoreType.AIV).block()
    tile = block.tile(Space.UB, 64, 64)
    block.op("add", 64, 64, out=tile, ins=(tile,), dtype=dtype, out_dtype=out_dtype)
    (row,) = count_kernels(view_of(builder.build()))
    typed = {name: int(row[name]) for name in row.dtype.names if name.startswith("vector_")}
    assert typed.pop("vector_cycles") == typed[column] > 0
    assert sum(typed[name] for name in typed if name.endswith("_cycles")) == typed[column]


def test_cube_cycles_count_once_under_their_type():
    (cube, *_) = count_kernels(view_of(mix_program()))
    assert cube["cube_half_cycles"] == cube["cube_cycles"] > 0
    assert cube["cube_int8_cycles"] == 0


def test_no_kernels_no_rows():
    assert len(count_kernels(view_of(ProgramBuilder().build()))) == 0


def test_pipes_are_never_busier_than_the_kernel_is_long():
    counters = count_kernels(view_of(vector_program(9), slow_memory_chip(clusters=2)))
    for column in COLUMN_OF_PIPE.values():
        assert np.all(counters[column] <= counters["total_cycles"] + 1)

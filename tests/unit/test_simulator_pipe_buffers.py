"""Live bytes of on-chip buffers, by hand and against what the allocator promised."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from npusim.errors import TraceError
from npusim.formats import write_perfetto
from npusim.program import CoreType, Space
from npusim.trace import BUFFER_DTYPE, LaneKind, OnChipBuffer, load_trace, save_trace
from tests.pipe_runs import mix_program, pipe_trace, vector_program, view_of
from tests.program_builder import ProgramBuilder

TILE_BYTES = 64 * 64 * 4


def levels(trace, lane: str, buffer: OnChipBuffer):
    """Times and bytes of one buffer."""
    index = next(i for i, one in enumerate(trace.lanes) if one.name == lane)
    rows = trace.buffer_levels
    rows = rows[(rows["lane"] == index) & (rows["buffer"] == buffer)]
    return rows["time_ps"].tolist(), rows["nbytes"].tolist()


def bars(trace, lane: str):
    """Start and end of every instruction of a pipe lane."""
    index = next(i for i, one in enumerate(trace.lanes) if one.name == lane)
    rows = trace.op_slices[trace.op_slices["lane"] == index]
    return rows["start_ps"].tolist(), rows["end_ps"].tolist()


def test_a_vector_kernel_by_hand():
    """A loaded tile, a sum beside it, and a second sum that may take the place of the first."""
    trace = pipe_trace(vector_program())
    times, live = levels(trace, "AIV[0]", OnChipBuffer.UB)
    assert live == [TILE_BYTES, 2 * TILE_BYTES, TILE_BYTES, 0]
    (load,), _ = bars(trace, "AIV[0].MTE2")
    (first, _), (_, last) = bars(trace, "AIV[0].V")
    _, (stored,) = bars(trace, "AIV[0].MTE3")
    assert times == [load, first, last, stored]


def test_a_mix_kernel_fills_the_buffers_of_both_sides():
    trace = pipe_trace(mix_program())
    half = TILE_BYTES // 2  # BF16
    assert levels(trace, "AIC[0]", OnChipBuffer.L1)[1] == [half, 2 * half, 0]
    assert levels(trace, "AIC[0]", OnChipBuffer.L0C)[1] == [TILE_BYTES, 0]
    assert levels(trace, "AIV[0]", OnChipBuffer.UB)[1][-1] == 0
    assert levels(trace, "AIV[1]", OnChipBuffer.UB)[1] == []


def test_both_sides_of_a_split_kernel_hold_half():
    trace = pipe_trace(mix_program(split_mode="UP_DOWN"))
    (_, one), (_, other) = (levels(trace, f"AIV[{i}]", OnChipBuffer.UB) for i in (0, 1))
    assert one == other
    assert max(one) == TILE_BYTES // 2


def test_two_buffers_of_a_pipelined_loop_are_live_at_once():
    def peak(stages: int) -> int:
        builder = ProgramBuilder()
        x, y = builder.tensor("x", (256, 64)), builder.tensor("y", (256, 64))
        block = builder.task("copy", CoreType.AIV).block()
        for number in range(4):
            tile = block.load(
                x, 64, 64, offset=number * 4096, site=7, slot=number % stages, stages=stages
            )
            block.store(y, tile, 64, 64, offset=number * 4096)
        return max(levels(pipe_trace(builder.build()), "AIV[0]", OnChipBuffer.UB)[1])

    assert (peak(1), peak(2)) == (TILE_BYTES, 2 * TILE_BYTES)


@pytest.mark.parametrize("program", [mix_program(), vector_program(3)], ids=["mix", "vector"])
def test_never_more_is_live_than_was_allocated_and_nothing_is_left(program):
    view = view_of(program)
    trace = pipe_trace(program)
    spaces = {
        OnChipBuffer.L1: Space.L1,
        OnChipBuffer.L0C: Space.L0C,
        OnChipBuffer.UB: Space.UB,
    }
    for lane in trace.lane_indices(LaneKind.AIC, LaneKind.AIV):
        peaks = [view.buffer_plan(kernel).peak_bytes for kernel in view.kernels(lane)]
        for buffer, space in spaces.items():
            _, live = levels(trace, trace.lanes[lane].name, buffer)
            assert max(live, default=0) <= max((one.get(space, 0) for one in peaks), default=0)
            assert not live or live[-1] == 0


def test_levels_are_kept_and_drawn(tmp_path: Path):
    trace = pipe_trace(mix_program())
    save_trace(trace, tmp_path / "trace.npz")
    assert (load_trace(tmp_path / "trace.npz").buffer_levels == trace.buffer_levels).all()
    write_perfetto(tmp_path / "p.json", trace)
    found = json.loads((tmp_path / "p.json").read_text())["traceEvents"]
    counters = [e for e in found if e["ph"] == "C" and e["name"] == "AIC[0] L1 bytes"]
    assert [e["args"]["live"] for e in counters] == [8192, 16384, 0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(99, 1, 0, 0)], r"buffer_levels\[0\].lane is 99; expected a core lane"),
        ([(0, 7, 0, 0)], r"buffer_levels\[0\].buffer is 7; expected a buffer of OnChipBuffer"),
        ([(0, 1, 0, -4)], r"buffer_levels\[0\].nbytes is -4; expected at least 0"),
        ([(0, 1, 5, 0), (0, 1, 4, 0)], r"buffer_levels\[1\].time_ps is 4; expected no less than"),
    ],
)
def test_levels_that_make_no_sense_are_refused(rows, message):
    trace = pipe_trace(vector_program())
    with pytest.raises(TraceError, match=f"^trace: {message}"):
        replace(trace, buffer_levels=np.array(rows, BUFFER_DTYPE))

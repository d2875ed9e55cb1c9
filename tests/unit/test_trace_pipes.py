"""Pipe lanes in a trace: what is refused, and that a file keeps them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from npusim.archive import write_archive
from npusim.errors import FileFormatError, TraceError
from npusim.trace import (
    OP_SLICE_DTYPE,
    Lane,
    LaneKind,
    Trace,
    WaitReason,
    core_of_pipe,
    load_trace,
    save_trace,
)
from tests.pipe_runs import mix_program, pipe_trace
from tests.trace_builder import TraceBuilder

PIPE = 5  # the lane after AIC[0], AIV[0], AIV[1], Sched[0], Orch[0]


def with_pipe(*ops: tuple[int, int], lane: int = PIPE, block: int = 0, **changes) -> Trace:
    """A kernel on AIC[0] from 5 to 15 us, and instructions (start, end in ps) on its M pipe."""
    builder = TraceBuilder(has_waits=False)
    builder.run(builder.task("qk", "aic"), "AIC[0]", 5, 15)
    trace = builder.build()
    fields = {
        "lanes": (*trace.lanes, Lane("AIC[0].M", LaneKind.PIPE, core_id=0)),
        "op_slices": np.array([(lane, 0, block, 0, 0, *op, 0) for op in ops], OP_SLICE_DTYPE),
        "op_names": ("matmul",),
        "op_sites": ("kernel.py:1",),
    }
    return replace(trace, **{**fields, **changes})


def test_instructions_inside_their_kernel_are_accepted():
    trace = with_pipe((5_000_000, 6_000_000), (6_000_000, 6_000_000), (6_000_000, 15_000_000))
    assert core_of_pipe(trace) == {PIPE: 0}
    assert trace.lane_indices(LaneKind.PIPE) == [PIPE]
    assert trace.lanes[PIPE].kind.is_pipe
    assert not trace.lanes[PIPE].kind.is_core
    assert not trace.op_slices.flags.writeable


def test_a_trace_without_pipes_has_no_instructions():
    trace = TraceBuilder().build()
    assert trace.op_slices.dtype == OP_SLICE_DTYPE
    assert (len(trace.op_slices), trace.op_names, trace.op_sites) == (0, (), ())


@pytest.mark.parametrize(
    ("op", "changes", "message"),
    [
        (
            (4_999_999, 6),
            {},
            r"^trace: op_slices\[0\] .matmul of task 100, qk, on AIC.0..M. starts",
        ),
        (
            (4_999_999, 6_000_000),
            {},
            r"^trace: op_slices\[0\] \(matmul of task 100, qk, on AIC\[0\].M\) runs from 4999999 "
            r"to 6000000 ps; expected it inside the kernel of that block on AIC\[0\]$",
        ),
        ((6_000_000, 15_000_001), {}, r"^trace: .* runs from 6000000 to 15000001 ps; expected"),
        ((6_000_000, 7_000_000), {"block": 1}, r"^trace: .* runs from 6000000 to 7000000 ps;"),
        (
            (6_000_000, 7_000_000),
            {"lane": 0},
            r"^trace: op_slices\[0\] is on lane AIC\[0\]; expect",
        ),
        ((6_000_000, 7_000_000), {"op_names": ()}, r"^trace: op_slices\[0\].op is 0; expected an"),
        ((6_000_000, 7_000_000), {"op_sites": ()}, r"^trace: op_slices\[0\].site is 0; expected"),
    ],
)
def test_an_instruction_elsewhere_is_refused(op, changes, message):
    with pytest.raises(TraceError, match=message):
        with_pipe(op, **changes)


def test_instructions_may_not_overlap():
    with pytest.raises(
        TraceError, match=r"^trace: lane AIC\[0\].M has a slice that ends at 7000000 ps and another"
    ):
        with_pipe((6_000_000, 7_000_000), (6_999_999, 8_000_000))


def test_a_pipe_without_a_core_is_refused():
    lane = Lane("AIC[7].M", LaneKind.PIPE, core_id=7)
    with pytest.raises(TraceError, match=r"^trace: pipe lane AIC\[7\].M has core id 7; expected"):
        with_pipe(lanes=(*with_pipe().lanes[:PIPE], lane))


def test_a_pipe_lane_is_accounted_like_a_core():
    trace = pipe_trace(mix_program())
    lane = trace.lane_indices(LaneKind.PIPE)[0]
    longest = np.flatnonzero(
        (trace.waits["lane"] == lane) & (trace.waits["reason"] == WaitReason.NO_WORK)
    )[0]
    waits = np.delete(trace.waits, longest)
    with pytest.raises(
        TraceError, match=r"^trace: lane AIC\[0\].S has busy \+ waits = \d+ ps; exp"
    ):
        replace(trace, waits=waits)


def test_a_file_keeps_the_pipes(tmp_path: Path):
    trace = pipe_trace(mix_program())
    save_trace(trace, tmp_path / "trace.npz")
    loaded = load_trace(tmp_path / "trace.npz")
    assert loaded.op_slices.tobytes() == trace.op_slices.tobytes()
    assert loaded.op_slices.dtype == OP_SLICE_DTYPE
    assert loaded.waits.tobytes() == trace.waits.tobytes()
    assert (loaded.op_names, loaded.op_sites) == (trace.op_names, trace.op_sites)
    assert loaded.lanes == trace.lanes
    save_trace(loaded, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "trace.npz").read_bytes()


def test_a_file_of_the_layout_before_is_refused(tmp_path: Path):
    write_archive(tmp_path / "old.npz", kind="trace", version=1, header={}, arrays={})
    with pytest.raises(
        FileFormatError,
        match=r"^.*old.npz: trace layout version 1; this npusim reads version 3; write the file",
    ):
        load_trace(tmp_path / "old.npz")

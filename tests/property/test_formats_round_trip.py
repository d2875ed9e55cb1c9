"""What is written is read: times within one counter tick, everything else exactly."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.formats import read_capture, write_capture
from npusim.formats.perfetto_time import viewer_us
from npusim.trace import (
    EDGE_DTYPE,
    PHASE_DTYPE,
    SLICE_DTYPE,
    WAIT_DTYPE,
    EdgeSource,
    Lane,
    LaneKind,
    Trace,
    TraceInfo,
    TraceTask,
)
from npusim.units import PS_PER_US

pytestmark = pytest.mark.property

TIMES = ("dispatch_ps", "receive_ps", "start_ps", "end_ps", "finish_ps")
SLOTS = {"aic": (0,), "aiv": (1,), "mix": (0, 1, 2)}
GAP = st.integers(0, 3_000_000)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """One task after the other, so that blocks are dispatched in order and no receive is gated."""
    clusters = draw(st.integers(1, 3))
    core_types = draw(st.lists(st.sampled_from(sorted(SLOTS)), min_size=1, max_size=6))
    slices, tasks, now = [], [], draw(GAP)
    for index, core_type in enumerate(core_types):
        blocks = draw(st.integers(1, 3))
        name = draw(st.sampled_from(["rope", "qk matmul", "größe", "a_b"]))
        tasks.append(TraceTask((index % 3 << 32) + index, index, name, core_type, blocks))
        for block in range(blocks):
            cluster = draw(st.integers(0, clusters - 1))
            ends = []
            dispatch = now + PS_PER_US
            for slot in SLOTS[core_type]:
                core = cluster if slot == 0 else clusters + 2 * cluster + slot - 1
                # Ticks of 1 MHz must keep the rows of one block together and blocks apart.
                stamps = np.cumsum([dispatch, *(draw(GAP) for _ in range(4))]).tolist()
                slices.append((core, index, block, slot, *stamps, 0))
                ends.append(stamps[-1])
            now = max(ends)
    lanes = [Lane(f"AIC[{i}]", LaneKind.AIC, i) for i in range(clusters)]
    lanes += [Lane(f"AIV[{i}]", LaneKind.AIV, clusters + i) for i in range(2 * clusters)]
    pairs = [(i, j) for j in range(len(tasks)) for i in range(j)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    sources = [draw(st.sampled_from(EdgeSource)) for _ in edges]
    return Trace(
        TraceInfo("k", "v", "a2a3", "simulated", draw(st.sampled_from([1, 50, 1000])), 2),
        tuple(lanes),
        tuple(tasks),
        np.array(slices, SLICE_DTYPE),
        np.empty(0, WAIT_DTYPE),
        np.empty(0, PHASE_DTYPE),
        np.array([(*pair, s) for pair, s in zip(edges, sources, strict=True)], EDGE_DTYPE),
    )


@settings(max_examples=60, deadline=None)
@given(traces(), st.sampled_from([1, 2]))
def test_a_capture_round_trip_loses_less_than_a_tick(trace: Trace, level: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_capture(Path(folder), trace, None, level=level)
        read = read_capture(Path(folder))
    assert read.lanes == trace.lanes
    assert read.tasks == trace.tasks
    assert read.edges.tolist() == trace.edges.tolist()
    keys = ["task", "block", "slot"]
    ours, theirs = np.sort(trace.slices, order=keys), np.sort(read.slices, order=keys)
    assert ours[["lane", *keys]].tolist() == theirs[["lane", *keys]].tolist()
    for time in TIMES if level == 2 else TIMES[1:4]:
        lost = (ours[time] - theirs[time]) * trace.info.counter_mhz
        assert 0 <= lost.min() <= lost.max() < PS_PER_US + trace.info.counter_mhz


@given(st.integers(0, 10**16))
def test_the_viewer_sees_the_right_nanosecond(time_ps: int) -> None:
    assert int(viewer_us(time_ps) * 1000.0) == time_ps // 1000


@given(st.integers(0, 10**12))
def test_the_viewer_time_is_exact_to_the_picosecond(time_ps: int) -> None:
    assert round(viewer_us(time_ps) * PS_PER_US) == time_ps

"""What is written is read: times within one counter tick, everything else exactly."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.formats import (
    WRITTEN_LAYOUTS,
    Layout,
    read_capture,
    write_capture,
    write_scope_stats,
)
from npusim.formats.csv_capture import read_csv_capture
from npusim.formats.csv_writer import CSV_EDGES, CSV_TASKS, write_csv_pair
from npusim.formats.perfetto_time import viewer_us
from npusim.trace import (
    EDGE_DTYPE,
    NO_TIME,
    PHASE_DTYPE,
    RING_DTYPE,
    SLICE_DTYPE,
    WAIT_DTYPE,
    EdgeSource,
    Lane,
    LaneKind,
    PhaseKind,
    RingEvent,
    RingLimits,
    RingScope,
    RingUse,
    Trace,
    TraceInfo,
    TraceTask,
)
from npusim.units import PS_PER_US

pytestmark = pytest.mark.property

TIMES = ("dispatch_ps", "receive_ps", "start_ps", "end_ps", "finish_ps")
SLOTS = {"aic": (0,), "aiv": (1,), "mix": (0, 1, 2)}
FLAGS = ("has_early_dispatch", "is_predicated", "is_cohort")
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
        flags = {flag: draw(st.booleans()) for flag in FLAGS}
        token = (index % 3 << 32) + index
        tasks.append(TraceTask(token, index, name, core_type, blocks, **flags))
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


@st.composite
def ring_uses(draw: st.DrawFn) -> RingUse:
    """Scopes that nest, each with changes of its ring before it ends."""
    limits = tuple(RingLimits(8, 1 << 20, draw(st.sampled_from([-1, 64]))) for _ in range(2))
    scopes: list[RingScope] = []
    rows: list[tuple[int, ...]] = []
    held = np.zeros((2, 6), np.int64)
    now = 0

    def sample(ring: int, scope: int, event: RingEvent) -> None:
        nonlocal now
        now += draw(GAP)
        rows.append((now, ring, scope, event, *held[ring].tolist(), -1))

    def walk(depth: int) -> None:
        number, ring = len(scopes), min(depth, 1)
        scopes.append(RingScope(draw(st.sampled_from(["body", "loop"])), depth, ring))
        sample(ring, number, RingEvent.BEGIN)
        for _ in range(draw(st.integers(0, 2))):
            held[ring, 1::2] += draw(st.integers(0, 9))
            sample(ring, -1, RingEvent.CHANGE)
            held[ring, ::2] = held[ring, 1::2] - draw(st.integers(0, 1)) * (
                held[ring, 1::2] - held[ring, ::2]
            )
            if depth < 3 and draw(st.booleans()):
                walk(depth + 1)
        sample(ring, number, RingEvent.END)

    walk(0)
    return RingUse(limits, tuple(scopes), np.array(rows, RING_DTYPE))


@settings(max_examples=100, deadline=None)
@given(traces(), ring_uses())
def test_scope_statistics_come_back_to_the_tick(trace: Trace, rings: RingUse) -> None:
    trace = replace(trace, rings=rings)
    with tempfile.TemporaryDirectory() as folder:
        write_capture(Path(folder), trace, None, level=1)
        write_scope_stats(Path(folder), trace)
        read = read_capture(Path(folder)).rings
    assert read.scopes == rings.scopes
    expected = rings.samples[rings.samples["event"] != RingEvent.CHANGE]
    names = [name for name in RING_DTYPE.names or () if name != "time_ps"]
    assert read.samples[names].tolist() == expected[names].tolist()
    lost = (expected["time_ps"] - read.samples["time_ps"]) * trace.info.counter_mhz
    assert 0 <= lost.min() <= lost.max() < PS_PER_US + trace.info.counter_mhz


def with_threads(trace: Trace) -> Trace:
    """``trace`` with scheduler phases and submits, as levels 3 and 4 record them."""
    cores = tuple(replace(lane, thread=0) for lane in trace.lanes)
    scheduler, orchestrator = len(cores), len(cores) + 1
    threads = (
        Lane("Sched[0]", LaneKind.SCHEDULER, thread=0),
        Lane("Orch[0]", LaneKind.ORCHESTRATOR, thread=1),
    )
    nothing = (0, 0, 0)
    phases, tasks, free = [], [], 0
    for row in np.sort(trace.slices, order="finish_ps"):
        now, turn = int(row["finish_ps"]) + PS_PER_US, 1 + len(phases)
        start = max(free, now)
        free = start + PS_PER_US // 2
        phases.append(
            (scheduler, PhaseKind.COMPLETE, start, free, -1, 1, turn, 0, 0, nothing, (1, 0, 2))
        )
        end = free + PS_PER_US // 3
        phases.append(
            (scheduler, PhaseKind.DISPATCH, free, end, -1, 1, turn + 1, 1, 3, (0, 5, 0), nothing)
        )
        free = end
    for index, task in enumerate(trace.tasks):
        start, end = index * PS_PER_US, index * PS_PER_US + PS_PER_US // 2
        phases.append(
            (orchestrator, PhaseKind.SUBMIT, start, end, index, 0, 0, 0, 0, nothing, nothing)
        )
        tasks.append(replace(task, submit_start_ps=start, submit_end_ps=end))
    return replace(
        trace,
        lanes=(*cores, *threads),
        tasks=tuple(tasks),
        phases=np.array(phases, PHASE_DTYPE),
    )


@settings(max_examples=100, deadline=None)
@given(traces(), st.sampled_from([1, 2, 3, 4]), st.sampled_from(WRITTEN_LAYOUTS))
def test_a_capture_round_trip_loses_less_than_a_tick(
    trace: Trace, level: int, layout: Layout
) -> None:
    if level >= 3:
        trace = with_threads(trace)
    with tempfile.TemporaryDirectory() as folder:
        write_capture(Path(folder), trace, None, level=level, layout=layout)
        read = read_capture(Path(folder))
    thread_kinds = [LaneKind.SCHEDULER, LaneKind.ORCHESTRATOR][: max(0, level - 2)]
    seen = {LaneKind.AIC, LaneKind.AIV, *thread_kinds}
    assert read.lanes == tuple(lane for lane in trace.lanes if lane.kind in seen)
    tick = PS_PER_US // trace.info.counter_mhz
    for ours, theirs in zip(trace.tasks, read.tasks, strict=True):
        assert 0 <= ours.submit_start_ps - theirs.submit_start_ps < tick or level < 4
        assert 0 <= ours.submit_end_ps - theirs.submit_end_ps < tick or level < 4
        blank = {"submit_start_ps": -1, "submit_end_ps": -1}
        assert (theirs.submit_start_ps == -1) == (level < 4)
        assert replace(ours, **blank) == replace(theirs, **blank)
    assert read.edges.tolist() == trace.edges.tolist()
    keys = ["task", "block", "slot"]
    ours, theirs = np.sort(trace.slices, order=keys), np.sort(read.slices, order=keys)
    assert ours[["lane", *keys]].tolist() == theirs[["lane", *keys]].tolist()
    assert_phases_come_back(trace, read, level)
    times = TIMES if level >= 2 else TIMES[1:4]
    for time in times:
        if layout is Layout.B and time == "receive_ps":
            assert (theirs[time] == -1).all()
            continue
        lost = (ours[time] - theirs[time]) * trace.info.counter_mhz
        assert 0 <= lost.min() <= lost.max() < PS_PER_US + trace.info.counter_mhz


@settings(max_examples=50, deadline=None)
@given(traces(), st.data())
def test_a_csv_pair_keeps_which_times_are_not_known(trace: Trace, data: st.DataObject) -> None:
    trace = with_threads(trace)
    slices = trace.slices.copy()
    for name in ("dispatch_ps", "finish_ps"):
        slices[name][[data.draw(st.booleans()) for _ in slices]] = NO_TIME
    unknown = {"submit_start_ps": NO_TIME, "submit_end_ps": NO_TIME}
    tasks = tuple(  # the reader orders tasks by id
        replace(task, task_id=index, **(unknown if data.draw(st.booleans()) else {}))
        for index, task in enumerate(trace.tasks)
    )
    lanes = tuple(
        replace(lane, thread=data.draw(st.sampled_from([-1, 0]))) if lane.core_id >= 0 else lane
        for lane in trace.lanes
    )
    nothing = np.empty(0, PHASE_DTYPE)
    trace = replace(trace, slices=slices, tasks=tasks, lanes=lanes, phases=nothing)
    with tempfile.TemporaryDirectory() as folder:
        write_csv_pair(Path(folder), trace)
        read = read_csv_capture(Path(folder) / CSV_TASKS, Path(folder) / CSV_EDGES)
    keys = ["task", "block", "slot", "dispatch_ps", "finish_ps"]
    assert np.sort(read.slices[keys]).tolist() == np.sort(trace.slices[keys]).tolist()
    submits = [[(one.submit_start_ps, one.submit_end_ps) for one in run.tasks]
               for run in (trace, read)]  # fmt: skip
    assert submits[0] == submits[1]
    threads = {lane.core_id: lane.thread for lane in trace.lanes}
    cores = [lane for lane in read.lanes if lane.core_id >= 0]
    assert [lane.thread for lane in cores] == [threads[lane.core_id] for lane in cores]


def assert_phases_come_back(trace: Trace, read: Trace, level: int) -> None:
    last = {1: -1, 2: -1, 3: len(trace.lanes) - 2, 4: len(trace.lanes) - 1}[level]
    ours = trace.phases[trace.phases["lane"] <= last]
    assert len(ours) == len(read.phases)
    order = ["lane", "loop_iter", "task"]  # not times, which may fall on one tick
    ours, theirs = np.sort(ours, order=order), np.sort(read.phases, order=order)
    for name in ("lane", "kind", "task", "count", "loop_iter", "pop_hit", "pop_miss"):
        assert ours[name].tolist() == theirs[name].tolist()
    for name in ("ready_start", "ready_end"):
        np.testing.assert_array_equal(ours[name], theirs[name])


@given(st.integers(0, 10**16))
def test_the_viewer_sees_the_right_nanosecond(time_ps: int) -> None:
    assert int(viewer_us(time_ps) * 1000.0) == time_ps // 1000


@given(st.integers(0, 10**12))
def test_the_viewer_time_is_exact_to_the_picosecond(time_ps: int) -> None:
    assert round(viewer_us(time_ps) * PS_PER_US) == time_ps

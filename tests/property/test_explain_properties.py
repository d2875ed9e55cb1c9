"""Whatever runs: causes fill the idle time, paths tile the span, decompositions add up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.analysis import compare
from npusim.analysis.accounting import idle_waits
from npusim.analysis.cause_table import lane_causes
from npusim.analysis.causes import CAUSES, Cause, idle_causes
from npusim.analysis.limits import find_limits
from npusim.analysis.observed_path import observed_path
from npusim.trace import LaneKind, Trace
from tests.planted import AIC, AIV, MIX, planted

pytestmark = pytest.mark.property


@st.composite
def runs(draw: st.DrawFn) -> Trace:
    """A run of a random graph under the runtime model, or what a capture of it would hold."""
    count = draw(st.integers(1, 30))
    tasks = [
        (
            draw(st.sampled_from(["a", "b", "c"])),
            draw(st.sampled_from([AIC, AIV, MIX])),
            draw(st.integers(1, 40)) / 2,
        )
        for _ in range(count)
    ]
    edges = {
        (draw(st.integers(0, task - 1)), task) for task in range(1, count) if draw(st.booleans())
    }
    early = [draw(st.booleans()) for _ in range(count)]
    trace = planted(tasks, sorted(edges), warm_up=draw(st.booleans()), allow_early_resolve=early)
    if draw(st.booleans()):
        return trace
    return Trace(
        info=trace.info,
        lanes=trace.lanes,
        tasks=trace.tasks,
        slices=trace.slices,
        waits=trace.waits[:0],
        phases=trace.phases[:0],
        edges=trace.edges,
    )


@settings(max_examples=40, deadline=None)
@given(runs())
def test_causes_fill_the_idle_time_of_every_lane(trace: Trace) -> None:
    needed = np.stack([trace.edges["pred"], trace.edges["succ"]], axis=1)[::2]
    causes, waits = idle_causes(trace, needed), idle_waits(trace)
    idle_ps = lane_causes(trace, causes).sum(axis=1)
    expected = np.zeros(len(trace.lanes), np.int64)
    np.add.at(expected, waits["lane"], waits["end_ps"] - waits["start_ps"])
    assert idle_ps.tolist() == expected.tolist()
    busy_ps = np.zeros(len(trace.lanes), np.int64)
    slices = trace.slices
    np.add.at(busy_ps, slices["lane"], slices["end_ps"] - slices["start_ps"])
    for lane in trace.lane_indices(LaneKind.AIC, LaneKind.AIV):
        assert idle_ps[lane] + busy_ps[lane] == trace.makespan_ps
    if len(trace.waits):
        assert not (causes["cause"] == CAUSES.index(Cause.UNKNOWN)).any()


@settings(max_examples=40, deadline=None)
@given(runs())
def test_the_path_tiles_the_span(trace: Trace) -> None:
    now_ps, end_ps = trace.span_ps
    for segment in observed_path(trace).segments:
        assert segment.start_ps == now_ps
        now_ps = segment.end_ps
    assert now_ps == end_ps


@settings(max_examples=25, deadline=None)
@given(runs(), runs())
def test_decompositions_add_up_to_the_picosecond(a: Trace, b: Trace) -> None:
    found = compare(a, b).decomposition
    assert found.delta_ps == b.makespan_ps - a.makespan_ps
    assert sum(one.delta for one in found.by_scope().values()) == found.delta_ps


@settings(max_examples=25, deadline=None)
@given(runs())
def test_no_lower_bound_exceeds_the_makespan(trace: Trace) -> None:
    for limit in find_limits(trace).limits:
        if limit.is_bound and limit.time_ps is not None:
            assert limit.time_ps <= trace.makespan_ps

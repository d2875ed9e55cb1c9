"""Pipe lanes: every instruction in its place, and every picosecond of a pipe accounted for."""

import numpy as np
import pytest

from npusim.errors import UsageError
from npusim.simulator.pipe_lanes import add_pipe_lanes
from npusim.simulator.pipe_view import CoreView
from npusim.trace import LaneKind, WaitReason
from tests.pipe_runs import (
    FIRST_CLUSTER,
    lane_events,
    lane_time_ps,
    loading_program,
    mix_program,
    pipe_trace,
    slow_memory_chip,
    vector_program,
    view_of,
)


def test_the_events_of_one_vector_block():
    trace = pipe_trace(vector_program())
    assert lane_events(trace, "AIV[0].S") == [
        "issue load", "issue add", "issue add", "issue store", "NO_WORK",
    ]  # fmt: skip
    assert lane_events(trace, "AIV[0].MTE2") == ["QUEUE", "load", "NO_WORK"]
    assert lane_events(trace, "AIV[0].V") == ["DEPENDENCY", "add", "DEPENDENCY", "add", "NO_WORK"]
    assert lane_events(trace, "AIV[0].MTE3") == ["DEPENDENCY", "store", "NO_WORK"]
    for lane in ("AIC[0].M", "AIV[1].V"):
        assert lane_events(trace, lane) == ["NO_WORK"]


def test_the_events_of_a_block_on_a_whole_cluster():
    trace = pipe_trace(mix_program())
    assert lane_events(trace, "AIC[0].MTE2") == ["QUEUE", "load", "load", "NO_WORK"]
    assert lane_events(trace, "AIC[0].MTE1") == ["DEPENDENCY", "matmul", "NO_WORK"]
    assert lane_events(trace, "AIC[0].M") == ["DEPENDENCY", "matmul", "NO_WORK"]
    assert lane_events(trace, "AIC[0].FIX") == ["DEPENDENCY", "cube_to_vector", "NO_WORK"]
    assert lane_events(trace, "AIV[0].MTE2") == ["DEPENDENCY", "cube_to_vector", "NO_WORK"]
    assert lane_events(trace, "AIV[0].S")[1:3] == ["issue scalar_read", "scalar_read"]


@pytest.mark.parametrize(
    ("flags", "events"),
    [({}, ["NO_WORK"]), ({"split_mode": "UP_DOWN"}, ["DEPENDENCY", "exp", "NO_WORK"])],
    ids=["whole", "split"],
)
def test_the_second_vector_core_works_only_on_split_tasks(flags, events):
    assert lane_events(pipe_trace(mix_program(**flags)), "AIV[1].V") == events


def test_new_lanes_follow_the_old_ones_and_change_nothing_else():
    view = view_of(vector_program(4))
    before, after = view.trace, add_pipe_lanes(view, FIRST_CLUSTER)
    old, new = after.lanes[: len(before.lanes)], after.lanes[len(before.lanes) :]
    assert old == before.lanes
    assert [lane.name for lane in new[:6]] == [
        f"AIC[0].{pipe}" for pipe in ("S", "MTE2", "MTE1", "M", "FIX", "MTE3")
    ]
    assert {lane.kind for lane in new} == {LaneKind.PIPE}
    assert [lane.core_id for lane in new] == [0] * 6 + [1] * 4 + [2] * 4
    assert after.slices is before.slices
    assert np.array_equal(after.waits[: len(before.waits)], before.waits)
    assert after.info.parameters["pipe_cores"] == "AIC[0],AIV[0],AIV[1]"


def test_every_pipe_is_busy_or_waits_for_the_whole_span():
    trace = pipe_trace(vector_program(12), slow_memory_chip(clusters=2), ("AIV[0]", "AIV[3]"))
    for lane in trace.lane_indices(LaneKind.PIPE):
        busy_ps = lane_time_ps(trace, trace.op_slices, lane)
        assert busy_ps + lane_time_ps(trace, trace.waits, lane) == trace.makespan_ps


def test_shared_bandwidth_shows_as_memory_waits():
    def memory_ps(chip, blocks):
        trace = pipe_trace(loading_program(blocks), chip, ("AIV[0]",))
        rows = trace.waits[trace.waits["reason"] == WaitReason.MEMORY]
        lanes = {trace.lanes[lane].name for lane in rows["lane"].tolist()}
        own = trace.slices[trace.slices["lane"] == trace.lane_indices(LaneKind.AIV)[0]]
        waited_ps = int((rows["end_ps"] - rows["start_ps"]).sum())
        return waited_ps, lanes, int(own["stall_ps"].sum())

    waited_ps, lanes, stall_ps = memory_ps(slow_memory_chip(clusters=4), blocks=8)
    assert lanes == {"AIV[0].MTE2"}
    assert waited_ps == pytest.approx(stall_ps, rel=1e-3)
    assert stall_ps > 0
    alone_ps, _, stall_ps = memory_ps(slow_memory_chip(clusters=4), blocks=1)
    assert stall_ps == 0
    assert alone_ps <= 8  # a picosecond of rounding per transfer


def test_slices_name_operation_line_and_bytes():
    trace = pipe_trace(vector_program())
    by_name = {trace.op_names[row["op"]]: row for row in trace.op_slices}
    assert {name: int(row["nbytes"]) for name, row in by_name.items()} == {
        **dict.fromkeys(("issue load", "issue add", "issue store", "add"), 0),
        "load": 64 * 64 * 4,
        "store": 64 * 64 * 4,
    }
    assert trace.op_sites[by_name["load"]["site"]] == "kernel.py:0"


def test_the_same_run_gives_the_same_lanes():
    first, second = (pipe_trace(mix_program()) for _ in range(2))
    assert first.op_slices.tobytes() == second.op_slices.tobytes()
    assert first.waits.tobytes() == second.waits.tobytes()


def test_an_unknown_core_is_refused():
    with pytest.raises(UsageError, match=r"^pipe lanes: 'AIC\[9\]' is no core lane of the trace;"):
        pipe_trace(vector_program(), cores=("AIC[9]",))


def test_lanes_are_added_once():
    view = view_of(vector_program())
    again = CoreView(add_pipe_lanes(view, FIRST_CLUSTER), view.program, view.chip)
    with pytest.raises(UsageError, match=r"^pipe lanes: the trace has some already; expected"):
        add_pipe_lanes(again, FIRST_CLUSTER)


def test_a_trace_of_another_program_is_refused():
    view = view_of(vector_program(2))
    with pytest.raises(UsageError, match=r"^inside view: the trace is simulated, of tiny on a2a3"):
        CoreView(view.trace, vector_program(3), view.chip)

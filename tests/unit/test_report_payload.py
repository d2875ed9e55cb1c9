"""What of a run the page holds: columns that decode to the trace, tables whose rows point at it."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.analysis import list_bubbles
from npusim.plotting.report import ReportRun
from npusim.plotting.report.encode import encode, encode_us
from npusim.plotting.report.idle import IDLE_KINDS
from npusim.plotting.report.payload import run_payload
from npusim.plotting.report.tables import MOST_BUBBLES, comparison_tables
from npusim.plotting.style import CAUSE_COLOURS, REASON_COLOURS, scope_styles
from npusim.trace import NO_TIME, PhaseKind, WaitReason
from tests.pipe_runs import pipe_trace, vector_program
from tests.trace_builder import TraceBuilder, layered_trace
from tests.wide_trace import wide_trace

TRACE = layered_trace({"qk": "aic", "mixed": "mix", "softmax": "aiv"}, blocks=9, aic=3, aiv=6)


def payload(trace, **fields):
    return run_payload(ReportRun("run", trace, **fields), scope_styles(trace))


def decode(value):
    raw = np.frombuffer(base64.b64decode(value["data"]), np.dtype(value["type"]).newbyteorder("<"))
    return raw.tolist()


def table(data, key):
    return next(one for one in data["tables"] if one["key"] == key)


@given(st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_whole_numbers_survive_encoding(values):
    assert decode(encode(values, "i4")) == values


@given(st.lists(st.integers(0, 10**15)))
def test_times_survive_to_the_picosecond(times_ps):
    values = np.array(times_ps, np.int64)
    assert [round(one * 1e6) for one in decode(encode_us(values))] == times_ps


def test_a_time_that_the_trace_does_not_hold_is_no_number():
    assert np.isnan(decode(encode_us(np.array([NO_TIME])))).all()


def test_bars_are_those_of_the_trace_sorted_by_lane_and_start():
    data = payload(TRACE)["slices"]
    rows = sorted(
        (int(row["lane"]), row["start_ps"] / 1e6, row["end_ps"] / 1e6, int(row["task"]))
        for row in TRACE.slices
    )
    columns = (decode(data[name]) for name in ("lane", "start", "end", "task"))
    assert list(zip(*columns, strict=True)) == rows


def test_bars_and_bubbles_fill_every_core_lane():
    data = payload(TRACE)
    total = np.zeros(len(TRACE.lanes))
    for kind in ("slices", "waits"):
        lengths = np.subtract(decode(data[kind]["end"]), decode(data[kind]["start"]))
        np.add.at(total, decode(data[kind]["lane"]), lengths)
    cores = [lane.kind.is_core for lane in TRACE.lanes]
    assert total[cores] == pytest.approx(TRACE.makespan_ps / 1e6)


def test_nested_phases_are_apart_from_those_around_them():
    kinds = payload(TRACE)["phases"]
    assert set(decode(kinds["inner"]["kind"])) == {PhaseKind.RESOLVE}
    assert PhaseKind.RESOLVE not in decode(kinds["outer"]["kind"])
    assert sum(len(decode(one["kind"])) for one in kinds.values()) == len(TRACE.phases)


def test_pipes_come_with_their_instructions_and_waits():
    trace = pipe_trace(vector_program())
    data = payload(trace)
    assert len(decode(data["ops"]["op"])) == len(trace.op_slices)
    kinds = {IDLE_KINDS[one].name for one in decode(data["waits"]["reason"])}
    assert any(name.startswith("pipe ") for name in kinds)


def test_a_64_bit_task_id_keeps_its_digits():
    builder = TraceBuilder()
    task = builder.task("qk")
    builder.tasks[task] = type(builder.tasks[task])(2**63 - 1, 0, "qk", "aiv", 1)
    builder.run(task, "AIV[0]", 0, 1)
    assert payload(builder.build())["tasks"]["id"] == ["9223372036854775807"]


def test_tensors_are_listed_once_and_referred_to_by_task():
    builder = TraceBuilder()
    for index in range(3):
        builder.run(builder.task("qk"), "AIV[0]", 10 * index, 10 * index + 5)
    trace = builder.build()
    ids = [task.task_id for task in trace.tasks]
    found = payload(trace, arguments={ids[0]: ("in q", "out s"), ids[2]: ("in q",)})["arguments"]
    assert found == {"lines": ["in q", "out s"], "by_task": [[0, 1], [], [0]]}
    assert payload(trace)["arguments"] == {"lines": [], "by_task": []}


def test_the_path_tiles_the_makespan():
    path = payload(TRACE)["path"]
    lengths = np.subtract(decode(path["end"]), decode(path["start"]))
    assert sum(lengths) == pytest.approx(TRACE.makespan_ps / 1e6)


def test_a_bubble_row_names_a_lane_and_a_moment_of_a_wait():
    data = payload(TRACE)
    found = table(data, "bubbles")
    names = [column["name"] for column in found["columns"]]
    assert names[:3] == ["lane", "start_us", "length_us"]
    lanes = data["lanes"]["name"]
    waits = set(zip(decode(data["waits"]["lane"]), decode(data["waits"]["start"]), strict=True))
    for row in found["rows"]:
        assert (lanes.index(row[0]), row[1]) in waits


def test_of_many_bubbles_the_longest_are_listed_and_the_note_says_so():
    trace = wide_trace(6000)
    found = table(payload(trace), "bubbles")
    longest = [row[:3] for row in list_bubbles(trace, 0.0).rows[:MOST_BUBBLES]]
    lengths = [row[2] for row in found["rows"]]
    assert len(lengths) <= MOST_BUBBLES
    assert lengths == [row[2] for row in longest[: len(lengths)]]
    assert "a row zooms to its bubble" in found["note"]


def test_texts_have_the_shape_of_rows_and_empty_columns_are_left_out():
    for one in payload(TRACE)["tables"]:
        for row, texts in zip(one["rows"], one["texts"], strict=True):
            assert len(row) == len(texts) == len(one["columns"])
    names = [column["name"] for column in table(payload(TRACE), "bubbles")["columns"]]
    assert "through" not in names  # nobody said which regions


def test_regions_and_needed_edges_reach_the_tables():
    builder = TraceBuilder(aic=1, aiv=1)
    first, second = builder.task("qk", "aic"), builder.task("pv")
    builder.run(first, "AIC[0]", 0, 10)
    builder.run(second, "AIV[0]", 12, 20, blamed=first)
    builder.edge(first, second)
    data = payload(
        builder.build(), needed_edges=np.empty((0, 2), np.int64), through=lambda a, b: f"{a}->{b}"
    )
    found = table(data, "bubbles")
    cell = dict(zip([one["name"] for one in found["columns"]], found["rows"][0], strict=True))
    assert cell["cause"] == "false_dependency"
    assert cell["through"] == "0->1"


def test_a_comparison_has_the_verdict_and_a_table_per_question():
    run = ReportRun("run", TRACE)
    verdict, tables = comparison_tables(run, run)
    assert verdict.startswith("b takes as long as a")
    assert tables[0]["label"] == "Change: totals"
    assert len({one["key"] for one in tables}) == len(tables)


def test_every_reason_and_cause_has_a_colour_of_its_own():
    assert set(REASON_COLOURS) == set(WaitReason)
    assert len(set(CAUSE_COLOURS.values())) == len(CAUSE_COLOURS)

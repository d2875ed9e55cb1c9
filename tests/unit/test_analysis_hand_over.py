"""Delays of the runtime, from traces whose times are plain to see."""

import dataclasses

import numpy as np
import pytest

from npusim.analysis.hand_over import distribution, hand_over, hand_over_table
from npusim.trace import NO_TIME
from tests.trace_builder import TraceBuilder


def with_times(trace, **columns):
    slices = trace.slices.copy()
    for name, values in columns.items():
        slices[name] = values
    return dataclasses.replace(trace, slices=slices, waits=trace.waits[:0])


@pytest.fixture
def trace():
    builder = TraceBuilder(aic=2, aiv=2)
    first = builder.task("a", "aic", submit_start_ps=0, submit_end_ps=1_000_000)
    second = builder.task("a", "aic", submit_start_ps=0, submit_end_ps=3_000_000)
    joined = builder.task("b", "aiv", submit_start_ps=0, submit_end_ps=7_000_000)
    builder.edge(first, joined)
    builder.edge(second, joined)
    builder.run(first, "AIC[0]", 10, 20)
    builder.run(second, "AIC[1]", 10, 25)
    builder.run(joined, "AIV[0]", 30, 31)
    return with_times(
        builder.build(),
        dispatch_ps=[9_000_000, 8_000_000, 29_000_000],
        receive_ps=NO_TIME,
        finish_ps=[28_000_000, 27_000_000, 31_500_000],
    )


def test_each_delay_is_between_the_two_events_that_name_it(trace):
    found = {name: values.tolist() for name, values in hand_over(trace).named()}
    assert found == {
        "dispatch_to_start": [1_000_000, 2_000_000, 1_000_000],
        "end_to_seen": [8_000_000, 2_000_000, 500_000],
        # Of two predecessors the one seen last and the one that ended last: not the same task.
        "seen_to_next_dispatch": [1_000_000],
        "end_to_next_start": [5_000_000],
        "submit": [2_000_000],
    }


def test_what_the_trace_does_not_hold_is_left_out(trace):
    blind = with_times(trace, dispatch_ps=NO_TIME, finish_ps=NO_TIME)
    table = hand_over_table(blind)
    assert table.column("quantity") == ("end_to_next_start", "submit")
    half = with_times(trace, finish_ps=[28_000_000, NO_TIME, NO_TIME])
    assert hand_over(half).resolve_ps.tolist() == []


def test_a_task_of_blocks_ends_with_its_last_and_starts_with_its_first():
    builder = TraceBuilder(aic=2, aiv=2)
    wide, after = builder.task("wide", "aic", blocks=2), builder.task("after", "aic", blocks=2)
    builder.edge(wide, after)
    for block, (start, end) in enumerate(((0, 4), (1, 9))):
        builder.run(wide, f"AIC[{block}]", start, end, block=block)
    for block, start in enumerate((12, 11)):
        builder.run(after, f"AIC[{block}]", start, start + 1, block=block)
    assert hand_over(builder.build()).hand_over_ps.tolist() == [2_000_000]


def test_percentiles_are_values_that_occur():
    values = np.arange(1, 17) * 1_000_000
    assert distribution(values) == (16, 1.0, 9.0, 8.5, 15.0, 16.0)
    assert distribution(values[:1]) == (1, 1.0, 1.0, 1.0, 1.0, 1.0)

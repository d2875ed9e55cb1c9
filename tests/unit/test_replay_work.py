"""From a trace to work for the runtime: what is kept, renumbered and assumed."""

import dataclasses

import numpy as np
import pytest

from npusim.errors import TraceError
from npusim.hardware import load_chip
from npusim.program import CoreType
from npusim.replay import replay_work
from npusim.replay.work import submission_order
from npusim.trace import EdgeSource
from tests.trace_builder import TraceBuilder

CHIP = load_chip("a2a3")


def mixed_trace(**fields):
    """A task of two blocks, a MIX task, a dummy and a task behind it."""
    builder = TraceBuilder(aic=2, aiv=4, has_waits=False)
    wide = builder.task("wide", "aiv", blocks=2, **fields)
    mix = builder.task("mix", "mix", has_early_dispatch=True, **fields)
    dummy = builder.task("join", "aiv", is_dummy=True, **fields)
    last = builder.task("last", "aic", **fields)
    builder.run(wide, "AIV[3]", 0, 4, block=0)
    builder.run(wide, "AIV[1]", 1, 9, block=1)
    for lane in ("AIC[1]", "AIV[2]"):
        builder.run(mix, lane, 5, 12 if lane == "AIC[1]" else 11)
    builder.run(last, "AIC[0]", 20, 23)
    for pred, succ in ((wide, mix), (mix, dummy), (dummy, last), (wide, mix)):
        builder.edge(pred, succ)
    return builder.build()


def test_durations_blocks_types_and_edges_are_kept():
    work = replay_work(mixed_trace(), CHIP)
    assert list(work.names) == ["wide", "mix", "join", "last"]
    assert work.core_types == [CoreType.AIV, CoreType.MIX, CoreType.AIV, CoreType.AIC]
    assert work.block_num.tolist() == [2, 1, 0, 1]
    assert work.durations_ps.tolist() == [4_000_000, 8_000_000, 7_000_000, 3_000_000]
    assert work.edges.tolist() == [[0, 1], [1, 2], [2, 3]]
    assert set(work.sources) == {EdgeSource.TENSORMAP}
    assert work.is_dummy.tolist() == [False, False, True, False]
    assert work.allow_early_resolve.tolist() == [False, True, False, False]


def test_lanes_become_core_numbers_of_the_chip():
    captured = replay_work(mixed_trace(), CHIP).captured
    assert captured["lane"].tolist() == [27, 25, 1, 26, 0]
    assert captured[["task", "block"]].tolist() == [(0, 0), (0, 1), (1, 0), (1, 0), (3, 0)]


def test_a_task_never_comes_before_one_it_waits_for():
    assert submission_order(4, np.array([[0, 1], [1, 3]])) == [0, 1, 2, 3]
    assert submission_order(4, np.array([[3, 1], [2, 0]])) == [2, 0, 3, 1]
    builder = TraceBuilder(aic=1, aiv=1, has_waits=False)
    late, early = builder.task("late", "aic"), builder.task("early", "aic")
    builder.run(early, "AIC[0]", 0, 2)
    builder.run(late, "AIC[0]", 2, 5)
    builder.edge(early, late)
    work = replay_work(builder.build(), CHIP)
    assert list(work.names) == ["early", "late"]
    assert work.durations_ps.tolist() == [2_000_000, 3_000_000]
    assert work.edges.tolist() == [[0, 1]]


def test_a_circle_and_too_many_cores_are_refused():
    with pytest.raises(TraceError, match=r"^replay: task 1 \(counted from 0\) is on a circle of"):
        submission_order(3, np.array([[1, 2], [2, 1]]))
    builder = TraceBuilder(aic=25, aiv=1)
    builder.run(builder.task("a", "aic"), "AIC[24]", 0, 1)
    with pytest.raises(
        TraceError,
        match=r"^replay: the capture has 25 AIC and chip a2a3 only 24; expected a chip with at le",
    ):
        replay_work(builder.build(), CHIP)


def test_argument_counts_come_first():
    trace = mixed_trace(submit_start_ps=0, submit_end_ps=1_000_000)
    counts = {"tensors": [3, 4, 0, 2], "lookups": [1, 2, 0, 1], "inserts": [1, 1, 0, 1]}
    info = dataclasses.replace(trace.info, parameters={"arguments": counts})
    work = replay_work(dataclasses.replace(trace, info=info), CHIP)
    assert {name: getattr(work, name).tolist() for name in counts} == counts
    assert work.submit_ns is None


def test_then_measured_submits():
    trace = mixed_trace()
    ends = (1_000_000, 2_500_000, 2_600_000, 9_000_000)
    tasks = tuple(
        dataclasses.replace(task, submit_start_ps=end - 400_000, submit_end_ps=end)
        for task, end in zip(trace.tasks, ends, strict=True)
    )
    work = replay_work(dataclasses.replace(trace, tasks=tasks), CHIP)
    assert work.submit_ns.tolist() == [400, 1500, 100, 6400]


def test_then_counts_that_the_edges_suggest():
    work = replay_work(mixed_trace(), CHIP)
    assert work.submit_ns is None
    assert work.lookups.tolist() == [1, 1, 1, 1]
    assert work.tensors.tolist() == [2, 2, 2, 2]
    assert work.inserts.tolist() == [1, 1, 1, 1]

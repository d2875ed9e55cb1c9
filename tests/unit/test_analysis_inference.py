import dataclasses

import numpy as np

from npusim.analysis.gaps import gap_table
from npusim.analysis.inference import infer_waits, with_waits
from npusim.trace import SLICE_DTYPE, Trace, WaitReason
from npusim.units import us_to_ps
from tests.trace_builder import TraceBuilder

PS_PER_US = 1_000_000


def capture(*, submit_us: float = -1, dispatch_us: float = -1, edge: bool = True) -> Trace:
    """AIC[0]: qk 0 to 10. AIV[0]: a 0 to 2, then pv at 20, which depends on qk."""
    builder = TraceBuilder(aic=1, aiv=1, has_waits=False)
    qk, first = builder.task("qk", "aic"), builder.task("a")
    submit_ps = -1 if submit_us < 0 else us_to_ps(submit_us)
    pv = builder.task("pv", submit_start_ps=submit_ps, submit_end_ps=submit_ps)
    builder.run(qk, "AIC[0]", 0, 10)
    builder.run(first, "AIV[0]", 0, 2)
    builder.run(pv, "AIV[0]", 20, 30)
    if edge:
        builder.edge(qk, pv)
    trace = builder.build()
    slices = np.array(trace.slices, SLICE_DTYPE)
    slices["dispatch_ps"] = slices["receive_ps"] = -1
    if dispatch_us >= 0:
        slices["dispatch_ps"][2] = us_to_ps(dispatch_us)
    return dataclasses.replace(trace, slices=slices)


def reasons(trace: Trace) -> list[tuple[str, float, int]]:
    waits = infer_waits(trace)
    return [
        (
            WaitReason(int(row["reason"])).name,
            int(row["end_ps"] - row["start_ps"]) / PS_PER_US,
            int(row["blamed"]),
        )
        for row in waits[(waits["lane"] == 1) & (waits["task"] == 2)]
    ]


def test_starts_alone_give_dependency_and_queue() -> None:
    assert reasons(capture()) == [("DEPENDENCY", 8, 0), ("QUEUE", 10, -1)]


def test_dispatch_times_tell_queue_from_dispatch() -> None:
    assert reasons(capture(dispatch_us=15)) == [
        ("DEPENDENCY", 8, 0),
        ("QUEUE", 5, -1),
        ("DISPATCH", 5, -1),
    ]


def test_submit_times_show_the_orchestrator() -> None:
    assert reasons(capture(submit_us=14, dispatch_us=15)) == [
        ("DEPENDENCY", 8, 0),
        ("SUBMIT", 4, -1),
        ("QUEUE", 1, -1),
        ("DISPATCH", 5, -1),
    ]


def test_a_submit_before_the_dependency_cuts_nothing() -> None:
    assert reasons(capture(submit_us=3)) == [("DEPENDENCY", 8, 0), ("QUEUE", 10, -1)]


def test_without_any_dependency_nobody_knows() -> None:
    assert reasons(capture(edge=False)) == [("UNKNOWN", 18, -1)]
    assert reasons(capture(edge=False, dispatch_us=15)) == [
        ("UNKNOWN", 13, -1),
        ("DISPATCH", 5, -1),
    ]


def test_a_cluster_waits_for_its_last_core() -> None:
    builder = TraceBuilder(aic=1, aiv=2, has_waits=False)
    long, mix = builder.task("long"), builder.task("mix", "mix")
    builder.edge(long, mix)
    other = builder.task("other")
    builder.run(long, "AIV[0]", 0, 4)
    builder.run(other, "AIV[1]", 0, 9)
    for lane in ("AIC[0]", "AIV[0]", "AIV[1]"):
        builder.run(mix, lane, 12, 20)
    waits = infer_waits(builder.build())
    cube = waits[(waits["lane"] == 0) & (waits["task"] == mix)]
    found = [(WaitReason(int(row["reason"])).name, int(row["end_ps"])) for row in cube]
    assert found == [("DEPENDENCY", us_to_ps(4)), ("SYNC", us_to_ps(9)), ("QUEUE", us_to_ps(12))]


def test_with_waits_keeps_what_was_recorded() -> None:
    recorded = capture()
    inferred = with_waits(recorded)
    assert inferred.info.cause_from == "inferred"
    assert with_waits(inferred) is inferred
    assert len(with_waits(TraceBuilder().build()).waits) == 0


def test_gaps_of_a_core_whose_task_was_ready_and_whose_was_not() -> None:
    builder = TraceBuilder(aic=1, aiv=1, has_waits=False)
    a, b, c = (builder.task(name, "aic") for name in "abc")
    d = builder.task("d")
    builder.run(a, "AIC[0]", 0, 10)
    builder.run(b, "AIC[0]", 14, 20)
    builder.run(d, "AIV[0]", 0, 25)
    builder.run(c, "AIC[0]", 28, 30)
    builder.edge(d, c)
    rows = {row["gap"]: row for row in gap_table(builder.build()).to_json()}
    assert (rows["ready"]["count"], rows["ready"]["p50_us"]) == (1, 4)
    assert (rows["ready_to_start"]["count"], rows["ready_to_start"]["mean_us"]) == (1, 3)


def test_gaps_of_a_trace_without_any() -> None:
    assert [row["count"] for row in gap_table(TraceBuilder().build()).to_json()] == [0, 0]

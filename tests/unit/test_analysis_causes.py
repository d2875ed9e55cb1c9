"""Planted cases: work with one known bubble per cause; each is named, alone and combined."""

import dataclasses

import numpy as np
import pytest

from npusim.analysis.causes import CAUSES, MEANING, Cause, idle_causes
from npusim.trace import LaneKind, PhaseKind, Trace, WaitReason
from tests.planted import AIC, AIV, MIX, idle_us, planted
from tests.trace_builder import TraceBuilder

CHAIN = [("a", AIC, 50.0), ("b", AIV, 5.0)]


def with_thread(trace: Trace) -> Trace:
    """All cores belong to scheduler thread 0."""
    lanes = tuple(
        dataclasses.replace(lane, thread=0) if lane.kind.is_core else lane for lane in trace.lanes
    )
    return dataclasses.replace(trace, lanes=lanes)


def queued(*phases: tuple[PhaseKind, float, float]) -> Trace:
    """AIC[0] idle in the queue from 10 to 20 us, while Sched[0] did ``phases``."""
    builder = TraceBuilder(aic=1, aiv=1)
    first, second = builder.task("first", "aic"), builder.task("second", "aic")
    builder.run(first, "AIC[0]", 0, 10)
    builder.run(second, "AIC[0]", 20, 30, reason=WaitReason.QUEUE)
    for kind, start_us, end_us in phases:
        builder.phase("Sched[0]", kind, start_us, end_us)
    return with_thread(builder.build())


def test_a_predecessor_that_runs_is_a_dependency() -> None:
    trace = planted(CHAIN, [(0, 1)])
    found = idle_us(trace, "b")
    assert found.pop("dependency") == 50
    assert set(found) == {"completion", "polling", "start_up"}
    assert max(found.values()) < 2
    rows = idle_causes(trace)
    assert set(rows["blamed"][rows["cause"] == CAUSES.index(Cause.DEPENDENCY)]) == {0}


def test_what_the_data_does_not_need_is_a_false_dependency() -> None:
    tasks = [("a", AIC, 20.0), ("x", AIC, 80.0), ("b", AIV, 5.0)]
    trace = planted(tasks, [(0, 2), (1, 2)])
    without, found = idle_us(trace, "b"), idle_us(trace, "b", needed=[(0, 2)])
    assert "false_dependency" not in without
    assert found["dependency"] == pytest.approx(20)
    assert found["dependency"] + found["false_dependency"] == pytest.approx(without["dependency"])
    causes = idle_causes(trace, np.array([(0, 2)]))
    blamed = {str(CAUSES[row["cause"]]): int(row["blamed"]) for row in causes if row["blamed"] >= 0}
    assert blamed == {"dependency": 0, "false_dependency": 1}


def test_needed_edges_that_bind_make_nothing_false() -> None:
    """The twin: both predecessors are needed."""
    tasks = [("a", AIC, 20.0), ("x", AIC, 80.0), ("b", AIV, 5.0)]
    found = idle_us(planted(tasks, [(0, 2), (1, 2)]), "b", needed=[(0, 2), (1, 2)])
    assert "false_dependency" not in found


def test_a_late_submit_is_the_orchestrator() -> None:
    trace = planted([("a", AIC, 5.0), ("b", AIV, 5.0)], submit_ns=[500.0, 60_000.0])
    assert idle_us(trace, "b")["orchestrator"] > 58


def test_a_cluster_that_is_not_free_is_the_cluster() -> None:
    tasks = [("a", AIV, 60.0 + one) for one in range(48)]
    found = idle_us(planted([*tasks, ("mix", MIX, 5.0)], submit_ns=[100.0] * 49), "mix")
    assert max(found, key=lambda cause: found[cause]) == "cluster"


def test_a_cohort_that_is_not_free_is_busy_cores() -> None:
    tasks = [("a", AIC, 60.0 + one) for one in range(20)]
    trace = planted(
        [*tasks, ("s", AIC, 9.0)],
        blocks=[1] * 20 + [24],
        sync_start=[False] * 20 + [True],
        submit_ns=[100.0] * 21,
    )
    found = idle_us(trace, "s")
    assert max(found, key=lambda cause: found[cause]) == "core_busy"


def test_the_first_kernel_of_a_cold_core_is_start_up() -> None:
    tasks = [("a", AIC, 20.0)] * 24
    cold = idle_us(planted(tasks, warm_up=True, submit_ns=[100.0] * 24), "a")
    warm = idle_us(planted(tasks, submit_ns=[100.0] * 24), "a")
    assert cold["start_up"] > warm["start_up"] + 10


def test_a_staged_block_waits_for_its_gate() -> None:
    trace = planted(CHAIN, [(0, 1)], allow_early_resolve=[True, False])
    assert set(idle_us(trace, "b")) == {"dependency", "early_gate"}


def test_work_that_ends_earlier_on_one_core_is_tail() -> None:
    trace = planted([("a", AIC, 10.0), ("a", AIC, 90.0)])
    ends = idle_us(trace)
    assert 79 < ends["tail"] < 82
    assert ends["no_work"] == pytest.approx(70 * trace.makespan_ps / 1e6)  # never had any


def test_many_ready_tasks_wait_for_the_scheduler() -> None:
    tasks = [("p", AIC, 400.0), *[("c", AIV, 2.0)] * 200]
    found = idle_us(planted(tasks, [(0, one) for one in range(1, 201)]), "c")
    assert {"scheduler_busy", "queue_order", "launch", "completion"} <= set(found)
    assert found["scheduler_busy"] > found["polling"]


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ((), {"not_dispatched": 10}),
        (((PhaseKind.COMPLETE, 0, 5),), {"polling": 10}),
        (((PhaseKind.COMPLETE, 5, 30),), {"scheduler_busy": 10}),
        (((PhaseKind.DISPATCH, 9, 12),), {"queue_order": 2, "polling": 8}),
        (
            (
                (PhaseKind.COMPLETE, 8, 12),
                (PhaseKind.RESOLVE, 9, 11),
                (PhaseKind.DISPATCH, 12, 15),
                (PhaseKind.COMPLETE, 18, 19),
            ),
            {"scheduler_busy": 3, "queue_order": 3, "polling": 4},
        ),
    ],
)
def test_the_queue_is_cut_by_what_the_scheduler_did(phases, expected) -> None:
    assert idle_us(queued(*phases), "second") == expected


def test_causes_combined_are_each_named() -> None:
    """One gap with a dependency, a late submit and a launch; another lane with a tail."""
    tasks = [("a", AIC, 20.0), ("b", AIV, 5.0), ("c", AIV, 5.0)]
    trace = planted(tasks, [(0, 1), (0, 2)], submit_ns=[500.0, 500.0, 60_000.0])
    assert {"dependency", "completion"} <= set(idle_us(trace, "b"))
    assert {"dependency", "orchestrator"} <= set(idle_us(trace, "c"))
    assert "tail" in idle_us(trace)


WHOLE = {
    WaitReason.DEPENDENCY: "dependency",
    WaitReason.DISPATCH: "launch",
    WaitReason.QUEUE: "not_dispatched",
    WaitReason.MEMORY: "memory",
    WaitReason.SYNC: "core_busy",
    WaitReason.SUBMIT: "orchestrator",
    WaitReason.NO_WORK: "no_work",
    WaitReason.UNKNOWN: "unknown",
}
"""The cause of a wait in a trace that holds nothing to cut it by."""


@pytest.mark.parametrize("reason", list(WaitReason))
def test_every_reason_has_a_cause(reason: WaitReason) -> None:
    """A reason that somebody adds must be given a cause, else it is shown as unknown."""
    builder = TraceBuilder(aic=1, aiv=1)
    first, second = builder.task("first", "aic"), builder.task("second", "aic")
    builder.run(first, "AIC[0]", 0, 10)
    builder.run(second, "AIC[0]", 20, 30, reason=reason)
    found = idle_us(builder.build(), "second")
    assert sum(found.values()) == 10
    assert WHOLE[reason] in found or reason is WaitReason.NO_WORK  # not before a task


def test_causes_cover_the_waits_exactly() -> None:
    tasks = [("p", AIC, 30.0), *[("c", AIV, 3.0)] * 60, *[("m", MIX, 4.0)] * 30]
    edges = [(0, one) for one in range(1, 61)] + [(one, one + 30) for one in range(31, 61)]
    trace = planted(tasks, edges, warm_up=True)
    rows = idle_causes(trace, np.array(edges[::2]))
    for index, lane in enumerate(trace.lanes):
        if lane.kind in {LaneKind.AIC, LaneKind.AIV}:
            waits, own = trace.waits[trace.waits["lane"] == index], rows[rows["lane"] == index]
            lengths = [int((one["end_ps"] - one["start_ps"]).sum()) for one in (waits, own)]
            assert lengths[0] == lengths[1]
            assert (own["start_ps"][1:] >= own["end_ps"][:-1]).all()
    assert not (rows["cause"] == CAUSES.index(Cause.UNKNOWN)).any()


def test_every_cause_has_a_meaning() -> None:
    assert set(MEANING) == set(Cause)


def test_an_empty_trace_has_no_causes() -> None:
    assert len(idle_causes(TraceBuilder().build())) == 0

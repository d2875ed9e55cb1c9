"""Cohorts: ``sync_start`` tasks get all of their cores at once, or all threads drain for them."""

import pytest

from npusim.errors import DeadlockError
from npusim.program import CoreType
from npusim.trace import PhaseKind, WaitReason
from tests.program_builder import round_chip
from tests.runtime_builder import make_work, of_task, quick_chip, run

AIC, AIV = CoreType.AIC, CoreType.AIV


def phases(trace, kind):
    return trace.phases[trace.phases["kind"] == kind]


def test_a_cohort_that_fits_one_thread_is_dispatched_at_once():
    work = make_work([("sync", AIV, [1000] * 2)], sync_start=[True])
    trace = run(work, quick_chip())
    assert not len(phases(trace, PhaseKind.DRAIN))
    assert len(set(trace.slices["dispatch_ps"].tolist())) == 1


def test_a_cohort_over_two_threads_drains():
    work = make_work([("sync", AIV, [1000] * 4)], sync_start=[True])
    trace = run(work, quick_chip(clusters=2, threads=2))
    drains = phases(trace, PhaseKind.DRAIN)
    assert drains["count"].tolist() == [2, 2]
    assert len(set(drains["lane"].tolist())) == 2
    assert len(set(trace.slices["lane"].tolist())) == 4


def test_too_few_idle_cores_drain_until_they_are_idle():
    tasks = [("busy", AIV, [30_000]), ("sync", AIV, [1000] * 2), ("later", AIV, [1000])]
    work = make_work(tasks, sync_start=[False, True, False])
    trace = run(work, quick_chip(submit_fixed_ns=1000))
    busy, cohort, later = (of_task(trace, task) for task in range(3))
    assert cohort["dispatch_ps"].min() > busy["finish_ps"].max()
    # All blocks in running slots: none of them waits behind another kernel.
    assert cohort["start_ps"].max() - cohort["start_ps"].min() < 100_000
    # Nothing else is dispatched meanwhile, although a core is idle.
    assert later["dispatch_ps"][0] > cohort["dispatch_ps"].max()
    waits = trace.waits[trace.waits["task"] == 1]
    assert WaitReason.SYNC in waits["reason"]
    assert WaitReason.QUEUE not in waits["reason"]


def test_without_the_flag_nobody_drains():
    tasks = [("busy", AIV, [30_000]), ("spmd", AIV, [1000] * 2), ("later", AIV, [1000])]
    trace = run(make_work(tasks), quick_chip(submit_fixed_ns=1000))
    assert not len(phases(trace, PhaseKind.DRAIN))
    # A block waits behind the busy core instead of both cores for each other.
    assert of_task(trace, 1)["dispatch_ps"].max() < of_task(trace, 0)["end_ps"][0]


def test_a_cohort_larger_than_the_chip_is_refused():
    work = make_work([("sync", AIC, [1000] * 3)], sync_start=[True])
    with pytest.raises(
        DeadlockError,
        match=r"^sync_start of task 0 \(sync\): 3 blocks must be on cores at once, and a2a3 has "
        r"places for 2 of type AIC; expected at most that; launch fewer blocks$",
    ):
        run(work, round_chip(clusters=2))


def test_cohorts_follow_each_other():
    work = make_work([(f"sync{i}", AIV, [1000] * 4) for i in range(5)], sync_start=[True] * 5)
    trace = run(work, quick_chip(clusters=2, threads=2))
    starts = [of_task(trace, task)["start_ps"].min() for task in range(5)]
    assert starts == sorted(starts)
    assert len(trace.slices) == 20


def test_two_cohorts_at_once_wait_for_each_other():
    # Both threads find one at the same look; only one drain may be under way.
    work = make_work([(f"sync{i}", AIC, [100] * 2) for i in range(2)], sync_start=[True] * 2)
    trace = run(work, round_chip(clusters=2), policy="host_build_graph")
    assert len(trace.slices) == 4
    assert of_task(trace, 1)["dispatch_ps"].min() > of_task(trace, 0)["dispatch_ps"].max()

"""The second slot of a core: when it is filled, and what its owner sees of it."""

import numpy as np
import pytest

from npusim.program import CoreType
from npusim.trace import WaitReason
from tests.runtime_builder import make_work, of_task, quick_chip, run

AIC, AIV, MIX = CoreType.AIC, CoreType.AIV, CoreType.MIX


def two_blocks(**figures):
    """Two tasks for one AIC, the second long before the first ends."""
    work = make_work([("a", AIC, [5000]), ("b", AIC, [1000])])
    return run(work, quick_chip(core_switch_ns=150, **figures))


def test_a_staged_block_follows_after_the_switch():
    a, b = two_blocks().slices
    # 150 ns switch, 50 ns setup.
    assert b["receive_ps"] - a["end_ps"] == 150_000
    assert b["start_ps"] - a["end_ps"] == 200_000
    assert b["dispatch_ps"] < a["end_ps"]


def test_with_one_slot_the_core_waits_for_its_scheduler():
    a, b = two_blocks(core_slot_count=1).slices
    assert b["dispatch_ps"] > a["finish_ps"] > a["end_ps"]
    assert b["start_ps"] - a["end_ps"] > 1_000_000


def test_the_pending_slot_is_filled_only_after_the_ack_was_read():
    a, b = two_blocks().slices
    # The ACK comes with the start and takes as long as a FIN to be seen.
    assert b["dispatch_ps"] > a["start_ps"] + 20_000
    slow = two_blocks(core_setup_ns=3000).slices
    assert slow[1]["dispatch_ps"] > slow[0]["start_ps"] > a["start_ps"]


def test_the_end_of_a_kernel_is_seen_through_the_ack_of_the_next():
    a, b = two_blocks().slices
    assert a["finish_ps"] >= b["start_ps"] + 20_000
    alone = two_blocks(core_slot_count=1).slices[0]
    assert alone["finish_ps"] - alone["end_ps"] < a["finish_ps"] - a["end_ps"]


def test_a_short_block_behind_another_is_seen_with_it():
    work = make_work([("a", AIC, [5000]), ("b", AIC, [1])])
    a, b = run(work, quick_chip(poll_per_core_ns=2000, core_switch_ns=150)).slices
    assert a["finish_ps"] == b["finish_ps"]


def test_a_core_holds_two_blocks_and_no_more():
    work = make_work([(name, AIC, [20_000]) for name in "abcd"])
    slices = run(work, quick_chip()).slices
    ends = slices["end_ps"]
    assert slices["dispatch_ps"][1] < ends[0]
    assert np.all(slices["dispatch_ps"][2:] > ends[:2])


def test_idle_cores_come_before_pending_slots():
    work = make_work([("spmd", AIV, [5000] * 3)])
    slices = run(work, quick_chip()).slices
    lanes = slices["lane"].tolist()
    assert sorted(lanes[:2]) == [1, 2]
    assert slices["dispatch_ps"][2] > slices["dispatch_ps"][1]


def test_pending_slots_wait_until_no_other_thread_has_an_idle_core():
    chip = quick_chip(clusters=2, threads=2)
    work = make_work([("a", AIC, [5000]), ("b", AIC, [5000]), ("c", AIC, [5000])])
    slices = run(work, chip).slices
    assert len(set(slices["lane"][:2].tolist())) == 2
    assert of_task(run(work, chip), 2)["dispatch_ps"][0] < slices["end_ps"][0]


def test_a_mix_block_may_wait_behind_the_cores_of_its_cluster():
    work = make_work([("v", AIV, [9000]), ("m", MIX, [1000])])
    trace = run(work, quick_chip(submit_fixed_ns=1000))
    vector, mix = of_task(trace, 0)[0], of_task(trace, 1)
    assert set(mix["dispatch_ps"]) == {mix["dispatch_ps"][0]}
    assert mix["dispatch_ps"][0] < vector["end_ps"] < mix["start_ps"][0]
    assert len(set(mix["start_ps"].tolist())) == 1
    waits = trace.waits[(trace.waits["task"] == 1) & (trace.waits["reason"] == WaitReason.SYNC)]
    assert set(waits["lane"].tolist()) == {0, 2}


@pytest.mark.parametrize(("observer", "is_before"), [(False, True), (True, False)])
def test_pmu_counting_keeps_a_core_from_holding_a_second_block(observer, is_before):
    work = make_work([("a", AIC, [5000]), ("b", AIC, [1000])])
    a, b = run(work, quick_chip(), pmu=2, observer=observer, swimlane_level=0).slices
    assert (b["dispatch_ps"] < a["end_ps"]) == is_before

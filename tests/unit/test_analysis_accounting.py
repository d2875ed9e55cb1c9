import pytest

from npusim.analysis import NO_WORK, core_accounts, idle_waits, scope_accounts, scope_names
from npusim.trace import Trace, WaitReason
from tests.trace_builder import TraceBuilder


def small_trace(*, has_waits: bool = True) -> Trace:
    """AIC[0]: qk 0-10, pv 16-20. AIV[0]: softmax 12-15, no work. AIV[1]: nothing at all."""
    builder = TraceBuilder(aic=1, aiv=2, has_waits=has_waits)
    qk, softmax, pv = (builder.task(*spec) for spec in (("qk", "aic"), ("sm",), ("pv", "aic")))
    builder.run(qk, "AIC[0]", 0, 10, stall_us=2)
    builder.run(softmax, "AIV[0]", 12, 15, blamed=qk, setup_us=1)
    builder.run(pv, "AIC[0]", 16, 20, blamed=softmax, reason=WaitReason.SYNC)
    return builder.build()


def test_busy_and_waits_of_each_core_type() -> None:
    aic, aiv = core_accounts(small_trace())
    us = 1_000_000
    assert (aic.lanes, aic.lane_time_ps, aic.total.busy_ps) == (1, 20 * us, 14 * us)
    assert aic.total.waits_ps[WaitReason.SYNC] == 6 * us
    assert aic.total.stall_ps == 2 * us
    assert (aiv.lanes, aiv.lane_time_ps, aiv.total.busy_ps) == (2, 40 * us, 3 * us)
    assert aiv.total.waits_ps[WaitReason.DEPENDENCY] == 11 * us
    assert aiv.total.waits_ps[WaitReason.DISPATCH] == 1 * us
    assert aiv.total.waits_ps[WaitReason.NO_WORK] == 25 * us
    assert aic.utilisation_percent == pytest.approx(70)


def test_a_wait_belongs_to_the_scope_that_ended_it() -> None:
    accounts = dict(scope_accounts(small_trace()))
    assert list(accounts) == ["qk", "sm", "pv", NO_WORK]
    assert [one.wait_ps // 1_000_000 for one in accounts.values()] == [0, 12, 6, 25]
    assert accounts["qk"].lanes == 1
    assert accounts[NO_WORK].lanes == 2


def test_a_mix_block_is_one_block_on_three_cores() -> None:
    builder = TraceBuilder(aic=1, aiv=2)
    task = builder.task("rope", "mix")
    for lane in ("AIC[0]", "AIV[0]", "AIV[1]"):
        builder.run(task, lane, 0, 4)
    ((_, account), _) = scope_accounts(builder.build())
    assert (account.tasks, account.blocks, account.slices, account.lanes) == (1, 1, 3, 3)


def test_gaps_of_a_capture_without_waits_are_unknown() -> None:
    waits = idle_waits(small_trace(has_waits=False))
    assert [(int(w["lane"]), WaitReason(int(w["reason"])).name, int(w["task"])) for w in waits] == [
        (0, "UNKNOWN", 2),
        (1, "UNKNOWN", 1),
        (1, "NO_WORK", -1),
        (2, "NO_WORK", -1),
    ]


@pytest.mark.parametrize("has_waits", [True, False])
def test_busy_and_waits_fill_the_lane_time(has_waits: bool) -> None:
    for account in core_accounts(small_trace(has_waits=has_waits)):
        assert account.total.busy_ps + account.total.wait_ps == account.lane_time_ps


def test_waits_without_a_task_have_their_own_row() -> None:
    trace = small_trace()
    waits = trace.waits.copy()
    waits["task"][waits["reason"] == WaitReason.SYNC] = -1
    other = Trace(
        trace.info, trace.lanes, trace.tasks, trace.slices, waits, trace.phases, trace.edges
    )
    aic = core_accounts(other)[0]
    assert [scope for scope, _ in aic.scopes] == ["qk", "pv", "(no task)", NO_WORK]
    assert sum(one.wait_ps for _, one in aic.scopes) == aic.total.wait_ps


def test_an_empty_trace_has_accounts_of_zero() -> None:
    for account in core_accounts(TraceBuilder(aic=0, aiv=0).build()):
        assert (account.total.busy_ps, account.lane_time_ps) == (0, 0)
        assert account.utilisation_percent == 0


def test_scope_names_are_in_order_of_submission() -> None:
    assert scope_names(small_trace()) == ("qk", "sm", "pv")


def test_analysis_leaves_the_trace_alone() -> None:
    trace = small_trace()
    before = [records.tobytes() for records in (trace.slices, trace.waits)]
    core_accounts(trace)
    scope_accounts(trace)
    idle_waits(trace)
    assert [records.tobytes() for records in (trace.slices, trace.waits)] == before

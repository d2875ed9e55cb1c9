import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.analysis import bubble_table, compare, core_accounts, waits_by_reason
from npusim.trace import Trace, WaitReason
from tests.trace_builder import TraceBuilder

pytestmark = pytest.mark.property

REASONS = [reason for reason in WaitReason if reason is not WaitReason.NO_WORK]
LANES = ["AIC[0]", "AIC[1]", "AIV[0]", "AIV[1]", "AIV[2]"]


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Random slices, gaps, scopes and reasons on five lanes, in whole picoseconds."""
    builder = TraceBuilder(aic=2, aiv=3, has_waits=draw(st.booleans()))
    now_us = dict.fromkeys(LANES, 0.0)
    length_us = st.integers(0, 3_000_000).map(lambda ps: ps / 1_000_000)
    for _ in range(draw(st.integers(0, 12))):
        lane = draw(st.sampled_from(LANES))
        core_type = lane[:3].lower()
        task = builder.task(draw(st.sampled_from(["qk", "pv", "norm"])), core_type)
        start_us = round(now_us[lane] + draw(length_us), 6)
        now_us[lane] = round(start_us + draw(length_us), 6)
        builder.run(
            task, lane, start_us, now_us[lane], reason=draw(st.sampled_from(REASONS)), setup_us=0.1
        )
    return builder.build()


@given(traces())
def test_busy_and_waits_fill_every_core_type(trace: Trace) -> None:
    for account in core_accounts(trace):
        assert account.total.busy_ps + account.total.wait_ps == account.lane_time_ps


@given(traces())
def test_scopes_partition_every_core_type(trace: Trace) -> None:
    for account in core_accounts(trace):
        parts = [one for _, one in account.scopes]
        assert sum(one.busy_ps for one in parts) == account.total.busy_ps
        assert sum(one.blocks for one in parts) == account.total.blocks
        for reason in WaitReason:
            waits_ps = sum(one.waits_ps[reason] for one in parts)
            assert waits_ps == account.total.waits_ps[reason]


@given(traces())
def test_tables_add_up_to_the_picosecond(trace: Trace) -> None:
    for row in waits_by_reason(trace).to_json():
        parts = ["busy_us", *(f"{reason.name.lower()}_us" for reason in WaitReason)]
        assert sum(_ps(row[name]) for name in parts) == _ps(row["span_us"])
    assert {row["scope"] for row in bubble_table(trace).to_json()} >= {"(all)", "(no work)"}


@given(traces(), traces())
def test_lane_time_explains_the_comparison(a: Trace, b: Trace) -> None:
    comparison = compare(a, b)
    lanes = 5
    changed_ps = sum(one.delta for _, one in comparison.busy_ps)
    changed_ps += sum(one.waits_ps.delta for one in comparison.reasons)
    assert changed_ps == lanes * comparison.makespan_ps.delta
    by_scope = sum(one.busy_ps.delta + one.waits_ps.delta for one in comparison.scopes)
    assert by_scope == changed_ps


@given(traces())
def test_a_run_does_not_differ_from_itself(trace: Trace) -> None:
    comparison = compare(trace, trace)
    assert comparison.verdict.startswith("b takes as long as a")
    assert all(one.largest[1].delta == 0 for one in comparison.scopes)


def _ps(value: object) -> int:
    assert isinstance(value, float)
    return round(value * 1_000_000)

"""Busy cores over time: exact steps, exact means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.analysis import core_accounts
from npusim.analysis.core_counts import core_counts
from npusim.trace import LaneKind
from npusim.units import us_to_ps
from tests.trace_builder import TraceBuilder, layered_trace


def small_trace():
    builder = TraceBuilder(aic=1, aiv=3)
    a, b = builder.task("norm"), builder.task("rope")
    builder.run(builder.task("qk", "aic"), "AIC[0]", 0, 50)
    builder.run(a, "AIV[0]", 0, 10)
    builder.run(a, "AIV[1]", 5, 20)
    builder.run(b, "AIV[2]", 10, 20)
    return builder.build()


def test_counts_step_where_a_kernel_begins_or_ends():
    found = core_counts(small_trace(), LaneKind.AIV)
    assert found.lanes == 3
    assert found.scopes == ("norm", "rope")
    assert found.moments_ps.tolist() == [us_to_ps(one) for one in (0, 5, 10, 20)]
    assert found.counts.tolist() == [[1, 2, 1], [0, 0, 1]]


def test_the_mean_counts_each_slice_by_the_part_of_the_bin_it_covers():
    found = core_counts(small_trace(), LaneKind.AIV)
    edges = np.array([us_to_ps(one) for one in (0, 10, 15, 40)])
    assert found.mean_in(edges) == pytest.approx(np.array([[1.5, 1, 0.2], [0, 1, 0.2]]))


def test_a_core_type_without_work_has_no_moments():
    found = core_counts(TraceBuilder(aic=2, aiv=0).build(), LaneKind.AIC)
    assert (found.lanes, found.scopes, len(found.moments_ps), found.busy_ps) == (2, (), 0, 0)
    assert found.mean_in(np.array([0, 10])).shape == (0, 1)


@given(st.integers(0, 10**6), st.integers(1, 40))
def test_core_time_under_the_counts_is_the_busy_time(seed, blocks):
    scopes = {"qk": "aic", "mixed": "mix", "softmax": "aiv"}
    trace = layered_trace(scopes, blocks=blocks, aic=3, aiv=6, seed=seed)
    for account in core_accounts(trace):
        found = core_counts(trace, account.core_type)
        assert found.busy_ps == account.total.busy_ps
        assert found.counts.sum(axis=0).max() <= found.lanes
        edges = np.linspace(0, trace.span_ps[1], 8).astype(np.int64)
        total = (found.mean_in(edges) * np.diff(edges)).sum()
        assert total == pytest.approx(account.total.busy_ps)

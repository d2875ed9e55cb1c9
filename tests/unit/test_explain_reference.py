"""The reference kernel explained: exact in every version, and between any two of them.

Before and mid read the prompt only and refuse ratio 4 (test_kernel_prefill_guards), so four of the
six combinations of version and ratio exist.
"""

import functools
from itertools import combinations

import numpy as np
import pytest

from npusim.analysis import compare
from npusim.analysis.cause_table import cause_table, lane_causes
from npusim.analysis.causes import CAUSES, Cause, idle_causes
from npusim.analysis.observed_path import PathKind, observed_path
from npusim.analysis.path_units import path_parts
from npusim.api import RunRequest, load_kernel, run_kernel
from npusim.api.evidence import Evidence
from npusim.api.units import NO_INSTRUCTIONS, unit_times
from npusim.trace import LaneKind

pytestmark = pytest.mark.slow
CASES = [("before", 0), ("mid", 0), ("after", 0), ("after", 4)]


@functools.cache
def evidence(variant, ratio):
    case = load_kernel("prefill_sparse_attn").case(variant, options={"compress_ratio": ratio})
    run = run_kernel(case, RunRequest(is_verified=False))
    return Evidence(f"{variant}{ratio}", run.trace, run.program)


@functools.cache
def units(case):
    return unit_times(evidence(*case))


@pytest.mark.parametrize("case", CASES)
def test_causes_add_up_to_the_idle_time_of_every_lane(case):
    run = evidence(*case)
    trace = run.trace
    causes = idle_causes(trace, run.needed_edges)
    idle_ps = lane_causes(trace, causes).sum(axis=1)
    busy_ps = np.zeros(len(trace.lanes), np.int64)
    np.add.at(busy_ps, trace.slices["lane"], trace.slices["end_ps"] - trace.slices["start_ps"])
    lanes = trace.lane_indices(LaneKind.AIC, LaneKind.AIV)
    assert len(lanes) == 72
    assert {int(idle_ps[lane] + busy_ps[lane]) for lane in lanes} == {trace.makespan_ps}
    assert not (causes["cause"] == CAUSES.index(Cause.UNKNOWN)).any()
    blamed = causes[causes["cause"] <= CAUSES.index(Cause.FALSE_DEPENDENCY)]["blamed"]
    assert (blamed >= 0).all()


@pytest.mark.parametrize("case", CASES)
def test_every_row_of_the_cause_table_adds_up(case):
    run = evidence(*case)
    table = cause_table(run.trace, run.needed_edges)
    names = [f"{cause}_us" for cause in Cause]
    by_type: dict[str, float] = {}
    for row in table.to_json():
        parts_us = row["busy_us"] + sum(row[name] for name in names)
        assert parts_us == pytest.approx(row["span_us"], abs=1e-6)
        assert row["unknown_us"] == 0
        if row["scope"] != "(all)":
            by_type[row["core_type"]] = by_type.get(row["core_type"], 0.0) + row["span_us"]
    makespan_us = run.trace.makespan_ps / 1e6
    assert by_type == pytest.approx({"aic": 24 * makespan_us, "aiv": 48 * makespan_us})


@pytest.mark.parametrize("case", CASES)
def test_units_split_every_kernel_of_the_path(case):
    trace = evidence(*case).trace
    parts = path_parts(observed_path(trace), units(case))
    assert sum(parts.values()) == trace.makespan_ps
    named = {part.unit for part in parts if part.kind is PathKind.COMPUTE}
    assert {"", NO_INSTRUCTIONS}.isdisjoint(named)


@pytest.mark.parametrize(("one", "other"), list(combinations(CASES, 2)))
def test_a_comparison_adds_up_to_the_picosecond(one, other):
    a, b = evidence(*one).trace, evidence(*other).trace
    found = compare(a, b, (units(one), units(other))).decomposition
    delta_ps = b.makespan_ps - a.makespan_ps
    assert found.has_units
    assert sum(part.time_ps.delta for part in found.parts) == delta_ps
    for sums in (found.by_kind(), found.by_scope()):
        assert sum(change.delta for change in sums.values()) == delta_ps
    compute = found.by_kind()[PathKind.COMPUTE].delta
    assert sum(change.delta for change in found.by_unit().values()) == compute


def test_scalar_reads_are_what_the_index_scans_cost():
    """KERNEL_SPEC section 9: the scans of after dominate QK and softmax."""
    a, b = ("before", 0), ("after", 0)
    found = compare(evidence(*a).trace, evidence(*b).trace, (units(a), units(b))).decomposition
    scalar = {
        part.scope: part.time_ps.delta
        for part in found.parts
        if part.unit.endswith("scalar accesses")
    }
    scans = {"prefill_attn_qk_matmul_tile", "prefill_attn_softmax_tile"}
    assert set(sorted(scalar, key=lambda scope: scalar[scope])[-2:]) == scans

"""Compute of the critical path by unit, for whoever knows what happens inside kernels."""

from npusim.analysis import Change, compare
from npusim.analysis.observed_path import PathKind, observed_path
from npusim.analysis.path_units import path_parts, unit_table
from npusim.trace import Trace
from tests.trace_builder import TraceBuilder


def chain(gather_us: float, softmax_us: float) -> Trace:
    """gather, 5 us of data wait, softmax."""
    builder = TraceBuilder(aic=1, aiv=2)
    gather, softmax = builder.task("gather"), builder.task("softmax")
    start_us = gather_us + 5
    builder.run(gather, "AIV[0]", 0, gather_us)
    builder.run(softmax, "AIV[1]", start_us, start_us + softmax_us, blamed=gather)
    builder.edge(gather, softmax)
    return builder.build()


def scalar_units(scalar_us: float):
    """Every kernel: so many microseconds of scalar accesses, the rest on V."""

    def split(segment):
        scalar_ps = min(round(scalar_us * 1e6), segment.length_ps)
        return {"AIV scalar accesses": scalar_ps, "AIV V": segment.length_ps - scalar_ps}

    return split


def test_parts_tile_the_makespan_with_units_and_without():
    path = observed_path(chain(30, 10))
    plain, split = path_parts(path), path_parts(path, scalar_units(8))
    assert sum(plain.values()) == sum(split.values()) == path.trace.makespan_ps
    assert plain["gather", PathKind.COMPUTE, ""] == 30_000_000
    assert split["gather", PathKind.COMPUTE, "AIV V"] == 22_000_000
    assert split["softmax", PathKind.DATA_WAIT, ""] == plain["softmax", PathKind.DATA_WAIT, ""]


def test_the_table_has_the_longest_unit_of_each_scope_first_and_the_sum_last():
    rows = unit_table(observed_path(chain(30, 10)), scalar_units(8)).rows
    assert [row[:3] for row in rows] == [
        ("gather", "AIV V", 22.0),
        ("gather", "AIV scalar accesses", 8.0),
        ("softmax", "AIV scalar accesses", 8.0),
        ("softmax", "AIV V", 2.0),
        ("(compute)", "", 40.0),
    ]


def test_a_comparison_splits_compute_by_unit_exactly():
    a, b = chain(30, 10), chain(42.000001, 14)
    found = compare(a, b, (scalar_units(8), scalar_units(12))).decomposition
    assert found.has_units
    assert found.delta_ps == b.makespan_ps - a.makespan_ps == 16_000_001
    assert found.by_unit() == {
        "AIV scalar accesses": Change(16_000_000, 24_000_000),
        "AIV V": Change(24_000_000, 32_000_001),
    }
    assert found.to_json()["parts"][0]["unit"] == "AIV V"
    assert found.table("").columns[2].name == "unit"


def test_the_verdict_names_units_and_the_scopes_behind_them():
    verdict = compare(chain(30, 10), chain(42, 14), (scalar_units(8), scalar_units(12))).verdict
    assert verdict.endswith(
        "Critical path: +8.0 us V in gather, +8.0 us scalar accesses in gather and softmax."
    )


def test_a_scope_with_one_unit_on_either_core_is_named_once():
    """A MIX loads on its AIC and on its AIVs."""

    def split(segment):
        return {"AIC MTE2": segment.length_ps // 2, "AIV MTE2": segment.length_ps // 2}

    verdict = compare(chain(30, 10), chain(42, 10), (split, split)).verdict
    assert verdict.endswith("Critical path: +12.0 us MTE2 in gather.")


def test_units_of_one_run_alone_split_nothing():
    """The twin: a capture beside a simulated run."""
    found = compare(chain(30, 10), chain(42, 14), (scalar_units(8), None))
    assert not found.decomposition.has_units
    assert found.decomposition.by_unit() == {}
    assert {part.unit for part in found.decomposition.parts} == {""}
    assert found.verdict.endswith("Critical path: +16.0 us kernels of gather and softmax.")


def test_scopes_beyond_the_third_are_counted():
    def wide(us: float) -> Trace:
        builder = TraceBuilder(aic=1, aiv=1)
        before = None
        for index in range(6):
            task = builder.task(f"s{index}")
            start_us = index * us
            builder.run(task, "AIV[0]", start_us, start_us + us)
            if before is not None:
                builder.edge(before, task)
            before = task
        return builder.build()

    verdict = compare(wide(10), wide(11)).verdict
    assert verdict.endswith("+6.0 us kernels of s0, s1, s2 and 3 more.")


def test_print_sums_up_what_hardly_changed():
    found = compare(chain(30, 10), chain(30, 10.00001))
    text = str(found)
    assert "parts that hardly changed)" in text
    assert "parts that hardly changed)" not in str(found.path_table())

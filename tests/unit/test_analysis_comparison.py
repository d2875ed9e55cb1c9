import json

import pytest

from npusim.analysis import Change, compare
from npusim.analysis.verdict import write_verdict
from npusim.trace import Trace
from npusim.units import us_to_ps
from tests.trace_builder import TraceBuilder


def run(qk_us: float, gap_us: float, *, last: str = "pv", aiv: int = 1) -> Trace:
    """AIC[0]: qk, then a dependency gap, then ``last`` for 10 us."""
    builder = TraceBuilder(aic=1, aiv=aiv)
    qk, second = builder.task("qk", "aic"), builder.task(last, "aic")
    builder.run(qk, "AIC[0]", 0, qk_us)
    builder.run(second, "AIC[0]", qk_us + gap_us, qk_us + gap_us + 10, blamed=qk)
    return builder.build()


def test_verdict_of_a_slower_run() -> None:
    assert compare(run(80, 10), run(84, 18)).verdict == (
        "b is 12.0 % slower (100.0 -> 112.0 us). Lane time: busy +4.0 us, dependency waits "
        "+8.0 us, without work +12.0 us; largest change: pv waits +8.0 us. Critical path: +8.0 us "
        "core waits before pv, +4.0 us kernels of qk."
    )


def test_verdict_of_a_faster_run() -> None:
    verdict = compare(run(80, 10), run(70, 10)).verdict
    assert verdict.startswith("b is 10.0 % faster (100.0 -> 90.0 us). Lane time: busy -10.0 us")
    assert verdict.endswith(
        "largest change: qk busy -10.0 us. Critical path: -10.0 us kernels of qk."
    )


def test_verdict_of_equal_runs() -> None:
    assert compare(run(80, 10), run(80, 10)).verdict == (
        "b takes as long as a (100.0 us). Lane time: busy +0.0 us."
    )


def test_verdict_shows_a_difference_of_one_picosecond() -> None:
    verdict = compare(run(80, 10), run(80.000001, 10)).verdict
    assert verdict.startswith("b is 1e-06 % slower (100.000000 -> 100.000001 us).")


def test_verdict_against_an_empty_run_has_no_percentage() -> None:
    verdict = compare(TraceBuilder().build(), run(80, 10)).verdict
    assert verdict.startswith("b is slower (0.0 -> 100.0 us).")


def test_scopes_of_one_side_count_as_zero_in_the_other() -> None:
    scopes = {one.scope: one for one in compare(run(80, 10), run(80, 10, last="store")).scopes}
    assert scopes["pv"].busy_ps == Change(10_000_000, 0)
    assert scopes["store"].blocks == Change(0, 1)
    assert scopes["store"].waits_ps.delta == 10_000_000


def test_changes_are_ranked_by_size() -> None:
    comparison = compare(run(80, 10), run(95, 30))
    deltas = [abs(one.largest[1].delta) for one in comparison.scopes]
    assert deltas == sorted(deltas, reverse=True)
    assert comparison.scopes[0].scope == "(no work)"
    reasons = [abs(one.waits_ps.delta) for one in comparison.reasons]
    assert reasons == sorted(reasons, reverse=True)
    assert len(reasons) == 16


def test_json_has_makespan_scopes_and_waits() -> None:
    found = compare(run(80, 10), run(90, 10, aiv=3)).to_json()
    assert found["makespan_us"] == {"a": 100.0, "b": 110.0, "delta": 10.0, "percent": 10.0}
    assert found["lanes"]["aiv"] == {"a": 1, "b": 3, "delta": 2}
    assert found["busy_us"]["aic"] == {"a": 90.0, "b": 100.0, "delta": 10.0}
    assert found["waits"][0] == {
        "core_type": "aiv",
        "reason": "no_work",
        "waits_us": {"a": 100.0, "b": 330.0, "delta": 230.0},
    }
    assert json.loads(json.dumps(found)) == found


def test_swapping_the_runs_negates_every_delta() -> None:
    one, other = run(80, 10), run(90, 30, last="store")
    forth = {scope.scope: scope.busy_ps.delta for scope in compare(one, other).scopes}
    back = {scope.scope: -scope.busy_ps.delta for scope in compare(other, one).scopes}
    assert forth == back


def test_tables_name_both_runs_and_show_signs() -> None:
    comparison = compare(run(80, 10), run(90, 10))
    total, path, reasons, scopes, tasks, edges = comparison.tables()
    assert path.rows[-1] == ("(makespan)", "", 100.0, 110.0, 10.0)
    assert tasks.column("both") == (1, 1)
    assert edges.rows == ()
    assert total.title == "Totals: a = demo default on a2a3, b = demo default on a2a3"
    assert total.rows[0] == ("makespan", 100.0, 110.0, 10.0, 10.0)
    assert "+10.0" in str(total)
    assert len(reasons.rows) == 16
    assert "qk" in scopes.column("scope")
    assert str(comparison).startswith(comparison.verdict)


@pytest.mark.parametrize(
    ("change", "percent"),
    [(Change(0, 0), 0.0), (Change(0, 5), None), (Change(4, 5), 25.0), (Change(4, 0), -100.0)],
)
def test_percent_of_a_change(change: Change, percent: float | None) -> None:
    assert change.percent == percent


def test_the_parts_of_the_decomposition_add_up_in_picoseconds() -> None:
    a, b = run(80, 10), run(93.000001, 7.5, last="store", aiv=2)
    found = compare(a, b).decomposition
    assert found.delta_ps == b.makespan_ps - a.makespan_ps == 10_500_001
    assert sum(one.delta for one in found.by_kind().values()) == found.delta_ps
    assert sum(one.delta for one in found.by_scope().values()) == found.delta_ps
    assert sum(part["delta_ps"] for part in found.to_json()["parts"]) == found.delta_ps


def test_tasks_and_edges_are_aligned_by_scope_and_number() -> None:
    def build(*, lane: str, late_us: float, edge: bool) -> Trace:
        builder = TraceBuilder(aic=1, aiv=2)
        qk, pv = builder.task("qk", "aic"), builder.task("pv")
        extra = builder.task("extra")
        builder.run(qk, "AIC[0]", 0, 10)
        builder.run(pv, lane, 12 + late_us, 20 + late_us)
        builder.edge(qk, extra)
        if edge:
            builder.edge(qk, pv)
        return builder.build()

    a, b = build(lane="AIV[0]", late_us=0, edge=True), build(lane="AIV[1]", late_us=3, edge=False)
    found = compare(a, b).alignment
    rows = {row["scope"]: row for row in found.task_table("").to_json()}
    assert (rows["pv"]["moved"], rows["pv"]["mean_shift_us"]) == (1, 3.0)
    assert (rows["qk"]["moved"], rows["qk"]["mean_shift_us"]) == (0, 0.0)
    assert [tuple(row.values()) for row in found.edge_table("").to_json()] == [
        ("qk", "pv", 0, 1, 0),
        ("qk", "extra", 1, 0, 0),
    ]


def test_a_run_against_itself_moves_nothing() -> None:
    """The twin of the cases above."""
    found = compare(run(80, 10), run(80, 10))
    assert found.decomposition.delta_ps == 0
    assert all(one.moved == 0 and not one.shift_ps for one in found.alignment.scopes)
    assert not any(one.vanished or one.appeared for one in found.alignment.edges)


def test_the_verdict_writes_thousands_like_the_pictures():
    sentence = write_verdict(
        Change(us_to_ps(1000), us_to_ps(2500)), Change(0, us_to_ps(1500)), (), ()
    )
    assert sentence.startswith(
        "b is 150.0 % slower (1,000.0 -> 2,500.0 us). Lane time: busy +1,500"
    )

import pytest

from npusim.analysis.limits import find_limits
from npusim.trace import Trace
from npusim.units import us_to_ps
from tests.planted import AIC, AIV, planted
from tests.trace_builder import TraceBuilder


def times(trace: Trace, memory_ps: int | None = None) -> dict[str, float | None]:
    rows = find_limits(trace, memory_ps).table().to_json()
    return {str(row["limit"]): row["time_us"] for row in rows}  # type: ignore[misc]


def test_bounds_and_schedules_of_a_chain() -> None:
    trace = planted([("a", AIC, 50.0), ("b", AIV, 10.0)], [(0, 1)])
    found = times(trace)
    assert (found["dependency"], found["zero_gap"], found["list_path"]) == (60, 60, 60)
    assert found["work_aic"] == pytest.approx(50 / 24, abs=1e-5)
    assert found["makespan"] > 60
    limits = find_limits(trace)
    assert limits.largest.name == "dependency"
    assert limits.verdict.startswith("Limited by dependency: ")
    assert "gaps that no dependency demands" in limits.verdict


def test_slow_submits_are_the_limit() -> None:
    trace = planted([("a", AIC, 5.0)] * 20, submit_ns=[20_000.0] * 20)
    limits = find_limits(trace)
    assert limits.largest.name == "orchestrator"
    assert limits.time_ps("orchestrator") == pytest.approx(trace.makespan_ps, rel=0.02)


def test_traffic_is_a_limit_where_it_is_known() -> None:
    trace = planted([("a", AIC, 50.0)])
    assert times(trace)["memory"] is None
    assert find_limits(trace, us_to_ps(49)).time_ps("memory") == us_to_ps(49)
    assert find_limits(trace, us_to_ps(51)).largest.name == "memory"


def test_no_bound_exceeds_the_makespan() -> None:
    tasks = [("a", AIC, 7.0)] * 40 + [("b", AIV, 3.0)] * 100
    trace = planted(tasks, [(one % 40, one) for one in range(40, 140)], warm_up=True)
    for limit in find_limits(trace).limits:
        if limit.time_ps is not None and limit.is_bound:
            assert limit.time_ps <= trace.makespan_ps


def test_a_trace_without_kernels() -> None:
    assert find_limits(TraceBuilder().build()).verdict == "Nothing ran."


def test_a_trace_without_submits_has_no_orchestrator_bound() -> None:
    builder = TraceBuilder()
    builder.run(builder.task("a"), "AIV[0]", 0, 10)
    assert times(builder.build())["orchestrator"] is None

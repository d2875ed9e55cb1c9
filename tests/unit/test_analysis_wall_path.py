from npusim.analysis.wall_path import wall_path
from npusim.units import PS_PER_US
from tests.trace_builder import TraceBuilder


def test_a_chain_with_a_busy_core() -> None:
    builder = TraceBuilder(aic=1, aiv=2)
    qk, softmax = builder.task("qk", "aic"), builder.task("softmax", "aiv", blocks=2)
    other, last = builder.task("other", "aic"), builder.task("last", "aic")
    builder.run(qk, "AIC[0]", 0, 10)
    builder.run(softmax, "AIV[0]", 12, 15, block=0)
    builder.run(softmax, "AIV[1]", 13, 20, block=1)
    builder.run(other, "AIC[0]", 11, 30)
    builder.run(last, "AIC[0]", 31, 40)
    builder.edge(qk, softmax)
    builder.edge(softmax, last)
    path = wall_path(builder.build())
    assert path.makespan_ps == 40 * PS_PER_US
    # qk 10, softmax from its first start to its last end 8, last 9.
    assert (path.static_ps, path.static_tasks) == (27 * PS_PER_US, (qk, softmax, last))
    assert path.observed_tasks == (qk, other, last)
    assert (path.compute_ps, path.stall_ps) == (38 * PS_PER_US, 2 * PS_PER_US)


def test_a_dependency_that_the_times_contradict_does_not_count() -> None:
    builder = TraceBuilder(aic=1, aiv=1)
    a, b = builder.task("a", "aic"), builder.task("b", "aiv")
    builder.run(a, "AIC[0]", 0, 10)
    builder.run(b, "AIV[0]", 5, 9)
    builder.edge(a, b)
    assert wall_path(builder.build()).static_ps == 10 * PS_PER_US


def test_a_trace_without_kernels() -> None:
    assert wall_path(TraceBuilder().build()).makespan_ps == 0

"""Bounds and schedules of a graph as large as those that users replay."""

import numpy as np
import pytest

from npusim.analysis.bounds import lower_bounds
from npusim.analysis.schedules import ListRule, list_schedule, zero_gap
from npusim.analysis.work_graph import WorkGraph, work_graph
from npusim.trace import EDGE_DTYPE, Trace
from tests.trace_builder import TraceBuilder

TASKS, EDGES_PER_TASK = 20_000, 8
MAX_SECONDS = 2.0
"""For each of them alone on one core."""


@pytest.fixture(scope="module")
def trace() -> Trace:
    random = np.random.default_rng(3)
    builder = TraceBuilder(24, 48, has_waits=False)
    free = np.zeros(72)
    for index in range(TASKS):
        kind, core = ("aic", index % 24) if index % 2 else ("aiv", index % 48)
        lane = core if kind == "aic" else 24 + core
        task, duration = builder.task(f"f{index % 9}", kind), random.uniform(5, 50)
        builder.run(task, f"{kind.upper()}[{core}]", free[lane], free[lane] + duration)
        free[lane] += duration
    built = builder.build()
    order = built.slices["task"][np.argsort(built.slices["start_ps"], kind="stable")]
    ranks = np.sort(random.integers(0, TASKS, (TASKS * EDGES_PER_TASK, 2)), axis=1)
    ranks = ranks[ranks[:, 1] - ranks[:, 0] > 200]  # far enough apart that no edge is violated
    edges = np.zeros(len(ranks), EDGE_DTYPE)
    edges["pred"], edges["succ"] = order[ranks[:, 0]], order[ranks[:, 1]]
    object.__setattr__(built, "edges", edges)
    return built


@pytest.fixture(scope="module")
def graph(trace: Trace) -> WorkGraph:
    return work_graph(trace)


def test_the_graph_of_a_trace(benchmark, trace):
    found = benchmark(work_graph, trace)
    assert found.task_count == TASKS
    assert benchmark.stats.stats.min < MAX_SECONDS


@pytest.mark.parametrize("rule", ListRule)
def test_a_list_schedule(benchmark, graph, rule):
    found = benchmark(list_schedule, graph, rule)
    assert found.makespan_ps >= lower_bounds(graph).lower_ps
    assert benchmark.stats.stats.min < MAX_SECONDS


def test_zero_gap(benchmark, graph):
    assert benchmark(zero_gap, graph).makespan_ps > 0
    assert benchmark.stats.stats.min < MAX_SECONDS


def test_bounds(benchmark, graph):
    assert benchmark(lower_bounds, graph).critical_path_ps > 0
    assert benchmark.stats.stats.min < MAX_SECONDS

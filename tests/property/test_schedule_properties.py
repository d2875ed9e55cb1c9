"""Any graph: schedules respect cores and dependencies, and no bound is ever beaten."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npusim.analysis.bounds import lower_bounds
from npusim.analysis.critical_path import static_path
from npusim.analysis.schedules import ListRule, Schedule, list_schedule, zero_gap
from npusim.analysis.work_graph import WorkGraph
from tests.graph_builder import PARTS, tasks_graph

pytestmark = pytest.mark.property

AIC, AIV = 2, 4


@st.composite
def graphs(draw: st.DrawFn, shapes: tuple[str, ...] = tuple(PARTS)) -> WorkGraph:
    count = draw(st.integers(1, 20))
    tasks = [(draw(st.sampled_from(shapes)), draw(st.integers(0, 50))) for _ in range(count)]
    edges = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))))
    blocks = [draw(st.integers(1, 3)) for _ in range(count)]
    forward = [(a, b) for a, b in edges if a < b]
    return tasks_graph(tasks, forward, aic=AIC, aiv=AIV, blocks=blocks)


def check_is_possible(graph: WorkGraph, schedule: Schedule) -> None:
    starts = schedule.block_start_ps[graph.part_block]
    ends = starts + graph.part_ps
    for lane in np.unique(schedule.part_lane):
        own = schedule.part_lane == lane
        rows = np.lexsort((ends[own], starts[own]))
        assert (starts[own][rows][1:] >= ends[own][rows][:-1]).all(), "one block at a time"
    block_end = schedule.block_start_ps + graph.block_ps
    task_end = schedule.task_ready_ps.copy()
    np.maximum.at(task_end, graph.block_task, block_end)
    for pred, succ in graph.edges.tolist():
        assert task_end[pred] <= schedule.task_ready_ps[succ]
    assert (schedule.block_start_ps >= schedule.task_ready_ps[graph.block_task]).all()
    kinds = np.array([0] * AIC + [1] * AIV)
    assert (kinds[schedule.part_lane] == graph.part_kind).all(), "on cores of its type"


@given(graphs(), st.sampled_from(ListRule))
def test_a_list_schedule_is_possible_and_beats_no_bound(graph: WorkGraph, rule: ListRule) -> None:
    schedule = list_schedule(graph, rule)
    check_is_possible(graph, schedule)
    assert schedule.makespan_ps >= lower_bounds(graph).lower_ps
    # Graham: a greedy schedule of single cores is at most twice the sum of both bounds.
    if (np.bincount(graph.part_block, minlength=1) <= 1).all():
        work = sum(
            -(-int(graph.part_ps[graph.part_kind == kind].sum()) // cores)
            for kind, cores in ((0, AIC), (1, AIV))
        )
        assert schedule.makespan_ps <= work + static_path(graph).length_ps


@given(graphs(), st.sampled_from(ListRule))
def test_closing_the_gaps_of_a_list_schedule_changes_nothing_for_the_worse(
    graph: WorkGraph, rule: ListRule
) -> None:
    schedule = list_schedule(graph, rule)
    placed = replace(
        graph,
        part_lane=schedule.part_lane,
        part_start_ps=schedule.block_start_ps[graph.part_block],
    )
    closed = zero_gap(placed)
    check_is_possible(placed, closed)
    assert closed.makespan_ps <= schedule.makespan_ps
    assert (closed.block_start_ps <= schedule.block_start_ps).all()


@given(graphs())
def test_slack_is_never_negative_and_zero_on_the_path(graph: WorkGraph) -> None:
    path = static_path(graph)
    assert (path.slack_ps >= 0).all()
    assert (path.slack_ps[list(path.tasks)] == 0).all()
    assert sum(graph.task_ps[list(path.tasks)]) == path.length_ps

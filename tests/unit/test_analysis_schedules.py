"""Bounds, critical path and schedules of small graphs whose answers are plain to see."""

import numpy as np
import pytest

from npusim.analysis.bounds import lower_bounds, work_bound_ps
from npusim.analysis.cluster_pool import ClusterPool, aiv_per_cluster
from npusim.analysis.critical_path import static_path
from npusim.analysis.schedules import ListRule, list_schedule, zero_gap
from npusim.errors import TraceError
from tests.graph_builder import tasks_graph

DIAMOND = [("aic", 10), ("aiv", 7), ("aiv", 3), ("aic", 5)]
DIAMOND_EDGES = [(0, 1), (0, 2), (1, 3), (2, 3), (1, 3)]


def test_the_critical_path_goes_over_the_longer_side():
    path = static_path(tasks_graph(DIAMOND, DIAMOND_EDGES))
    assert (path.length_ps, path.tasks) == (22, (0, 1, 3))
    assert path.earliest_ps.tolist() == [0, 10, 10, 17]
    assert path.slack_ps.tolist() == [0, 0, 4, 0]


def test_a_dummy_joins_at_no_cost():
    graph = tasks_graph([("aic", 4), ("aiv", 6), ("none", 0), ("aic", 1)], [(0, 2), (1, 2), (2, 3)])
    assert static_path(graph).length_ps == 7
    assert list_schedule(graph, ListRule.READY).makespan_ps == 7


def test_the_work_bound_is_that_of_the_busier_core_type_rounded_up():
    graph = tasks_graph([("aic", 10), ("aic", 5), ("aiv", 20)], aic=2, aiv=4)
    assert work_bound_ps(graph) == 8
    assert lower_bounds(graph).lower_ps == 20


def test_a_mix_block_works_on_all_of_its_cores():
    assert work_bound_ps(tasks_graph([("mix", 12)], aic=4, aiv=8)) == 3


def test_without_tasks_everything_is_zero():
    graph = tasks_graph([])
    assert lower_bounds(graph).lower_ps == 0
    assert static_path(graph).tasks == ()
    assert zero_gap(graph).makespan_ps == list_schedule(graph, ListRule.PATH).makespan_ps == 0


def test_zero_gap_keeps_cores_and_order_and_closes_gaps():
    graph = tasks_graph(
        [("aic", 10), ("aic", 4), ("aiv", 6), ("aic", 5)],
        [(0, 2), (2, 3)],
        placed=[(0,), (0,), (2,), (0,)],
        starts=[100, 150, 170, 300],
    )
    schedule = zero_gap(graph)
    assert schedule.block_start_ps.tolist() == [0, 10, 10, 16]
    assert schedule.part_lane.tolist() == [0, 0, 2, 0]
    assert schedule.makespan_ps == 21


def test_zero_gap_starts_the_parts_of_a_mix_block_together():
    graph = tasks_graph(
        [("aiv", 9), ("mix", 5), ("aic", 2)],
        placed=[(3,), (0, 2, 3), (0,)],
        starts=[0, 9, 14],
    )
    assert zero_gap(graph).block_start_ps.tolist() == [0, 9, 14]


def test_zero_gap_refuses_an_order_against_the_dependencies():
    """The twin: task 1 ran first on the core, but waits for task 0 that ran behind it."""
    tasks = [("aic", 5), ("aic", 5)]
    right = tasks_graph(tasks, [(0, 1)], placed=[(0,), (0,)], starts=[0, 5])
    assert zero_gap(right).makespan_ps == 10
    wrong = tasks_graph(tasks, [(0, 1)], placed=[(0,), (0,)], starts=[5, 0])
    with pytest.raises(TraceError, match=r"^zero_gap: task 0 can never start, because the order"):
        zero_gap(wrong)


def test_the_list_rules_differ_where_a_long_chain_is_submitted_late():
    tasks = [("aic", 4), ("aic", 4), ("aic", 4), ("aiv", 10)]
    graph = tasks_graph(tasks, [(2, 3)], aic=1, aiv=2)
    assert list_schedule(graph, ListRule.READY).makespan_ps == 22
    by_path = list_schedule(graph, ListRule.PATH)
    assert by_path.makespan_ps == 14
    assert by_path.block_start_ps.tolist() == [4, 8, 0, 4]


def test_blocks_of_one_task_spread_over_the_cores():
    graph = tasks_graph([("aic", 3)], blocks=[5], aic=2)
    schedule = list_schedule(graph, ListRule.READY)
    assert schedule.block_start_ps.tolist() == [0, 0, 3, 3, 6]
    assert schedule.makespan_ps == 9


def test_single_blocks_leave_whole_clusters_to_mix_blocks():
    """AIC[0] is taken, so the AIV block goes beside it and the MIX block gets cluster 1."""
    graph = tasks_graph([("aic", 10), ("aiv", 10), ("mix", 4)], aic=2, aiv=4)
    schedule = list_schedule(graph, ListRule.READY)
    assert schedule.block_start_ps.tolist() == [0, 0, 0]
    assert schedule.part_lane.tolist() == [0, 2, 1, 4, 5]


def test_a_mix_block_waits_for_a_whole_cluster():
    graph = tasks_graph([("aiv", 10), ("mix", 4)], aic=1, aiv=2)
    assert list_schedule(graph, ListRule.READY).block_start_ps.tolist() == [0, 10]


def test_a_block_that_no_cluster_can_run_is_named():
    graph = tasks_graph([("mix", 4)], aic=1, aiv=1, placed=[(0, 1, 1)])
    with pytest.raises(
        TraceError,
        match=r"^schedule: a block takes 1 AIC and 2 AIV of one cluster; expected a machine that "
        r"has them, not 1 AIC and 1 AIV; choose another chip$",
    ):
        list_schedule(graph, ListRule.READY)


def test_a_circle_of_dependencies_is_named():
    with pytest.raises(TraceError, match=r"^dependencies: task 1 is on a circle or behind one; "):
        tasks_graph([("aic", 1)] * 3, [(0, 1), (1, 2), (2, 1)])


def test_a_schedule_is_the_same_twice():
    random = np.random.default_rng(7)
    rows = random.integers(0, 3, (60, 2)).tolist()
    tasks = [(("aic", "aiv", "mix")[kind], 1 + duration) for kind, duration in rows]
    edges = [(a, b) for a in range(60) for b in range(a + 1, 60) if random.random() < 0.05]
    first, second = (
        list_schedule(tasks_graph(tasks, edges), ListRule.PATH).part_lane for _ in range(2)
    )
    assert (first == second).all()


LANES_OF_TWO = ((0, 1), (2, 3, 4, 5, 6, 7))
"""Two clusters of one AIC and three AIV."""


@pytest.mark.parametrize(
    ("lanes", "shapes", "count"),
    [
        (LANES_OF_TWO, [(1, 0)], 3),
        (((0, 1, 2), (3, 4, 5, 6)), [], 2),  # a capture in which two AIV never worked
        (((0, 1), (2, 3)), [(1, 2)], 2),  # a MIX had two at once
        (((), (0, 1)), [(0, 1)], 1),
    ],
)
def test_the_run_tells_how_many_aiv_a_cluster_has(lanes, shapes, count):
    assert aiv_per_cluster(lanes, shapes) == count


def test_a_cluster_of_three_aiv_runs_a_block_that_takes_them_all():
    pool = ClusterPool(LANES_OF_TWO, 3)
    assert pool.take((0, 1)) == (2,)
    assert pool.take((1, 3)) == (1, 5, 6, 7)  # the whole cluster
    assert pool.take((1, 3)) is None
    assert pool.take((0, 2)) == (3, 4)
    assert pool.take((0, 1)) is None
    pool.give_back(2)
    assert pool.take((1, 1)) == (0, 2)


def test_a_block_takes_the_broken_cluster_and_leaves_the_whole_one():
    pool = ClusterPool(((0, 1), (2, 3, 4, 5)), 2)
    assert pool.take((1, 0)) == (0,)
    assert pool.take((0, 1)) == (2,)
    assert pool.take((0, 2)) == (4, 5)
    assert pool.take((0, 1)) == (3,)


def test_a_run_on_one_aiv_per_cluster_is_scheduled_on_one():
    graph = tasks_graph([("aiv", 10)] * 4, aic=2, aiv=2)
    assert list_schedule(graph, ListRule.READY).makespan_ps == 20

"""What explaining costs: the bubble report, the path, a comparison, a what-if."""

import pytest

from npusim.analysis import bubble_table, compare, list_bubbles
from npusim.analysis.cause_table import cause_table
from npusim.analysis.limits import find_limits
from npusim.analysis.observed_path import observed_path
from tests.planted import AIC, AIV, planted

TASKS = 20_000
SECONDS_PER_1000_TASKS = 0.1


@pytest.fixture(scope="module")
def large():
    """A layered graph of 20,000 tasks."""
    tasks = [(f"s{one // 200 % 12}", (AIC, AIV)[one // 200 % 2], 20.0) for one in range(TASKS)]
    edges = [(one - 200, one) for one in range(200, TASKS)]
    return planted(tasks, edges)


def test_the_bubble_report_takes_a_tenth_of_a_second_per_thousand_tasks(benchmark, large):
    """Causes by scope, and every bubble over 10 us with its chain."""

    def report():
        return cause_table(large), bubble_table(large), list_bubbles(large, 10)

    benchmark.pedantic(report, rounds=3)
    assert benchmark.stats["min"] < SECONDS_PER_1000_TASKS * TASKS / 1000


def test_the_critical_path(benchmark, large):
    benchmark.pedantic(observed_path, (large,), rounds=3)


def test_bounds(benchmark, large):
    benchmark.pedantic(find_limits, (large,), rounds=1)


def test_compare(benchmark, large):
    benchmark.pedantic(compare, (large, large), rounds=1)

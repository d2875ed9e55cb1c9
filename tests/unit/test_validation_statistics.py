import pytest

from npusim.validation.statistics import kendall_tau, mean_absolute, worst


def test_the_mean_ignores_signs_and_the_worst_keeps_its_own():
    assert mean_absolute([-4.0, 2.0]) == 3.0
    assert worst([-4.0, 2.0]) == -4.0


def test_nothing_has_no_statistics():
    assert (mean_absolute([]), worst([]), kendall_tau([], [])) == (None, None, None)


@pytest.mark.parametrize(
    ("predicted", "tau"),
    [([1, 2, 3], 1.0), ([3, 2, 1], -1.0), ([1, 3, 2], pytest.approx(1 / 3)), ([5, 5, 5], None)],
)
def test_rank_correlation_counts_pairs(predicted, tau):
    assert kendall_tau(predicted, [10, 20, 30]) == tau


def test_a_tie_is_half_a_verdict():
    assert kendall_tau([1, 1, 2], [10, 20, 30]) == pytest.approx(2 / 6**0.5)

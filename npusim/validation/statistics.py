"""Statistics over predictions: mean and worst error, rank correlation."""

from collections.abc import Sequence
from itertools import combinations
from math import sqrt


def mean_absolute(errors: Sequence[float]) -> float | None:
    """Mean of the absolute errors; None of none."""
    return sum(abs(one) for one in errors) / len(errors) if errors else None


def worst(errors: Sequence[float]) -> float | None:
    """The error that is farthest from zero, with its sign; None of none."""
    return max(errors, key=abs, default=None)


def kendall_tau(predicted: Sequence[float], measured: Sequence[float]) -> float | None:
    """Rank correlation tau-b: pairs in the same order minus pairs in the other, with ties.

    Shapes: both (n,). 1 where both rank alike, -1 where one is the reverse of the other; None where
    no pair can be ranked.

    Raises:
        ValueError: If the lengths differ.
    """
    agree = total_predicted = total_measured = 0
    for (one, first), (two, second) in combinations(zip(predicted, measured, strict=True), 2):
        by_prediction, by_measurement = _sign(two - one), _sign(second - first)
        agree += by_prediction * by_measurement
        total_predicted += abs(by_prediction)
        total_measured += abs(by_measurement)
    pairs = sqrt(total_predicted * total_measured)
    return agree / pairs if pairs else None


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)

"""The result of a validation: one row per point, one verdict per group."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from npusim.analysis import Column, Table
from npusim.validation.points import Group, Point, Registry
from npusim.validation.predict import Predictor
from npusim.validation.statistics import kendall_tau, mean_absolute, worst

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class PointResult:
    """A point and what the simulator says; ``predicted`` is None where it cannot be run here."""

    point: Point
    predicted: float | None
    missing: str = ""

    @property
    def error(self) -> float | None:
        """Signed error in percent or points; None without a prediction."""
        return None if self.predicted is None else self.point.error(self.predicted)


@dataclass(frozen=True, slots=True)
class GroupResult:
    """A group and the results of its points."""

    group: Group
    results: tuple[PointResult, ...]

    def judged(self) -> list[PointResult]:
        """Predicted points of high or medium confidence on which nothing was fitted."""
        return [one for one in self.results if one.point.is_judged and one.error is not None]

    def fitted(self) -> list[PointResult]:
        """Predicted points on which a figure was fitted."""
        return [one for one in self.results if one.point.is_calibrated and one.error is not None]

    def low(self) -> list[PointResult]:
        """Predicted points of low confidence, which are shown and not judged."""
        return [
            one
            for one in self.results
            if one.point.confidence == "low" and one.error is not None and not one.point.fitted
        ]

    @property
    def tau(self) -> float | None:
        """Rank correlation over all predicted points of the group, fitted ones included.

        Shapes of one kernel rank by size whoever was fitted on one of them.
        """
        known = [one for one in self.results if one.predicted is not None]
        return kendall_tau(
            [one.predicted for one in known if one.predicted is not None],
            [one.point.measured for one in known],
        )

    def failures(self) -> list[str]:
        """Limits that the group exceeds, in words; empty where it passes."""
        group, errors = self.group, _errors(self.judged())
        found: list[str] = []
        if not errors:
            return found
        mean, farthest = mean_absolute(errors) or 0.0, abs(worst(errors) or 0.0)
        if group.mean_limit is not None and mean > group.mean_limit:
            found.append(f"mean error {mean:.1f}, limit {group.mean_limit:g}")
        if group.worst_limit is not None and farthest > group.worst_limit:
            found.append(f"worst error {farthest:.1f}, limit {group.worst_limit:g}")
        if group.within_error is not None:
            share = sum(abs(one) <= group.within_error for one in errors) / len(errors)
            if share < group.within_share:
                found.append(
                    f"{100 * share:.0f} % of the points within {group.within_error:g}, "
                    f"limit {100 * group.within_share:.0f} %"
                )
        if group.tau_limit is not None and self.tau is not None and self.tau < group.tau_limit:
            found.append(f"rank correlation {self.tau:.2f}, limit {group.tau_limit:g}")
        return found


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """All groups that were validated."""

    groups: tuple[GroupResult, ...]

    @property
    def passed(self) -> bool:
        """True where no group exceeds a limit."""
        return not any(one.failures() for one in self.groups)

    def point_table(self) -> Table:
        """Predicted, measured and signed error of every point."""
        columns = (
            Column("group"),
            Column("id"),
            Column("what"),
            Column("measured", format=".4g"),
            Column("predicted", format=".4g"),
            Column("unit"),
            Column("error", "%|pt", "+.1f"),
            Column("confidence"),
            Column("fitted"),
        )
        rows = tuple(
            (
                one.point.group,
                one.point.id,
                one.point.what,
                one.point.measured,
                one.predicted,
                one.point.unit,
                one.error,
                one.point.confidence,
                ", ".join(one.point.fitted),
            )
            for group in self.groups
            for one in group.results
        )
        return Table("Predicted against measured", columns, rows)

    def group_table(self) -> Table:
        """Statistics of every group: judged, fitted and low-confidence points apart."""
        columns = (
            Column("group"),
            Column("judged"),
            Column("mean", "%|pt", ".1f"),
            Column("worst", "%|pt", "+.1f"),
            Column("tau", format=".2f"),
            Column("fitted"),
            Column("mean_fitted", "%|pt", ".1f"),
            Column("low"),
            Column("mean_low", "%|pt", ".1f"),
            Column("not_run"),
            Column("verdict"),
        )
        return Table("By group", columns, tuple(_group_row(one) for one in self.groups))

    def to_json(self) -> dict[str, Any]:
        """Both tables and the verdict as JSON values."""
        missing = {
            one.point.id: one.missing
            for group in self.groups
            for one in group.results
            if one.missing
        }
        return {
            "passed": self.passed,
            "groups": self.group_table().to_json(),
            "points": self.point_table().to_json(),
            "not_run": missing,
        }


def validate(
    registry: Registry, predictor: Predictor, groups: Sequence[str] = (), tell: Tell | None = None
) -> ValidationReport:
    """Predict every point of ``groups``, of all if none is named.

    Raises:
        UsageError: If a group is unknown.
        NpuSimError: If a point cannot be simulated.
    """
    wanted = [registry.group(name) for name in groups] or list(registry.groups)
    results: dict[str, PointResult] = {}

    def result(point: Point) -> PointResult:
        if point.id not in results:
            if tell is not None:
                tell(f"{point.id}: {point.what}")
            results[point.id] = _result(point, registry, predictor, result)
        return results[point.id]

    return ValidationReport(
        tuple(
            GroupResult(group, tuple(result(point) for point in registry.members(group.name)))
            for group in wanted
        )
    )


def _result(
    point: Point,
    registry: Registry,
    predictor: Predictor,
    result: Callable[[Point], PointResult],
) -> PointResult:
    if point.ratio is None:
        missing = predictor.missing(point)
        return PointResult(point, None if missing else predictor.predict(point), missing)
    by_id = {one.id: one for one in registry.points}
    above, below = (result(by_id[name]) for name in point.ratio)
    if above.predicted is None or below.predicted is None:
        return PointResult(point, None, above.missing or below.missing)
    return PointResult(point, 100 * above.predicted / below.predicted)


def _errors(results: Sequence[PointResult]) -> list[float]:
    return [one.error for one in results if one.error is not None]


def _group_row(one: GroupResult) -> tuple[str | int | float | None, ...]:
    judged, fitted, low = _errors(one.judged()), _errors(one.fitted()), _errors(one.low())
    failures = one.failures()
    verdict = "; ".join(failures) if failures else "ok" if judged else "not judged"
    if not failures and one.group.known_gap:
        verdict = f"known gap {one.group.known_gap}"
    return (
        one.group.name,
        len(judged),
        mean_absolute(judged),
        worst(judged),
        one.tau,
        len(fitted),
        mean_absolute(fitted),
        len(low),
        mean_absolute(low),
        sum(result.predicted is None for result in one.results),
        verdict,
    )

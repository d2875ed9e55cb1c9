from dataclasses import replace

import pytest

from npusim.validation import Group, Registry, validate
from tests.unit.test_validation_points import GROUP, POINT


class Fixed:
    """Predicts what it is told."""

    def __init__(self, **predicted):
        self.predicted = predicted

    def missing(self, point):
        return "" if point.id in self.predicted else "needs something"

    def predict(self, point):
        return self.predicted[point.id]


def result(group=GROUP, **predicted):
    points = [replace(POINT, id=name) for name in "pqr"]
    points[2] = replace(points[2], fitted=("sync.handshake_ns",))
    return validate(Registry((group,), tuple(points)), Fixed(**predicted))


def test_fitted_points_do_not_count_for_the_limits():
    limited = replace(GROUP, worst_limit=15)
    assert result(limited, p=11.0, q=9.0, r=30.0).passed
    assert not result(limited, p=11.0, q=30.0, r=9.0).passed


@pytest.mark.parametrize(
    ("limits", "failures"),
    [
        ({"mean_limit": 14}, ["mean error 15.0, limit 14"]),
        ({"worst_limit": 19}, ["worst error 20.0, limit 19"]),
        ({"within_error": 10}, ["50 % of the points within 10, limit 100 %"]),
        ({"within_error": 10, "within_share": 0.5}, []),
        ({"mean_limit": 15, "worst_limit": 20}, []),
    ],
)
def test_every_limit_is_checked(limits, failures):
    found = result(replace(GROUP, **limits), p=11.0, q=12.0, r=10.0)
    assert found.groups[0].failures() == failures


def test_the_order_is_a_limit_of_its_own():
    points = [replace(POINT, id=name, measured=value) for name, value in (("p", 10), ("q", 20))]
    registry = Registry((replace(GROUP, tau_limit=1),), tuple(points))
    assert validate(registry, Fixed(p=10, q=11)).passed
    failures = validate(registry, Fixed(p=11, q=10)).groups[0].failures()
    assert failures == ["rank correlation -1.00, limit 1"]


def test_a_ratio_is_taken_from_two_points():
    share = replace(POINT, id="s", unit="%", measured=80, kernel="", metric="", ratio=("p", "q"))
    points = (POINT, replace(POINT, id="q"), share)
    report = validate(Registry((GROUP,), points), Fixed(p=9.0, q=10.0))
    assert report.groups[0].results[2].predicted == 90
    assert report.groups[0].results[2].error == 10
    report = validate(Registry((GROUP,), points), Fixed(p=9.0))
    assert report.groups[0].results[2].predicted is None


def test_what_cannot_run_is_named_and_judged_by_nobody():
    report = result(replace(GROUP, worst_limit=1), r=10.0)
    assert report.passed
    assert report.to_json()["not_run"] == {"p": "needs something", "q": "needs something"}
    assert report.group_table().column("verdict") == ("not judged",)


def test_both_tables_have_a_row_each():
    report = result(Group(name="g", title="", known_gap="C1"), p=11.0, q=12.0, r=10.0)
    assert report.point_table().column("error") == (10.0, 20.0, 0.0)
    row = report.group_table().to_json()[0]
    assert (row["judged"], row["fitted"], row["mean"], row["verdict"]) == (
        2,
        1,
        15.0,
        "known gap C1",
    )

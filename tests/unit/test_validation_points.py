from dataclasses import replace

import pytest

from npusim.errors import UsageError
from npusim.hardware import chip_figures
from npusim.validation import Group, Point, Registry, load_registry

GROUP = Group(name="g", title="a group")
POINT = Point(
    id="p",
    group="g",
    what="",
    measured=10.0,
    unit="us",
    source="s",
    confidence="high",
    kernel="gemm",
    metric="makespan_us",
)


def registry(*points, groups=(GROUP,)):
    return Registry(groups, points)


def test_an_error_is_signed_and_relative():
    assert [POINT.error(value) for value in (9.0, 11.0)] == [-10.0, 10.0]


def test_the_error_of_a_share_is_in_points():
    assert replace(POINT, unit="%").error(14.0) == 4.0


@pytest.mark.parametrize(
    ("changes", "is_judged"),
    [({}, True), ({"confidence": "low"}, False), ({"fitted": ("sync.handshake_ns",)}, False)],
)
def test_only_unfitted_points_of_some_confidence_are_judged(changes, is_judged):
    assert replace(POINT, **changes).is_judged is is_judged


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"group": "h"}, r"^point p: group is 'h'; expected one of g; correct points.toml$"),
        ({"confidence": "sure"}, r"^point p: confidence is 'sure'; expected one of \('high', 'm"),
        ({"build": "May"}, r"^point p: build is 'May'; expected one of HEAD, 2026-06; correct"),
        ({"measured": 0.0}, r"^point p: measured is 0.0; expected a positive figure; correct"),
        ({"metric": ""}, r"^point p: has neither or both of a kernel with a metric and a ratio; "),
        ({"ratio": ("p", "p")}, r"^point p: has neither or both of a kernel with a metric and a"),
        (
            {"kernel": "", "ratio": ("p", "q")},
            r"^point p: ratio is \('p', 'q'\); expected two ids of points; correct",
        ),
    ],
)
def test_a_point_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        registry(replace(POINT, **changes))


def test_a_name_twice_is_refused():
    with pytest.raises(UsageError, match=r"^point p: registered twice; expected once; remove one$"):
        registry(POINT, POINT)


def test_at_most_half_of_a_group_may_be_fitted():
    fitted = replace(POINT, id="q", fitted=("sync.handshake_ns",))
    assert registry(POINT, fitted).members("g") == (POINT, fitted)
    with pytest.raises(UsageError, match=r"^group g: 2 of 3 points are fitted; expected at most"):
        registry(POINT, fitted, replace(fitted, id="r"))


def test_a_share_of_a_fitted_point_is_fitted_too():
    fitted = replace(POINT, id="q", fitted=("sync.handshake_ns",))
    share = replace(POINT, id="s", kernel="", metric="", ratio=("p", "q"))
    with pytest.raises(UsageError, match=r"^point s: a share of points on which sync.handshake_ns"):
        registry(POINT, fitted, share, replace(POINT, id="t"))
    known = replace(share, fitted=fitted.fitted)
    assert registry(POINT, fitted, known, replace(POINT, id="t")).members("g")[2].is_calibrated


def test_an_unknown_group_is_refused():
    with pytest.raises(UsageError, match=r"^no group 'x'; expected one of gemm, gemm_pipes"):
        load_registry().group("x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("groups = ", r"^\S*points.toml: Invalid value .*; expected a registry of points; correct"),
        ("groups = []", r"^\S*points.toml: Object missing required field `points`; expected a reg"),
    ],
)
def test_a_file_that_is_no_registry_is_refused(tmp_path, text, message):
    path = tmp_path / "points.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_registry(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"^\S*none.toml: cannot be read \(No such file"):
        load_registry(tmp_path / "none.toml")


def test_every_fitted_figure_exists_and_names_its_points():
    notes = {figure.key: figure.note for figure in chip_figures("a2a3")}
    fitted = {(key, point.id) for point in load_registry().points for key in point.fitted}
    assert {key for key, _ in fitted} <= set(notes)
    for key in {key for key, _ in fitted}:
        assert "Fitted on" in notes[key]
        named = [point for figure, point in fitted if figure == key and point in notes[key]]
        assert named, f"the note of {key} names none of its points"


def test_every_note_that_names_a_fit_is_registered():
    points = load_registry().points
    for figure in chip_figures("a2a3"):
        if "Fitted on" in figure.note:
            users = [p.id for p in points if figure.key in p.fitted and p.id in figure.note]
            assert users, figure.key

from itertools import pairwise

import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection

from npusim.analysis import compare
from npusim.plotting import compare_figure
from npusim.plotting.sections import compared_phase_section
from npusim.trace import PhaseKind, Trace
from tests.trace_builder import TraceBuilder, layered_trace


def run(first: str, second: str, end_us: float, variant: str) -> Trace:
    builder = TraceBuilder(aic=1, aiv=1, variant=variant)
    one, other = builder.task(first, "aic"), builder.task(second)
    builder.run(one, "AIC[0]", 0, 10)
    builder.run(other, "AIV[0]", 12, end_us, blamed=one)
    return builder.build()


A = run("qk", "softmax", 30, "before")
B = run("norm", "qk", 20, "after")


def colours(axes: Axes) -> dict[str, tuple[float, ...]]:
    found = [one for one in axes.collections if isinstance(one, PolyCollection)]
    return {str(one.get_label()): tuple(one.get_facecolor()[0]) for one in found}


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_both_runs_share_one_time_axis() -> None:
    top, bottom = compare_figure(A, B).axes[:2]
    assert top.get_xlim() == bottom.get_xlim()
    assert top.get_xlim()[1] >= 30
    assert top.get_position().y0 > bottom.get_position().y1
    assert bottom.get_xlabel() == "time since the run began [us]"


def test_a_scope_has_one_colour_in_both_runs() -> None:
    top, bottom = compare_figure(A, B).axes[:2]
    assert colours(top)["qk"] == colours(bottom)["qk"]
    assert len({colours(top)["softmax"], colours(bottom)["norm"], colours(top)["qk"]}) == 3


def test_each_panel_marks_its_own_ends_and_the_other_runs_end() -> None:
    top, bottom = compare_figure(A, B).axes[:2]
    assert [line.get_xdata()[0] for line in top.lines] == [0, 30, 20]
    assert [line.get_xdata()[0] for line in bottom.lines] == [0, 20, 30]
    assert "end of b" in texts(top)
    assert "end of a" in texts(bottom)


def test_headings_name_the_runs_and_the_verdict_is_below_the_title() -> None:
    figure = compare_figure(A, B)
    title, *lines = (text.get_text() for text in figure.texts)
    assert title == "demo: a 30.0 us, b 20.0 us (-10.0 us)"
    assert " ".join(lines) == compare(A, B).verdict
    assert figure.axes[0].get_title("left") == "a   demo / before on a2a3: makespan 30.0 us"
    assert figure.axes[1].get_title("left") == "b   demo / after on a2a3: makespan 20.0 us"


def test_a_long_verdict_is_broken_into_lines_that_fit_the_page() -> None:
    long = "a_scope_with_a_name_that_would_not_fit_on_the_page_many_times_over_" * 2
    figure = compare_figure(run(f"{long}qk", f"{long}pv", 30, "before"), B)
    page = figure.get_window_extent()
    lines = figure.texts[1:]
    assert len(lines) > 1
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [line.get_window_extent(renderer) for line in lines]
    assert all(box.x1 < page.x1 for box in boxes)
    assert all(upper.y0 > lower.y1 - 1 for upper, lower in pairwise(boxes))
    assert boxes[-1].y0 > figure.axes[0].get_window_extent().y1


def test_legend_has_scopes_of_both_runs_with_the_change() -> None:
    legend = texts(compare_figure(A, B).axes[2])
    softmax = legend.index("softmax")
    # cells are written from the right: change, b, a
    assert legend[softmax + 1 : softmax + 4] == ["-18.0", "0.0", "18.0"]
    assert {"qk", "norm", "busy", "dependency", "unknown"} <= set(legend)


def test_phases_that_were_not_recorded_are_no_zeros() -> None:
    """As of a run at a lower swimlane level; a kind that did not occur is 0 all the same."""
    full, low = TraceBuilder(), TraceBuilder()
    for builder in (full, low):
        builder.run(builder.task("a"), "AIV[0]", 0, 10)
    full.phase("Sched[0]", PhaseKind.DISPATCH, 0, 3)
    full.phase("Sched[0]", PhaseKind.DRAIN, 3, 4)
    full.phase("Orch[0]", PhaseKind.SUBMIT, 0, 2)
    low.phase("Sched[0]", PhaseKind.DISPATCH, 0, 1)
    section = compared_phase_section(full.build(), low.build())
    assert {entry.label: entry.cells for entry in section.entries} == {
        "dispatch": ("3.0", "1.0", "-2.0"),
        "submit": ("2.0", "-", "-"),
        "drain": ("1.0", "0.0", "-1.0"),
    }


def test_bars_of_the_mean_lane_are_as_long_as_the_run() -> None:
    axes = compare_figure(A, B).axes[3]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["AIC a", "AIC b", "AIV a", "AIV b"]
    ends = [0.0] * 4
    for container in axes.containers:
        for index, patch in enumerate(container.patches):
            ends[index] += patch.get_width()
    assert ends == pytest.approx([30, 20, 30, 20])
    assert "[us]" in axes.get_xlabel()


def test_runs_of_different_chips_and_an_empty_run_are_drawn() -> None:
    large = layered_trace({"qk": "aic", "softmax": "aiv"}, blocks=30)
    for other in (A, TraceBuilder(0, 0).build()):
        compare_figure(large, other).canvas.draw()

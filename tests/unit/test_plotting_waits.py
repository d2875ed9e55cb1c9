import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from npusim.plotting import swimlane_figure, waits_figure
from npusim.trace import Trace, WaitReason
from tests.trace_builder import TraceBuilder, layered_trace


def small_trace(reason: WaitReason = WaitReason.DEPENDENCY) -> Trace:
    builder = TraceBuilder(aic=1, aiv=2)
    qk, softmax = builder.task("qk", "aic"), builder.task("softmax")
    builder.run(qk, "AIC[0]", 0, 10)
    builder.run(softmax, "AIV[0]", 12, 20, blamed=qk, reason=reason)
    return builder.build()


def widths(axes: Axes) -> dict[str, list[float]]:
    return {
        str(one.get_label()): [patch.get_width() for patch in one.patches]
        for one in axes.containers
    }


def labels(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def test_bars_of_core_types_are_shares_that_add_up_to_one_hundred() -> None:
    axes = waits_figure(small_trace()).axes[0]
    assert labels(axes) == ["AIC (1 lane)", "AIV (2 lanes)"]
    assert widths(axes) == {
        "busy": [50.0, 20.0],
        "dependency": [0.0, 30.0],
        "no_work": [50.0, 50.0],
        "unknown": [0.0, 0.0],
    }
    assert axes.get_xlabel() == "share of lane time [%]"


def test_bars_of_scopes_are_lane_time() -> None:
    axes = waits_figure(small_trace()).axes[1]
    assert labels(axes) == ["qk  AIC", "(no work)  AIC", "softmax  AIV", "(no work)  AIV"]
    assert widths(axes)["busy"] == [10.0, 0.0, 8.0, 0.0]
    assert widths(axes)["dependency"] == [0.0, 0.0, 12.0, 0.0]
    assert widths(axes)["no_work"] == [0.0, 10.0, 0.0, 20.0]
    assert axes.get_xlabel() == "lane time [us]"


def test_bars_have_the_colours_of_the_swimlane() -> None:
    trace = layered_trace({"qk": "aic", "softmax": "aiv"}, blocks=4, aic=2, aiv=4)
    busy = waits_figure(trace).axes[1].containers[0].patches
    drawn = {
        one.get_label(): one.get_facecolor() for one in swimlane_figure(trace).axes[0].collections
    }
    assert to_rgba(busy[0].get_facecolor()) == pytest.approx(tuple(drawn["qk"][0]))


def test_a_wide_part_carries_its_value_and_a_narrow_one_does_not() -> None:
    values = [text.get_text() for text in waits_figure(small_trace()).axes[0].texts]
    assert sorted(values) == ["20.0", "30.0", "50.0", "50.0", "50.0"]


@pytest.mark.parametrize("reason", [WaitReason.SYNC, WaitReason.QUEUE, WaitReason.UNKNOWN])
def test_each_reason_is_a_part_of_its_own(reason: WaitReason) -> None:
    axes = waits_figure(small_trace(reason)).axes[0]
    assert widths(axes)[reason.name.lower()] == [0.0, 30.0]


def test_core_types_without_lanes_are_left_out() -> None:
    axes = waits_figure(TraceBuilder(0, 1).build()).axes[0]
    assert labels(axes) == ["AIV (1 lane)"]

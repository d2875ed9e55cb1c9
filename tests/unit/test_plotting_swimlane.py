import time
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

import npusim
from npusim.plotting import swimlane_figure
from npusim.plotting.titles import parameters
from npusim.trace import PhaseKind, Trace, WaitReason
from tests.trace_builder import TraceBuilder, layered_trace

SCOPES = {"gather": "aiv", "qk": "aic", "softmax": "aiv", "rope": "mix"}


def small_trace() -> Trace:
    builder = TraceBuilder(aic=1, aiv=1, schedulers=1, parameters={"tile": 128, "nested": [1]})
    qk, softmax = builder.task("qk", "aic"), builder.task("softmax")
    builder.run(qk, "AIC[0]", 5, 15)
    builder.run(softmax, "AIV[0]", 17, 25, blamed=qk, setup_us=0.5)
    builder.phase("Orch[0]", PhaseKind.SUBMIT, 0, 1, qk)
    builder.phase("Sched[0]", PhaseKind.COMPLETE, 15, 16)
    builder.phase("Sched[0]", PhaseKind.RESOLVE, 15.2, 15.8)
    return builder.build()


def collections(axes: Axes) -> dict[str, PolyCollection]:
    found = [one for one in axes.collections if isinstance(one, PolyCollection)]
    return {str(one.get_label()): one for one in found}


def boxes(axes: Axes, label: str) -> list[tuple[float, float, float]]:
    """(left us, right us, row) of every box of one collection."""
    paths = [path.vertices for path in collections(axes)[label].get_paths()]
    return [
        (float(p[:, 0].min()), float(p[:, 0].max()), float(np.round(p[:4, 1].mean(), 6)))
        for p in paths
    ]


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def header(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.texts)


def test_rows_are_orchestrator_schedulers_aic_aiv_from_the_top() -> None:
    axes = swimlane_figure(small_trace()).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["Orch[0]", "Sched[0]", "AIC[0]", "AIV[0]"]
    assert list(axes.get_yticks()) == sorted(axes.get_yticks())
    bottom, top = axes.get_ylim()
    assert bottom > top


def test_slices_are_at_their_time_and_row() -> None:
    axes = swimlane_figure(small_trace()).axes[0]
    rows = dict(zip(["Orch", "Sched", "AIC", "AIV"], axes.get_yticks(), strict=True))
    assert boxes(axes, "qk") == [(5.0, 15.0, pytest.approx(rows["AIC"]))]
    assert boxes(axes, "softmax") == [(17.0, 25.0, pytest.approx(rows["AIV"]))]


def test_waits_are_tinted_by_reason_and_no_work_is_blank() -> None:
    axes = swimlane_figure(small_trace()).axes[0]
    assert [box[:2] for box in boxes(axes, "wait dependency")] == [(5.0, 16.5)]
    assert [box[:2] for box in boxes(axes, "wait dispatch")] == [(16.5, 17.0)]
    assert "wait no_work" not in collections(axes)


def test_gaps_of_a_capture_without_waits_are_inferred_or_shown_as_unknown() -> None:
    trace = layered_trace(SCOPES, blocks=2, aic=1, aiv=2, has_waits=False)
    shown = collections(swimlane_figure(trace).axes[0])
    assert "wait dependency" in shown
    assert "wait unknown" not in shown
    without_edges = replace(trace, edges=trace.edges[:0])
    assert "wait unknown" in collections(swimlane_figure(without_edges).axes[0])


def test_phases_are_on_aicpu_lanes_and_resolve_lies_inside() -> None:
    axes = swimlane_figure(small_trace()).axes[0]
    assert [box[:2] for box in boxes(axes, "phase submit")] == [(0.0, 1.0)]
    complete, resolve = collections(axes)["phase complete"], collections(axes)["phase resolve"]
    assert np.ptp(resolve.get_paths()[0].vertices[:, 1]) < np.ptp(
        complete.get_paths()[0].vertices[:, 1]
    )
    assert resolve.get_zorder() > complete.get_zorder()


def test_time_axis_starts_at_zero_and_names_its_unit() -> None:
    axes = swimlane_figure(small_trace()).axes[0]
    assert axes.get_xlim()[0] == 0
    assert axes.get_xlim()[1] >= 25
    assert axes.get_xlabel() == "time since the run began [us]"


def test_legend_lists_scopes_by_first_start_with_blocks_and_busy() -> None:
    legend = texts(swimlane_figure(small_trace()).axes[1])
    assert legend.index("qk") < legend.index("softmax") < legend.index("dependency")
    # cells are written from the right: busy us, then blocks
    assert legend[legend.index("softmax") + 1 : legend.index("softmax") + 3] == ["8.0", "1"]
    assert "unknown" in legend
    assert {"submit", "complete", "resolve"} <= set(legend)


def test_title_names_the_run_and_the_version() -> None:
    text = header(swimlane_figure(small_trace()))
    assert "demo / default on a2a3: makespan 20.0 us" in text
    assert "   ·   tile=128   ·   " in text
    assert f"npusim {npusim.__version__}" in text


def test_an_own_title_keeps_the_facts() -> None:
    text = header(swimlane_figure(small_trace(), title="costs $5 and $6"))
    assert text.startswith("costs $5 and $6\n")
    assert "makespan 20.0 us" in text


def test_every_one_of_sixteen_scopes_has_its_own_look() -> None:
    builder = TraceBuilder(aic=1, aiv=1)
    for number in range(40):
        builder.run(builder.task(f"s{number}"), "AIV[0]", number, number + 1)
    drawn = collections(swimlane_figure(builder.build()).axes[0])
    looks = [
        (tuple(drawn[f"s{number}"].get_facecolor()[0]), drawn[f"s{number}"].get_hatch())
        for number in range(40)
    ]
    assert len({colour for colour, _ in looks[:16]}) == 16
    assert len(set(looks)) == 40


def test_wide_slices_carry_the_number_of_their_scope() -> None:
    axes = swimlane_figure(small_trace()).axes[0]
    numbers = [one for one in axes.collections if not isinstance(one, PolyCollection)]
    assert [one.get_offsets().tolist() for one in numbers] == [
        [[10.0, pytest.approx(axes.get_yticks()[2])]],
        [[21.0, pytest.approx(axes.get_yticks()[3])]],
    ]


def test_seventy_two_lanes_have_room_for_their_labels() -> None:
    figure = swimlane_figure(layered_trace(SCOPES, blocks=48))
    axes = figure.axes[0]
    labels = axes.get_yticklabels()
    assert len(labels) == 1 + 3 + 24 + 48
    row_pt = 72 * figure.get_figheight() * axes.get_position().height / 78
    assert 5.5 <= labels[0].get_fontsize() <= row_pt


def test_group_labels_name_the_core_types_and_how_busy_they_are() -> None:
    groups = texts(swimlane_figure(layered_trace(SCOPES, blocks=48)).axes[0])
    assert groups[0] == "AICPU"
    assert groups[1].startswith("AIC   busy ")
    assert groups[2].startswith("AIV   busy ")


def test_a_large_trace_is_a_few_artists_and_fast() -> None:
    trace = layered_trace(SCOPES, blocks=1500)
    began = time.perf_counter()
    figure = swimlane_figure(trace)
    figure.canvas.draw()
    assert time.perf_counter() - began < 5
    assert len(trace.slices) > 7_000
    assert len(figure.axes[0].get_children()) < 80


@pytest.mark.parametrize(("aic", "aiv"), [(0, 0), (1, 2)])
def test_a_run_without_slices_is_still_a_picture(aic: int, aiv: int) -> None:
    figure = swimlane_figure(TraceBuilder(aic, aiv).build())
    figure.canvas.draw()
    assert "makespan 0.0 us" in header(figure)


def test_unknown_is_in_the_legend_and_other_reasons_only_if_they_occur() -> None:
    legend = texts(swimlane_figure(small_trace()).axes[1])
    shown = {reason for reason in WaitReason if reason.name.lower().replace("_", " ") in legend}
    assert {WaitReason.UNKNOWN, WaitReason.NO_WORK, WaitReason.DEPENDENCY} <= shown
    assert WaitReason.SYNC not in shown


def test_title_shows_options_and_knobs_set_by_hand_but_not_all_knobs() -> None:
    shown = parameters(
        {
            "options": {"compress_ratio": 4},
            "changed_knobs": {"tile": 16},
            "knobs": {"tile": 16, "rows": 8},
            "deps": "tensormap",
        }
    )
    assert shown == "compress_ratio=4 tile=16 deps=tensormap"


def test_title_counts_the_parameters_that_do_not_fit() -> None:
    shown = parameters({f"parameter_{index}": index for index in range(20)})
    assert shown.startswith("parameter_0=0 parameter_1=1")
    assert shown.endswith(" more parameters")

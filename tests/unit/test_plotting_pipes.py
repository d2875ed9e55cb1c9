"""Pipe lanes in the swimlane, and the figure that zooms into them."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from npusim.errors import UsageError
from npusim.plotting import pipes_figure, swimlane_figure
from npusim.trace import LaneKind, Trace
from npusim.units import PS_PER_US
from tests.pipe_runs import mix_program, pipe_trace, vector_program
from tests.trace_builder import TraceBuilder


@pytest.fixture(scope="module")
def mix() -> Trace:
    return pipe_trace(mix_program())


@pytest.fixture(scope="module")
def several() -> Trace:
    return pipe_trace(vector_program(6))


def collections(axes):
    found = [one for one in axes.collections if isinstance(one, PolyCollection)]
    return {str(one.get_label()): one for one in found}


def boxes(axes, label: str):
    """(left us, right us, row) of every box of one collection."""
    paths = [path.vertices for path in collections(axes)[label].get_paths()]
    return [(p[:, 0].min(), p[:, 0].max(), round(float(p[:4, 1].mean()), 6)) for p in paths]


def labels(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def rows_of(axes):
    return dict(zip(labels(axes), axes.get_yticks(), strict=True))


def test_the_swimlane_puts_pipes_below_their_core(mix):
    axes = swimlane_figure(mix).axes[0]
    aic = [f"AIC[0].{pipe}" for pipe in ("S", "MTE2", "MTE1", "M", "FIX", "MTE3")]
    aiv = [f"AIV[{i}]{pipe}" for i in (0, 1) for pipe in ("", ".S", ".MTE2", ".V", ".MTE3")]
    assert labels(axes)[2:] == ["AIC[0]", *aic, *aiv]


def test_the_swimlane_draws_instructions_and_waits_on_pipe_rows(mix):
    axes = swimlane_figure(mix).axes[0]
    drawn = boxes(axes, "mix instructions")
    assert len(drawn) == len(mix.op_slices)
    assert {row for _, _, row in boxes(axes, "mix")} == {
        rows_of(axes)[name] for name in ("AIC[0]", "AIV[0]", "AIV[1]")
    }
    assert rows_of(axes)["AIC[0].M"] in {row for _, _, row in drawn}
    assert rows_of(axes)["AIC[0].M"] in {row for _, _, row in boxes(axes, "wait dependency")}


def test_the_figure_has_kernels_and_pipes_of_each_core(mix):
    axes = pipes_figure(mix).axes[0]
    assert labels(axes)[:8] == ["kernel", "S", "MTE2", "MTE1", "M", "FIX", "MTE3", "kernel"]
    assert texts(axes)[:2] == ["AIC[0]", "AIV[0]"]
    assert axes.get_xlabel() == "time since the run began [us]"


def test_a_core_that_runs_no_instruction_is_left_out(mix):
    assert "AIV[1]" not in texts(pipes_figure(mix).axes[0])


def test_instructions_are_at_their_time_and_row(mix):
    axes = pipes_figure(mix).axes[0]
    (row,) = mix.op_slices[mix.op_slices["op"] == mix.op_names.index("exp")]
    (box,) = boxes(axes, "exp")
    assert box[:2] == (row["start_ps"] / PS_PER_US, row["end_ps"] / PS_PER_US)
    vector_rows = [
        y for y, name in zip(axes.get_yticks(), labels(axes), strict=True) if name == "V"
    ]
    assert [box[2]] == vector_rows
    assert len(boxes(axes, "issue")) == sum("issue" in mix.op_names[o] for o in mix.op_slices["op"])


def test_waits_of_pipes_are_tinted_and_no_work_is_blank(mix):
    drawn = collections(pipes_figure(mix).axes[0])
    assert "wait dependency" in drawn
    assert "wait no_work" not in drawn


def test_the_legend_lists_operations_and_waits_with_their_time(mix):
    legend = texts(pipes_figure(mix).axes[1])
    row = mix.op_slices[mix.op_slices["op"] == mix.op_names.index("exp")][0]
    cells = [f"{(row['end_ps'] - row['start_ps']) / PS_PER_US:.1f}", "1"]
    assert legend[legend.index("exp") + 1 : legend.index("exp") + 3] == cells
    assert {"Instructions", "matmul", "issue", "dependency", "no work"} <= set(legend)


def test_a_task_sets_the_window(several):
    task = several.tasks[2]
    axes = pipes_figure(several, task.task_id).axes[0]
    own = several.slices[several.slices["task"] == 2]
    start, end = own["start_ps"].min() / PS_PER_US, own["end_ps"].max() / PS_PER_US
    left, right = axes.get_xlim()
    margin = 0.02 * (end - start)
    assert start - margin <= left <= start
    assert end <= right <= end + margin
    assert "twice, task 2, block 0" in texts(axes)
    shown = collections(axes)["add"].get_paths()
    assert 2 <= len(shown) < len(several.op_slices[several.op_slices["op"] == 9])


def test_the_title_says_what_is_shown(several):
    title = pipes_figure(several, 2).texts[0].get_text()
    assert title.startswith("Pipes of AIV[")
    assert title.endswith("while task 2 (twice) runs")
    detail = pipes_figure(several).texts[1].get_text()
    assert "tiny on a2a3" in detail


def test_a_run_without_pipes_is_refused():
    with pytest.raises(
        UsageError, match=r"^pipes: the run has no pipe lanes; expected a run with them"
    ):
        pipes_figure(TraceBuilder().build())


def test_a_task_that_ran_elsewhere_is_refused(several):
    with pytest.raises(
        UsageError, match=r"^pipes: task 99 is not in the run; expected one of the tasks 0, 1"
    ):
        pipes_figure(several, 99)


def test_the_same_trace_gives_the_same_boxes(several):
    first, second = (collections(pipes_figure(several).axes[0])["add"] for _ in range(2))
    assert np.array_equal(first.get_paths()[0].vertices, second.get_paths()[0].vertices)
    assert several.lane_indices(LaneKind.PIPE)

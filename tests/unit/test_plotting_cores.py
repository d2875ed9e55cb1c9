"""The picture of busy cores over time."""

import numpy as np
from matplotlib.colors import to_hex

from npusim.plotting import cores_figure
from npusim.plotting.style import scope_styles
from tests.trace_builder import TraceBuilder, layered_trace
from tests.unit.test_analysis_core_counts import small_trace


def areas(axes):
    return {patch.get_label(): patch for patch in axes.patches}


def test_one_panel_per_core_type_with_the_number_of_cores_on_top():
    aic, aiv, _ = cores_figure(small_trace()).axes
    assert aic.get_title("left") == "AIC   busy 100.0 % of 1 core"
    assert aiv.get_title("left") == "AIV   busy 23.3 % of 3 cores"
    assert next(line.get_ydata()[0] for line in aiv.lines) == 3
    assert aiv.get_ylabel() == "busy cores"
    assert aiv.get_xlabel() == "time since the run began [us]"
    assert aic.get_xlim() == aiv.get_xlim()


def test_areas_are_stacked_in_the_colours_of_their_scopes():
    trace = small_trace()
    found = areas(cores_figure(trace).axes[1])
    styles = scope_styles(trace)
    assert list(found) == ["norm", "rope"]
    norm, rope = (found[name].get_data() for name in ("norm", "rope"))
    assert (rope.baseline == norm.values).all()
    middle = np.searchsorted(rope.edges, 15) - 1
    assert (norm.values[middle], rope.values[middle]) == (1, 2)
    assert to_hex(found["rope"].get_facecolor()).upper() == styles["rope"].colour


def test_two_runs_share_the_axis_and_the_colours():
    a = layered_trace({"qk": "aic", "softmax": "aiv"}, blocks=4, aic=2, aiv=4)
    b = layered_trace({"norm": "aiv", "qk": "aic"}, blocks=9, aic=2, aiv=4)
    figure = cores_figure(a, b)
    panels = figure.axes[:4]
    assert [one.get_title("left")[:5] for one in panels] == ["a   A", "a   A", "b   A", "b   A"]
    assert len({one.get_xlim() for one in panels}) == 1
    colours = [areas(panels[index])["qk"].get_facecolor() for index in (0, 2)]
    assert colours[0] == colours[1]
    assert figure.texts[0].get_text().startswith("layered: a ")


def test_a_wide_area_carries_the_number_of_its_scope():
    aic, aiv, _ = cores_figure(small_trace()).axes
    assert [text.get_text() for text in aic.texts] == ["3"]
    assert {text.get_text() for text in aiv.texts} == {"1", "2"}


def test_an_empty_run_is_drawn():
    cores_figure(TraceBuilder(2, 0).build()).canvas.draw()
    cores_figure(TraceBuilder(0, 0).build()).canvas.draw()

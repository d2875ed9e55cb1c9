"""The critical path over the swimlane."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from npusim.analysis.observed_path import PathKind, observed_path
from npusim.plotting import swimlane_figure
from npusim.plotting.path import _LINES
from npusim.plotting.rows import lay_out_rows
from npusim.plotting.style import SCOPE_COLOURS
from tests.trace_builder import TraceBuilder, layered_trace


def lines(figure):
    found = [one for one in figure.axes[0].collections if isinstance(one, LineCollection)]
    return {one.get_label().removeprefix("critical path "): one.get_segments() for one in found}


def chain():
    builder = TraceBuilder(aic=1, aiv=1)
    qk, pv = builder.task("qk", "aic"), builder.task("pv")
    builder.run(qk, "AIC[0]", 0, 10)
    builder.run(pv, "AIV[0]", 14, 20, blamed=qk)
    builder.edge(qk, pv)
    return builder.build()


def test_without_a_path_nothing_is_drawn_over_the_bars():
    assert lines(swimlane_figure(chain())) == {}


def test_segments_lie_on_their_lanes_and_hops_join_them():
    trace = chain()
    found = lines(swimlane_figure(trace, path=observed_path(trace)))
    rows = lay_out_rows(trace).row_of_lane
    assert [one.tolist() for one in found["compute"]] == [
        [[0, rows[0]], [10, rows[0]]],
        [[14, rows[1]], [20, rows[1]]],
    ]
    assert [one.tolist() for one in found["hops"]] == [[[10, rows[0]], [10, rows[1]]]]


def test_the_segments_tile_the_makespan():
    trace = layered_trace({"qk": "aic", "softmax": "aiv", "pv": "aic"}, blocks=9, aic=3, aiv=6)
    found = lines(swimlane_figure(trace, path=observed_path(trace)))
    kinds = {str(kind) for kind in PathKind}
    total = sum(one[1][0] - one[0][0] for kind in kinds & set(found) for one in found[kind])
    assert round(total, 6) == trace.makespan_ps / 1e6


def test_the_legend_says_how_long_the_path_was_what():
    trace = chain()
    path = observed_path(trace)
    texts = [text.get_text() for text in swimlane_figure(trace, path=path).axes[-1].texts]
    assert "Critical path" in texts
    assert texts[texts.index("compute") + 1] == "16.0"


def test_an_empty_run_is_drawn_with_its_empty_path():
    trace = TraceBuilder(0, 0).build()
    swimlane_figure(trace, path=observed_path(trace)).canvas.draw()


@pytest.mark.parametrize("kind", [one for one in _LINES if one is not PathKind.COMPUTE])
def test_a_wait_on_the_path_does_not_look_like_a_scope(kind):
    own = np.array(to_rgb(_LINES[kind].colour))
    apart = np.abs(np.array([to_rgb(one) for one in SCOPE_COLOURS]) - own).max(axis=1)
    assert apart.min() > 0.1

"""How many cores are busy over time, stacked by scope: of one run, or of two on one time axis."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npusim.analysis import CORE_TYPES, percent_of
from npusim.analysis.core_counts import CoreCounts, core_counts
from npusim.plotting.legend import draw_legend, legend_size_in
from npusim.plotting.page import new_page
from npusim.plotting.panel import end_us, label_time_axis, mark_makespan
from npusim.plotting.sections import compared_scope_section, scope_section
from npusim.plotting.style import FAINT_INK, GRID, HATCH_INK, INK, ScopeStyle, scope_styles
from npusim.plotting.titles import compared_headline, details, headline
from npusim.trace import Trace
from npusim.units import us_to_ps

_LEFT_IN = 0.95
_TOP_IN = 1.05
_PANEL_IN = (12.0, 2.1)
_STEP_IN = 2.62  # from the top of one panel to the top of the next
_BOTTOM_IN = 0.6
_GAP_IN = 0.35
_BINS = 1400
"""Stretches of time that counts are averaged over: about one per pixel of a usual picture."""
_NUMBERED_FRAC = 0.1
"""Areas that reach this share of the cores carry the number of their scope ..."""
_NUMBERED_BINS = 8
"""... if they are near their highest for more than this many bins."""


def cores_figure(trace: Trace, other: Trace | None = None) -> Figure:
    """Busy cores over time: one panel for each core type, areas stacked in order of submission.

    The line on top is the number of cores. Each area has the colour of its scope, and its number
    where it is highest. Counts are means over one part in 1400 of the time axis.

    Args:
        trace: A simulated or captured run.
        other: A second run; its panels follow, on the same time axis and with the same colours.

    Returns:
        A figure that pyplot does not know; write it with ``save_figure``.
    """
    traces = (trace,) if other is None else (trace, other)
    styles = scope_styles(*traces)
    panels = [(run, core) for run in traces for core in CORE_TYPES if run.lane_indices(core)]
    section = (
        scope_section(trace, styles)
        if other is None
        else compared_scope_section(trace, other, styles)
    )
    width, height = legend_size_in((section,))
    page = new_page(
        _LEFT_IN + _PANEL_IN[0] + _GAP_IN + width + 0.25,
        _TOP_IN + max(len(panels) * _STEP_IN, height) + _BOTTOM_IN - 0.3,
    )
    if other is None:
        page.title(headline(trace), details(trace), left=0.3)
    else:
        page.title(compared_headline(trace, other), "busy cores over time", left=0.3)
    span_us = 1.01 * (max(end_us(run) for run in traces) or 1.0)
    axes: Axes | None = None
    for index, (run, core) in enumerate(panels):
        axes = page.axes(_LEFT_IN, _TOP_IN + index * _STEP_IN, *_PANEL_IN, axes)
        axes.set_xlim(0, span_us)
        name = "" if other is None else f"{'a' if run is trace else 'b'}   "
        _draw_panel(axes, run, core_counts(run, core), styles, name)
    if axes is not None:
        label_time_axis(axes)
    draw_legend(page.axes(_LEFT_IN + _PANEL_IN[0] + _GAP_IN, _TOP_IN, width, height), (section,))
    return page.figure


def _draw_panel(
    axes: Axes, trace: Trace, counts: CoreCounts, styles: Mapping[str, ScopeStyle], name: str
) -> None:
    edges_us = np.linspace(0.0, axes.get_xlim()[1], _BINS + 1)
    mean = counts.mean_in(np.array([us_to_ps(one) for one in edges_us.tolist()], np.int64))
    base = np.zeros(_BINS)
    for scope, row in zip(counts.scopes, mean, strict=True):
        style, top = styles[scope], base + row
        axes.stairs(
            top,
            edges_us,
            baseline=base,
            fill=True,
            facecolor=style.colour,
            edgecolor=HATCH_INK,
            hatch=style.hatch,
            linewidth=0,
            zorder=2,
            label=scope,
        )
        _write_number(axes, edges_us, base, row, style, counts.lanes)
        base = top
    busy = percent_of(counts.busy_ps, trace.makespan_ps * counts.lanes)
    cores = "1 core" if counts.lanes == 1 else f"{counts.lanes} cores"
    axes.set_title(
        f"{name}{counts.core_type.upper()}   busy {busy:.1f} % of {cores}",
        loc="left",
        fontsize=9.5,
        fontweight="bold",
        color=INK,
    )
    axes.axhline(counts.lanes, color=FAINT_INK, linewidth=0.9, zorder=3)
    axes.set_ylim(0, counts.lanes * 1.06)
    axes.set_ylabel("busy cores", fontsize=8.5, color=INK)
    axes.tick_params(labelsize=8, colors=INK, length=3)
    axes.grid(visible=True, color=GRID, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    mark_makespan(axes, trace)


def _write_number(
    axes: Axes,
    edges_us: np.ndarray[tuple[int], np.dtype[np.float64]],
    base: np.ndarray[tuple[int], np.dtype[np.float64]],
    row: np.ndarray[tuple[int], np.dtype[np.float64]],
    style: ScopeStyle,
    lanes: int,
) -> None:
    """Writes the scope's number in the middle of the stretch where its area is highest."""
    if not len(row) or row.max() < _NUMBERED_FRAC * lanes:
        return
    high = np.flatnonzero(row >= 0.95 * row.max())
    # The first run of neighbours among them: a later peak may lie far away.
    breaks = np.flatnonzero(np.diff(high) > 1)
    last = int(breaks[0]) if len(breaks) else len(high) - 1
    if last < _NUMBERED_BINS:
        return
    middle = int(high[last // 2])
    axes.text(
        (edges_us[middle] + edges_us[middle + 1]) / 2,
        base[middle] + row[middle] / 2,
        str(style.number),
        fontsize=6.5,
        fontweight="bold",
        color=style.text_colour,
        ha="center",
        va="center",
        zorder=4,
    )

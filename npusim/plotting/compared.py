"""Two runs under each other on one time axis, and what became of the lane time."""

import textwrap
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npusim.analysis import Comparison, compare, core_accounts
from npusim.plotting.bars import Bar, bars_height_in, draw_bars
from npusim.plotting.boxes import Scale
from npusim.plotting.legend import Section, draw_legend, legend_size_in
from npusim.plotting.page import TITLE_LINE_IN, Page, new_page
from npusim.plotting.panel import draw_panel, end_us, label_time_axis, mark_makespan
from npusim.plotting.rows import lay_out_rows
from npusim.plotting.sections import (
    compared_lane_time_section,
    compared_phase_section,
    compared_scope_section,
)
from npusim.plotting.style import FAINT_INK, INK, ScopeStyle, scope_styles
from npusim.plotting.titles import compared_headline, details, headline
from npusim.trace import Trace
from npusim.units import ps_to_us

_LEFT_IN = 1.25
_TOP_IN = 0.85
_PANEL_IN = 14.0
_HEADING_IN = 0.62
_BOTTOM_IN = 0.6
_GAP_IN = 0.4
_ROW_IN = 0.125
_TALLEST_ROW_IN = 0.4
_BAR_LABEL_IN = 0.62
_CHARACTER_IN = 0.067
"""Of the verdict; wider than most letters, so that no line runs off the page."""
_BAR_TOP_IN = 0.75  # above the bars: space and heading


def compare_figure(a: Trace, b: Trace, comparison: Comparison | None = None) -> Figure:
    """Run ``a`` above run ``b``, both on the same time axis and with the same scope colours.

    Dashed lines mark where a run starts and ends, a dotted one where the other run ends. The legend
    lists busy us per scope in both runs. The bars show the mean lane of each core type: busy and
    waits by reason add up to the makespan, so they compare runs on different numbers of lanes.

    Args:
        a: The run on top.
        b: The run below it.
        comparison: Of the two, where it is at hand; its verdict stands below the title.

    Returns:
        A figure that pyplot does not know; write it with ``save_figure``.
    """
    styles = scope_styles(a, b)
    sections = _sections(a, b, styles)
    legend_width, legend_height = legend_size_in(sections)
    bars = _mean_lane_bars(a, b)
    bars_height = bars_height_in(bars)
    side = legend_height + _BAR_TOP_IN + bars_height
    heights = _panel_heights_in(a, b, side)
    width = _LEFT_IN + _PANEL_IN + _GAP_IN + legend_width + 0.25
    lines = textwrap.wrap((comparison or compare(a, b)).verdict, int(width / _CHARACTER_IN))
    top = _TOP_IN + (len(lines) - 1) * TITLE_LINE_IN
    page = new_page(
        width, top + max(sum(heights) + 2 * _HEADING_IN, _HEADING_IN + side) + _BOTTOM_IN
    )
    page.title(compared_headline(a, b), *lines, left=0.3)
    _draw_panels(page, a, b, heights, styles, top=top)
    left, top = _LEFT_IN + _PANEL_IN + _GAP_IN, top + _HEADING_IN
    draw_legend(page.axes(left, top, legend_width, legend_height), sections)
    top += legend_height + _BAR_TOP_IN
    width = legend_width - _BAR_LABEL_IN
    axes = page.axes(left + _BAR_LABEL_IN, top, width, bars_height)
    axes.set_title("Where a lane's time goes", fontsize=8.5, fontweight="bold", color=INK, pad=5)
    draw_bars(axes, bars, unit="mean per lane [us]; a bar is as long as the run", width_in=width)
    return page.figure


def _sections(a: Trace, b: Trace, styles: Mapping[str, ScopeStyle]) -> tuple[Section, ...]:
    sections = (
        compared_scope_section(a, b, styles),
        compared_lane_time_section(a, b),
        compared_phase_section(a, b),
    )
    return tuple(section for section in sections if section.entries)


def _panel_heights_in(a: Trace, b: Trace, side_in: float) -> list[float]:
    """Heights of both panels; few lanes are stretched towards the height of the side column."""
    rows = [lay_out_rows(trace).height for trace in (a, b)]
    row_in = min(max(_ROW_IN, (side_in - _HEADING_IN) / sum(rows)), _TALLEST_ROW_IN)
    return [height * row_in for height in rows]


def _draw_panels(
    page: Page,
    a: Trace,
    b: Trace,
    heights: list[float],
    styles: Mapping[str, ScopeStyle],
    *,
    top: float,
) -> None:
    span_us = (max(end_us(a), end_us(b)) or 1.0) * 1.01
    axes: Axes | None = None
    for name, trace, other, height in zip("ab", (a, b), (b, a), heights, strict=True):
        layout = lay_out_rows(trace)
        axes = page.axes(_LEFT_IN, top + _HEADING_IN, _PANEL_IN, height, axes)
        axes.set_xlim(0, span_us)
        draw_panel(axes, trace, layout, styles, Scale(_PANEL_IN / span_us, height / layout.height))
        mark_makespan(axes, trace)
        _mark_end_of(axes, "b" if name == "a" else "a", other)
        _write_heading(axes, name, trace)
        top += _HEADING_IN + height
    assert axes is not None, "two panels were drawn"
    label_time_axis(axes)


def _mark_end_of(axes: Axes, name: str, other: Trace) -> None:
    """A dotted line where the other run ends, named at its foot."""
    end = ps_to_us(other.span_ps[1])
    is_early = end < 0.1 * axes.get_xlim()[1]
    axes.axvline(end, color=FAINT_INK, linewidth=1.0, linestyle=":", zorder=4)
    axes.annotate(
        f"end of {name}",
        (end, 0),
        (3 if is_early else -3, 3),
        xycoords=axes.get_xaxis_transform(),
        textcoords="offset points",
        fontsize=7.5,
        color=FAINT_INK,
        ha="left" if is_early else "right",
        zorder=5,
    )


def _write_heading(axes: Axes, name: str, trace: Trace) -> None:
    """Two lines: what ran and how long it took, and under it the details."""
    heading = f"{name}   {headline(trace)}"
    axes.set_title(heading, loc="left", fontsize=10, fontweight="bold", color=INK, pad=18)
    axes.annotate(
        details(trace),
        (0, 1),
        (0, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=7.5,
        color=FAINT_INK,
    )


def _mean_lane_bars(a: Trace, b: Trace) -> list[Bar]:
    """AIC of a and b, then AIV of a and b; core types that neither run has are left out."""
    bars = []
    for one, other in zip(core_accounts(a), core_accounts(b), strict=True):
        if not one.lanes and not other.lanes:
            continue
        for name, account in (("a", one), ("b", other)):
            per_lane = 1 / account.lanes if account.lanes else 0.0
            bars.append(
                Bar(
                    f"{account.core_type.upper()} {name}",
                    ps_to_us(account.total.busy_ps * per_lane),
                    tuple(ps_to_us(value * per_lane) for value in account.total.waits_ps),
                    is_first_of_group=name == "a",
                )
            )
    return bars

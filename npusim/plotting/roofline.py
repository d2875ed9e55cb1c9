"""Rooflines: for each core type, what a busy core of every scope reaches of what it could."""

import textwrap
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from npusim.analysis.roofline import CoreRoofs, ScopeWork
from npusim.plotting.legend import Entry, Section, draw_legend, legend_size_in
from npusim.plotting.page import TITLE_LINE_IN, new_page
from npusim.plotting.style import FAINT_INK, GRID, INK, ScopeStyle, scope_styles
from npusim.plotting.titles import details, headline
from npusim.trace import Trace

_LEFT_IN = 0.95
_MARGIN_IN = 0.3
_CHARACTER_IN = 0.068
"""Of the details; wider than most letters, so that no line runs off the page."""
_TITLE_CHARACTER_IN = 0.13
_TOP_IN = 1.25
_PANEL_IN = (6.4, 5.0)
_PANEL_GAP_IN = 0.95
_BOTTOM_IN = 0.65
_LEGEND_GAP_IN = 0.4
_MARK_PT = 190
_PER_GIGA = 1e3  # operations or bytes per us in a thousand millions per s
_ROOM = 2.5  # factor left free around points and roofs
_MOST_TICKS = 9
_MOST_DECADES = 4
"""Of an axis that has room for ticks between the decades."""
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1, 2)))


def roofline_figure(
    trace: Trace, work: tuple[ScopeWork, ...], roofs: tuple[CoreRoofs, ...]
) -> Figure:
    """One panel per core type: arithmetic rate of one busy core over operations per byte.

    Roofs: the peaks of arithmetic (level) and the bandwidths of global memory (slanted). A mark is
    a scope, with its number. Scopes that only move data, or only compute, are in the legend alone,
    which says for every scope how near a busy core came to the peak and to the bandwidth.

    Args:
        trace: The run, for colours and titles.
        work: What each scope did on each core type.
        roofs: The limits of one core, a panel for each.

    Returns:
        A figure that pyplot does not know; write it with ``save_figure``.
    """
    styles = scope_styles(trace)
    sections = tuple(_section(one, work, styles) for one in roofs)
    width, height = legend_size_in(sections)
    panels = len(roofs) * (_PANEL_IN[0] + _PANEL_GAP_IN) - _PANEL_GAP_IN
    page_width = _LEFT_IN + panels + _LEGEND_GAP_IN + width + 0.25
    lines = textwrap.wrap(details(trace), int((page_width - 2 * _MARGIN_IN) / _CHARACTER_IN))
    title = textwrap.wrap(headline(trace), int((page_width - 2 * _MARGIN_IN) / _TITLE_CHARACTER_IN))
    top = _TOP_IN + (len(lines) + len(title) - 2) * TITLE_LINE_IN
    page = new_page(page_width, top + max(_PANEL_IN[1], height) + _BOTTOM_IN)
    page.title(title[0], *title[1:], *lines, left=_MARGIN_IN)
    left = _LEFT_IN
    for one in roofs:
        own = [w for w in work if w.core_type is one.core_type and w.ops and w.moved_bytes]
        _draw_panel(page.axes(left, top, *_PANEL_IN), one, own, styles)
        left += _PANEL_IN[0] + _PANEL_GAP_IN
    left += _LEGEND_GAP_IN - _PANEL_GAP_IN
    draw_legend(page.axes(left, top, width, height), sections)
    return page.figure


def _draw_panel(
    axes: Axes, roofs: CoreRoofs, work: list[ScopeWork], styles: Mapping[str, ScopeStyle]
) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    ridges = [peak.per_us / band.per_us for peak in roofs.peaks for band in roofs.bandwidths]
    intensities = [one.ops_per_byte or 0 for one in work]
    low, high = min(ridges + intensities) / _ROOM, max(ridges + intensities) * _ROOM
    rates = [one.ops_per_us / _PER_GIGA for one in work]
    top = max(peak.per_us for peak in roofs.peaks) / _PER_GIGA
    bottom = min([*rates, low * roofs.bandwidths[-1].per_us / _PER_GIGA])
    axes.set_xlim(low, high)
    axes.set_ylim(bottom / _ROOM, top * _ROOM)
    for axis, decades in (
        (axes.xaxis, np.log10(high / low)),
        (axes.yaxis, np.log10(top / bottom * _ROOM * _ROOM)),
    ):
        axis.set_major_locator(LogLocator(numticks=_MOST_TICKS))
        axis.set_minor_locator(NullLocator() if decades > _MOST_DECADES else LogLocator(subs="all"))
        axis.set_minor_formatter(NullFormatter())
    _draw_roofs(axes, roofs, low, high)
    for one in work:
        _draw_mark(axes, one, styles[one.scope])
    axes.set_title(
        f"{roofs.core_type.upper()}: one busy core",
        loc="left",
        fontsize=9.5,
        fontweight="bold",
        color=INK,
    )
    axes.set_xlabel("operations per byte of global memory", fontsize=8.5, color=INK)
    axes.set_ylabel(f"10⁹ operations per s ({roofs.operation})", fontsize=8.5, color=INK)
    axes.tick_params(which="both", labelsize=8, colors=INK, length=3)
    axes.grid(visible=True, color=GRID, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_roofs(axes: Axes, roofs: CoreRoofs, low: float, high: float) -> None:
    peak = max(one.per_us for one in roofs.peaks)
    for index, band in enumerate(roofs.bandwidths):
        x = np.array([low, peak / band.per_us])
        axes.plot(
            x,
            x * band.per_us / _PER_GIGA,
            color=INK,
            linewidth=1.1,
            linestyle=_DASHES[index % len(_DASHES)],
            zorder=2,
            label=f"{band.label}: {band.per_us / _PER_GIGA:,.0f} GB/s",
        )
    # Above the roofs, at their low end, there is never a mark.
    axes.legend(loc="upper left", frameon=False, fontsize=7.5, labelcolor=INK)
    for one in roofs.peaks:
        rate = one.per_us / _PER_GIGA
        start = one.per_us / roofs.bandwidths[0].per_us
        axes.plot(
            [start, high],
            [rate, rate],
            color=INK,
            linewidth=1.6,
            zorder=2,
        )
        axes.annotate(
            f"{one.label}: {rate:,.0f}·10⁹/s",
            (high, rate),
            (-2, 3),
            textcoords="offset points",
            fontsize=7,
            color=FAINT_INK,
            ha="right",
            path_effects=[withStroke(linewidth=2.5, foreground="#FFFFFF")],
        )


def _draw_mark(axes: Axes, work: ScopeWork, style: ScopeStyle) -> None:
    place = (work.ops_per_byte or 0, work.ops_per_us / _PER_GIGA)
    axes.scatter(*place, s=_MARK_PT, color=style.colour, edgecolors="#FFFFFF", zorder=3)
    axes.annotate(
        str(style.number),
        place,
        fontsize=7,
        fontweight="bold",
        color=style.text_colour,
        ha="center",
        va="center_baseline",
        zorder=4,
    )


def _section(
    roofs: CoreRoofs, work: tuple[ScopeWork, ...], styles: Mapping[str, ScopeStyle]
) -> Section:
    entries = []
    for one in work:
        if one.core_type is not roofs.core_type:
            continue
        style, (compute, memory) = styles[one.scope], one.shares(roofs)
        entries.append(
            Entry(
                one.scope,
                (f"{compute:.1f}", f"{memory:.1f}"),
                style.colour,
                style.hatch,
                str(style.number),
                style.text_colour,
            )
        )
    title = f"{roofs.core_type.upper()}: percent of"
    return Section(title, ("peak", "bandwidth"), tuple(entries))

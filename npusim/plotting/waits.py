"""Bars of busy time and waits by reason: per core type, and per scope."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npusim.analysis import CoreAccount, core_accounts, percent_of
from npusim.plotting.bars import Bar, bars_height_in, draw_bars
from npusim.plotting.legend import draw_legend, legend_size_in
from npusim.plotting.page import new_page
from npusim.plotting.sections import lane_time_section
from npusim.plotting.style import BUSY, INK, ScopeStyle, scope_styles
from npusim.plotting.titles import details, headline
from npusim.trace import Trace
from npusim.units import ps_to_us

_TOP_IN = 1.2
_PANEL_IN = 9.5
_GAP_IN = 0.95
_LEGEND_GAP_IN = 0.4
_CHARACTER_IN = 0.07  # of a bar label


def waits_figure(trace: Trace) -> Figure:
    """Stacked bars of busy and waits by reason, per core type and per scope.

    Above: lane time of each core type in percent. Below: lane time in us of each scope on each core
    type, by first start, busy in the colour of the scope; a wait belongs to the scope of the task
    that ended it, and lane time after the last task is its own bar.

    Returns:
        A figure that pyplot does not know; write it with ``save_figure``.
    """
    cores = [account for account in core_accounts(trace) if account.lanes]
    by_core = [_core_bar(account) for account in cores]
    styles = scope_styles(trace)
    by_scope = [bar for account in cores for bar in _scope_bars(account, styles)]
    sections = (lane_time_section(trace),)
    legend_width, legend_height = legend_size_in(sections)
    left = 0.3 + _CHARACTER_IN * max((len(bar.label) for bar in by_scope), default=8)
    heights = [bars_height_in(bars) for bars in (by_core, by_scope)]
    page = new_page(
        left + _PANEL_IN + _LEGEND_GAP_IN + legend_width + 0.25,
        _TOP_IN + max(heights[0] + _GAP_IN + heights[1], legend_height) + 0.6,
    )
    page.title(headline(trace), details(trace), left=0.3)
    top = _TOP_IN
    for bars, height, title, unit in (
        (by_core, heights[0], "By core type", "share of lane time [%]"),
        (by_scope, heights[1], "By scope", "lane time [us]"),
    ):
        axes = page.axes(left, top, _PANEL_IN, height)
        _write_title(axes, title)
        draw_bars(axes, bars, unit=unit, width_in=_PANEL_IN)
        top += height + _GAP_IN
    legend = page.axes(left + _PANEL_IN + _LEGEND_GAP_IN, _TOP_IN, legend_width, legend_height)
    draw_legend(legend, sections)
    return page.figure


def _write_title(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=9.5, fontweight="bold", color=INK)


def _core_bar(account: CoreAccount) -> Bar:
    whole_ps = account.lane_time_ps
    lanes = "1 lane" if account.lanes == 1 else f"{account.lanes} lanes"
    return Bar(
        f"{account.core_type.upper()} ({lanes})",
        percent_of(account.total.busy_ps, whole_ps),
        tuple(percent_of(value, whole_ps) for value in account.total.waits_ps),
    )


def _scope_bars(account: CoreAccount, styles: Mapping[str, ScopeStyle]) -> list[Bar]:
    bars: list[Bar] = []
    for scope, one in account.scopes:
        style = styles.get(scope)  # none for "(no work)", which is never busy
        bars.append(
            Bar(
                f"{scope}  {account.core_type.upper()}",
                ps_to_us(one.busy_ps),
                tuple(ps_to_us(value) for value in one.waits_ps),
                style.colour if style else BUSY,
                style.text_colour if style else INK,
                is_first_of_group=not bars,
            )
        )
    return bars

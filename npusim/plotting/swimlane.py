"""The swimlane of one run: every lane, every task, and why the lanes were idle."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from npusim.analysis.observed_path import ObservedPath
from npusim.plotting.boxes import Scale
from npusim.plotting.legend import Section, draw_legend, legend_size_in
from npusim.plotting.page import new_page
from npusim.plotting.panel import draw_panel, end_us, label_time_axis, mark_makespan
from npusim.plotting.path import draw_path, path_section
from npusim.plotting.rows import lay_out_rows
from npusim.plotting.sections import phase_section, scope_section, wait_section
from npusim.plotting.style import ScopeStyle, scope_styles
from npusim.plotting.titles import details, headline
from npusim.trace import Trace

_LEFT_IN = 1.25
_TOP_IN = 1.05
_BOTTOM_IN = 0.55
_PANEL_IN = 14.0
_GAP_IN = 0.35
_ROW_IN = 0.168
_TALLEST_ROW_IN = 0.5


def swimlane_figure(
    trace: Trace, title: str | None = None, *, path: ObservedPath | None = None
) -> Figure:
    """The run as a swimlane.

    Rows: orchestrator and schedulers, AIC lanes, AIV lanes, each core followed by its pipes where
    the run looked inside. Time in us since the run began. Slices have the colour and the number of
    their scope; waits are thin tints by reason; lane time without work is blank. The legend lists
    scopes by first start with blocks and busy us.

    Args:
        trace: A simulated or captured run.
        title: Goes above kernel, variant, chip and makespan, which then move to the line below.
        path: The observed critical path of ``trace``, to draw over it.

    Returns:
        A figure that pyplot does not know; write it with ``save_figure``.
    """
    layout, styles = lay_out_rows(trace), scope_styles(trace)
    sections = _sections(trace, styles, path)
    legend_width, legend_height = legend_size_in(sections)
    # Few lanes: stretch the rows towards the height that the legend needs anyway.
    row_in = min(max(_ROW_IN, legend_height / layout.height), _TALLEST_ROW_IN)
    panel_height = layout.height * row_in
    page = new_page(
        _LEFT_IN + _PANEL_IN + _GAP_IN + legend_width + 0.25,
        _TOP_IN + max(panel_height, legend_height) + _BOTTOM_IN,
    )
    if title is None:
        page.title(headline(trace), details(trace), left=0.3)
    else:
        page.title(title, f"{headline(trace)}   ·   {details(trace)}", left=0.3)
    axes = page.axes(_LEFT_IN, _TOP_IN, _PANEL_IN, panel_height)
    span_us = end_us(trace) or 1.0
    axes.set_xlim(0, span_us * 1.01)
    draw_panel(axes, trace, layout, styles, Scale(_PANEL_IN / (span_us * 1.01), row_in))
    if path is not None:
        draw_path(axes, path, layout)
    mark_makespan(axes, trace)
    label_time_axis(axes)
    axes.tick_params(axis="x", top=True, labeltop=True)
    legend = page.axes(_LEFT_IN + _PANEL_IN + _GAP_IN, _TOP_IN, legend_width, legend_height)
    draw_legend(legend, sections)
    return page.figure


def _sections(
    trace: Trace, styles: Mapping[str, ScopeStyle], path: ObservedPath | None
) -> tuple[Section, ...]:
    sections = [scope_section(trace, styles), wait_section(trace), phase_section(trace)]
    if path is not None:
        sections.append(path_section(path))
    return tuple(section for section in sections if section.entries)

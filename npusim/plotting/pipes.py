"""Inside the cores: every instruction on its pipe, and why the pipe was idle before it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npusim.errors import UsageError
from npusim.plotting.boxes import Records, Scale, draw_slices, draw_waits
from npusim.plotting.legend import Entry, Section, draw_legend, legend_size_in
from npusim.plotting.page import new_page
from npusim.plotting.panel import draw_frame, label_time_axis
from npusim.plotting.rows import RowLayout, lay_out_cores
from npusim.plotting.style import BUSY, REASON_COLOURS, REASON_HATCHES, ScopeStyle, look
from npusim.plotting.titles import details, headline
from npusim.trace import LaneKind, Trace, WaitReason, core_of_pipe
from npusim.units import PS_PER_US, ps_to_us

_LEFT_IN = 1.25
_TOP_IN = 1.05
_BOTTOM_IN = 0.55
_PANEL_IN = 14.0
_GAP_IN = 0.35
_MOST_NAMED = 8
_ROW_IN = 0.2
_TALLEST_ROW_IN = 0.42
_MARGIN_FRAC = 0.01  # of the window, left free on both sides
_NAME_PT = 7.0
_NAME_CHARACTER_IN = 0.062
_ISSUE = "issue"
_ISSUE_COLOUR = "#9AA3AD"


@dataclass(frozen=True, slots=True)
class _View:
    """What of a trace is shown: its instructions, kernels and pipe waits in a window of time."""

    start_ps: int
    end_ps: int
    instructions: Records
    kernels: Records
    waits: Records
    layout: RowLayout


def pipes_figure(trace: Trace, task_id: int | None = None) -> Figure:
    """The pipes of the cores that the run looked into.

    Rows: for each core its kernels, then its pipes. Time in us since the run began. Instructions
    have the colour and the number of their operation, waits of the pipes are tints by reason, time
    without work is blank. The legend lists operations and reasons with lane time in the window.

    Args:
        trace: A run with pipe lanes (``npusim run --fidelity pipe``).
        task_id: Show the time in which this task ran on those cores; None for the whole run.

    Returns:
        A figure that pyplot does not know; write it with ``save_figure``.

    Raises:
        UsageError: If the trace has no pipe lanes, or the task did not run on their cores.
    """
    view = _view(trace, task_id)
    styles = _styles(trace, view)
    sections = _sections(trace, view, styles)
    legend_width, legend_height = legend_size_in(sections)
    row_in = min(max(_ROW_IN, legend_height / view.layout.height), _TALLEST_ROW_IN)
    panel_height = view.layout.height * row_in
    page = new_page(
        _LEFT_IN + _PANEL_IN + _GAP_IN + legend_width + 0.25,
        _TOP_IN + max(panel_height, legend_height) + _BOTTOM_IN,
    )
    page.title(_title(trace, view, task_id), f"{headline(trace)}   ·   {details(trace)}", left=0.3)
    axes = page.axes(_LEFT_IN, _TOP_IN, _PANEL_IN, panel_height)
    _draw(axes, trace, view, styles, row_in)
    legend = page.axes(_LEFT_IN + _PANEL_IN + _GAP_IN, _TOP_IN, legend_width, legend_height)
    draw_legend(legend, sections)
    return page.figure


def _view(trace: Trace, task_id: int | None) -> _View:
    pipes = trace.lane_indices(LaneKind.PIPE)
    if not pipes:
        msg = (
            "pipes: the run has no pipe lanes; expected a run with them; run the kernel again "
            "with npusim run --fidelity pipe"
        )
        raise UsageError(msg)
    start_ps, end_ps = _window(trace, task_id)
    shown = _overlapping(trace.op_slices, start_ps, end_ps)
    busy_cores = {trace.lanes[lane].core_id for lane in np.unique(shown["lane"]).tolist()}
    # A task runs on few of the cores that the run looked into; an idle core tells nothing about it.
    cores = [
        index
        for index in trace.lane_indices(LaneKind.AIC, LaneKind.AIV)
        if trace.lanes[index].core_id in busy_cores
    ]
    layout = lay_out_cores(trace, cores)
    kernels, waits = (
        _overlapping(rows[np.isin(rows["lane"], lanes)], start_ps, end_ps)
        for rows, lanes in ((trace.slices, cores), (trace.waits, _pipes(layout, cores)))
    )
    return _View(start_ps, end_ps, shown, kernels, waits, layout)


def _pipes(layout: RowLayout, cores: list[int]) -> list[int]:
    return [lane for lane in layout.row_of_lane if lane not in cores]


def _window(trace: Trace, task_id: int | None) -> tuple[int, int]:
    """Start and end of what is shown, in ps."""
    if task_id is None:
        return trace.span_ps
    rows = trace.op_slices
    known = [index for index, task in enumerate(trace.tasks) if task.task_id == task_id]
    if not known or not np.isin(known[0], rows["task"]):
        seen = [trace.tasks[index].task_id for index in np.unique(rows["task"]).tolist()]
        some = ", ".join(str(one) for one in seen[:_MOST_NAMED])
        what = "ran on none of the cores with pipe lanes" if known else "is not in the run"
        wanted = f"task {some}" if len(seen) == 1 else f"one of the tasks {some}"
        if len(seen) > _MOST_NAMED:
            wanted = f"one of the {len(seen)} tasks that did, for instance {some}"
        msg = f"pipes: task {task_id} {what}; expected {wanted}"
        if known:
            msg += "; or run again with its core among --pipe-cores"
        raise UsageError(msg)
    cores = list(core_of_pipe(trace).values())
    own = trace.slices[(trace.slices["task"] == known[0]) & np.isin(trace.slices["lane"], cores)]
    return int(own["start_ps"].min()), int(own["end_ps"].max())


def _overlapping(rows: Records, start_ps: int, end_ps: int) -> Records:
    return rows[(rows["start_ps"] < end_ps) & (rows["end_ps"] > start_ps)]


def _base(name: str) -> str:
    """All that the scalar unit issues looks the same."""
    return _ISSUE if name.startswith(f"{_ISSUE} ") else name


def _styles(trace: Trace, view: _View) -> dict[str, ScopeStyle]:
    """A look for each operation, in the order of the op table, and a grey one for issuing."""
    names = [_base(trace.op_names[op]) for op in np.unique(view.instructions["op"]).tolist()]
    found = {name: look(index) for index, name in enumerate(n for n in names if n != _ISSUE)}
    if _ISSUE in names:
        found[_ISSUE] = ScopeStyle(0, _ISSUE_COLOUR, "")
    return found


def _draw(
    axes: Axes, trace: Trace, view: _View, styles: Mapping[str, ScopeStyle], row_in: float
) -> None:
    start_us, end_us = ps_to_us(view.start_ps), ps_to_us(view.end_ps)
    margin_us = (end_us - start_us) * _MARGIN_FRAC
    axes.set_xlim(start_us - margin_us, end_us + margin_us)
    axes.set_ylim(view.layout.height + 0.3, -0.3)
    scale = Scale(_PANEL_IN / (end_us - start_us + 2 * margin_us), row_in)
    draw_frame(axes, view.layout, scale)
    draw_waits(axes, view.waits, view.layout)
    kernel_style = ScopeStyle(0, BUSY, "")
    draw_slices(axes, view.kernels, view.layout, kernel_style, scale, label="kernels")
    _name_kernels(axes, trace, view, scale)
    names = np.array([_base(name) for name in trace.op_names])
    for name, style in styles.items():
        rows = view.instructions[names[view.instructions["op"]] == name]
        draw_slices(axes, rows, view.layout, style, scale, label=name, is_snapped=False)
    label_time_axis(axes)
    axes.ticklabel_format(axis="x", useOffset=False)


def _name_kernels(axes: Axes, trace: Trace, view: _View, scale: Scale) -> None:
    """Writes task and block on the kernels that are wide enough."""
    for row in view.kernels:
        task = trace.tasks[row["task"]]
        start, end = max(row["start_ps"], view.start_ps), min(row["end_ps"], view.end_ps)
        width_in = ps_to_us(int(end - start)) * scale.inches_per_us
        for text in (f"{task.name}, task {task.task_id}, block {row['block']}", task.name):
            if len(text) * _NAME_CHARACTER_IN < width_in:
                axes.text(
                    (start + end) / 2 / PS_PER_US,
                    view.layout.row_of_lane[int(row["lane"])],
                    text,
                    fontsize=_NAME_PT,
                    color="#FFFFFF",
                    ha="center",
                    va="center",
                    parse_math=False,
                    zorder=3,
                )
                break


def _sections(trace: Trace, view: _View, styles: Mapping[str, ScopeStyle]) -> tuple[Section, ...]:
    names = np.array([_base(name) for name in trace.op_names])
    operations = []
    for name, style in styles.items():
        rows = view.instructions[names[view.instructions["op"]] == name]
        cells = (f"{len(rows):,}", _us(rows, view))
        mark = str(style.number) if style.number else ""
        operations.append(Entry(name, cells, style.colour, style.hatch, mark, style.text_colour))
    reasons = []
    for reason in WaitReason:
        rows = view.waits[view.waits["reason"] == reason]
        if len(rows):
            label, hatch = reason.name.lower().replace("_", " "), REASON_HATCHES.get(reason, "")
            reasons.append(Entry(label, (_us(rows, view),), REASON_COLOURS[reason], hatch))
    sections = (
        Section("Instructions", ("count", "us"), tuple(operations)),
        Section("Waits: pipe lane time", ("us",), tuple(reasons)),
    )
    return tuple(section for section in sections if section.entries)


def _us(rows: Records, view: _View) -> str:
    """Lane time of ``rows`` inside the window."""
    start = np.maximum(rows["start_ps"], view.start_ps)
    end = np.minimum(rows["end_ps"], view.end_ps)
    return f"{ps_to_us(int((end - start).sum())):,.1f}"


def _title(trace: Trace, view: _View, task_id: int | None) -> str:
    cores = ", ".join(group.name for group in view.layout.groups[:6])
    if len(view.layout.groups) > 6:
        cores += f" and {len(view.layout.groups) - 6} more"
    if task_id is None:
        return f"Pipes of {cores}"
    name = next(task.name for task in trace.tasks if task.task_id == task_id)
    return f"Pipes of {cores} while task {task_id} ({name}) runs"

"""Draws one swimlane onto one axes: waits as tints, slices on top, AICPU phases, lane labels.

Everything of one look is one collection, so a picture of 20,000 slices is a few dozen artists.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from npusim.analysis import idle_waits
from npusim.plotting.boxes import (
    SLICE_HEIGHT,
    Scale,
    draw_instructions,
    draw_slices,
    draw_waits,
    lane_boxes,
)
from npusim.plotting.rows import Group, RowLayout
from npusim.plotting.style import FAINT_INK, GRID, INK, PHASE_COLOURS, ScopeStyle
from npusim.trace import LaneKind, PhaseKind, Trace
from npusim.units import ps_to_us

_NESTED_HEIGHT = 0.4
_GROUP_PT = 9.0
_GROUP_CHARACTER_IN = 0.095  # width of a bold character at that size


def end_us(trace: Trace) -> float:
    """The last moment that the trace shows, on any lane, in microseconds."""
    ends = [records["end_ps"].max() for records in (trace.slices, trace.phases) if len(records)]
    return ps_to_us(int(max(ends, default=0)))


def draw_panel(
    axes: Axes, trace: Trace, layout: RowLayout, styles: Mapping[str, ScopeStyle], scale: Scale
) -> None:
    """Draws ``trace`` on ``axes``; x is microseconds since the run began, y is rows."""
    axes.set_ylim(layout.height + 0.3, -0.3)
    draw_frame(axes, layout, scale)
    _draw_waits(axes, trace, layout)
    _draw_slices(axes, trace, layout, styles, scale)
    _draw_phases(axes, trace, layout)


def label_time_axis(axes: Axes) -> None:
    """Names the x axis and its unit."""
    axes.set_xlabel("time since the run began [us]", fontsize=9, color=INK)


def mark_makespan(axes: Axes, trace: Trace) -> None:
    """Thin dashed lines at the first kernel start and the last kernel end."""
    start, end = (ps_to_us(time_ps) for time_ps in trace.span_ps)
    for position in (start, end):
        axes.axvline(position, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=4)


def draw_frame(axes: Axes, layout: RowLayout, scale: Scale) -> None:
    """Draws lane names, group names and the grid of a panel; leaves the limits as they are."""
    # 72 points per inch; a label takes at most four fifths of its row.
    label_pt = min(7.5, 0.6 * 72 * scale.inches_per_row)
    axes.set_yticks(layout.centres, layout.names, fontsize=label_pt, color=INK)
    axes.tick_params(axis="y", length=0, pad=3)
    axes.tick_params(axis="x", labelsize=8, colors=INK, length=3)
    axes.grid(visible=True, axis="x", color=GRID, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for group in layout.groups:
        axes.axhspan(group.top, group.bottom, color="#F7F8FA", linewidth=0, zorder=0)
        _label_group(axes, group, (group.bottom - group.top) * scale.inches_per_row)


def _label_group(axes: Axes, group: Group, height_in: float) -> None:
    """Writes the group's name upwards beside its lanes, and how busy they are if it fits."""
    label = f"{group.name}   {group.detail}".rstrip()
    if len(label) * _GROUP_CHARACTER_IN > height_in:
        label = group.name
    axes.text(
        -0.062,
        (group.top + group.bottom) / 2,
        label,
        transform=axes.get_yaxis_transform(),
        rotation=90,
        ha="center",
        va="center",
        fontsize=min(_GROUP_PT, max(5.0, 30 * height_in)),  # a single thin lane: smaller
        fontweight="bold",
        color=FAINT_INK,
    )


def _draw_waits(axes: Axes, trace: Trace, layout: RowLayout) -> None:
    pipes = trace.lane_indices(LaneKind.PIPE)
    inside = trace.waits[np.isin(trace.waits["lane"], pipes)]
    draw_waits(axes, np.concatenate([idle_waits(trace), inside]), layout)


def _draw_slices(
    axes: Axes, trace: Trace, layout: RowLayout, styles: Mapping[str, ScopeStyle], scale: Scale
) -> None:
    names = np.array([task.name for task in trace.tasks])
    for name, style in styles.items():
        kernels, instructions = (
            rows[names[rows["task"]] == name] if len(names) else rows
            for rows in (trace.slices, trace.op_slices)
        )
        if len(kernels):
            draw_slices(axes, kernels, layout, style, scale, label=name)
        if len(instructions):
            draw_instructions(axes, instructions, layout, style, label=f"{name} instructions")


def _draw_phases(axes: Axes, trace: Trace, layout: RowLayout) -> None:
    for kind in PhaseKind:
        rows = trace.phases[trace.phases["kind"] == kind]
        if not len(rows):
            continue
        is_nested = kind is PhaseKind.RESOLVE
        axes.add_collection(
            PolyCollection(
                list(lane_boxes(rows, layout, _NESTED_HEIGHT if is_nested else SLICE_HEIGHT)),
                facecolors=PHASE_COLOURS[kind],
                linewidths=0,
                zorder=3 if is_nested else 2,
                label=f"phase {kind.name.lower()}",
            ),
            autolim=False,
        )

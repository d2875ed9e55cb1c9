"""Draws one swimlane onto one axes: waits as tints, slices on top, AICPU phases, lane labels.

Everything of one look is one collection, so a picture of 20,000 slices is a few dozen artists.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from npusim.analysis import idle_waits
from npusim.plotting.rows import Group, RowLayout
from npusim.plotting.style import (
    FAINT_INK,
    GRID,
    HATCH_INK,
    INK,
    PHASE_COLOURS,
    REASON_COLOURS,
    REASON_HATCHES,
    ScopeStyle,
)
from npusim.trace import PhaseKind, Trace, WaitReason
from npusim.units import PS_PER_US, ps_to_us

Floats = npt.NDArray[np.float64]
Records = npt.NDArray[np.void]

_SLICE_HEIGHT = 0.86  # of a row
_WAIT_HEIGHT = 0.56
_NESTED_HEIGHT = 0.4
_EDGE_MIN_IN = 0.03  # narrower slices get no white edge: it would eat them
_GROUP_PT = 9.0
_GROUP_CHARACTER_IN = 0.095  # width of a bold character at that size
_NUMBER_PT = 5.0
_DIGIT_IN = 0.048  # width of a digit at that size


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the panel is on paper; decides which details fit."""

    inches_per_us: float
    inches_per_row: float


def end_us(trace: Trace) -> float:
    """The last moment that the trace shows, on any lane, in microseconds."""
    ends = [records["end_ps"].max() for records in (trace.slices, trace.phases) if len(records)]
    return ps_to_us(int(max(ends, default=0)))


def draw_panel(
    axes: Axes, trace: Trace, layout: RowLayout, styles: Mapping[str, ScopeStyle], scale: Scale
) -> None:
    """Draws ``trace`` on ``axes``; x is microseconds since the run began, y is rows."""
    axes.set_ylim(layout.height + 0.3, -0.3)
    _draw_frame(axes, layout, scale)
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


def _draw_frame(axes: Axes, layout: RowLayout, scale: Scale) -> None:
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
    waits = idle_waits(trace)
    for reason in WaitReason:
        rows = waits[waits["reason"] == reason]
        if reason is WaitReason.NO_WORK or not len(rows):
            continue
        hatch = REASON_HATCHES.get(reason, "")
        axes.add_collection(
            PolyCollection(
                list(_boxes(rows, layout, _WAIT_HEIGHT)),
                facecolors=REASON_COLOURS[reason],
                edgecolors="#A8A8A8" if hatch else "none",
                linewidths=0,
                hatch=hatch,
                zorder=1,
                label=f"wait {reason.name.lower()}",
            ),
            autolim=False,
        )


def _draw_slices(
    axes: Axes, trace: Trace, layout: RowLayout, styles: Mapping[str, ScopeStyle], scale: Scale
) -> None:
    names = np.array([task.name for task in trace.tasks])
    for name, style in styles.items():
        rows = trace.slices[names[trace.slices["task"]] == name] if len(names) else trace.slices
        if not len(rows):
            continue
        boxes = _boxes(rows, layout, _SLICE_HEIGHT)
        widths_in = (boxes[:, 2, 0] - boxes[:, 0, 0]) * scale.inches_per_us
        axes.add_collection(
            PolyCollection(
                list(boxes),
                facecolors=style.colour,
                edgecolors=HATCH_INK if style.hatch else "#FFFFFF",
                linewidths=np.where(widths_in > _EDGE_MIN_IN, 0.4, 0.0),
                hatch=style.hatch,
                zorder=2,
                label=name,
            ),
            autolim=False,
        )
        _draw_numbers(axes, boxes, widths_in, style, scale)


def _draw_numbers(
    axes: Axes, boxes: Floats, widths_in: Floats, style: ScopeStyle, scale: Scale
) -> None:
    """Writes the scope's number on the slices that are wide enough, as one collection."""
    text = str(style.number)
    fits = widths_in > _DIGIT_IN * len(text) + 0.03
    if not fits.any() or scale.inches_per_row * 72 < _NUMBER_PT:
        return
    glyphs = TextPath((0, 0), text, size=_NUMBER_PT, prop=FontProperties(weight="bold"))
    extents = glyphs.get_extents()
    centred = Affine2D().translate(-(extents.x0 + extents.x1) / 2, -(extents.y0 + extents.y1) / 2)
    figure = axes.get_figure(root=True)
    assert figure is not None, "a panel is drawn on axes of a figure"
    axes.add_collection(
        PathCollection(
            [centred.transform_path(glyphs)],
            offsets=boxes[fits].mean(axis=1),
            offset_transform=axes.transData,
            transform=Affine2D().scale(1 / 72) + figure.dpi_scale_trans,
            facecolors=style.text_colour,
            linewidths=0,
            zorder=3,
        ),
        autolim=False,
    )


def _draw_phases(axes: Axes, trace: Trace, layout: RowLayout) -> None:
    for kind in PhaseKind:
        rows = trace.phases[trace.phases["kind"] == kind]
        if not len(rows):
            continue
        is_nested = kind is PhaseKind.RESOLVE
        axes.add_collection(
            PolyCollection(
                list(_boxes(rows, layout, _NESTED_HEIGHT if is_nested else _SLICE_HEIGHT)),
                facecolors=PHASE_COLOURS[kind],
                linewidths=0,
                zorder=3 if is_nested else 2,
                label=f"phase {kind.name.lower()}",
            ),
            autolim=False,
        )


def _boxes(rows: Records, layout: RowLayout, height: float) -> Floats:
    """Corners (n, 4, 2) of one box per record: x in us, y in rows."""
    centres = np.array([layout.row_of_lane[int(lane)] for lane in rows["lane"]])
    left, right = rows["start_ps"] / PS_PER_US, rows["end_ps"] / PS_PER_US
    top, bottom = centres - height / 2, centres + height / 2
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return np.stack([np.stack(corner, axis=1) for corner in corners], axis=1)

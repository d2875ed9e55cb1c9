"""Boxes on the rows of a swimlane: slices with their number, instructions, waits as tints.

Everything of one look is one collection, so a picture of 20,000 slices is a few dozen artists.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from npusim.plotting.rows import RowLayout
from npusim.plotting.style import HATCH_INK, REASON_COLOURS, REASON_HATCHES, ScopeStyle
from npusim.trace import WaitReason
from npusim.units import PS_PER_US

Floats = npt.NDArray[np.float64]
Records = npt.NDArray[np.void]

SLICE_HEIGHT = 0.86  # of a row
_INSTRUCTION_HEIGHT = 0.62
_WAIT_HEIGHT = 0.56
_EDGE_MIN_IN = 0.03  # narrower slices get no white edge: it would eat them
_NUMBER_PT = 5.0
_DIGIT_IN = 0.048  # width of a digit at that size


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the panel is on paper; decides which details fit."""

    inches_per_us: float
    inches_per_row: float


def draw_slices(
    axes: Axes,
    rows: Records,
    layout: RowLayout,
    style: ScopeStyle,
    scale: Scale,
    *,
    label: str,
    is_snapped: bool = True,
) -> None:
    """Draws slices of one look, with the number of the look, if it has one, on wide ones.

    Snapped to pixels they are crisp, but those far below a pixel vanish or grow to one; where
    there are many of these, blending them shows how dense they are.
    """
    boxes = lane_boxes(rows, layout, SLICE_HEIGHT)
    widths_in = (boxes[:, 2, 0] - boxes[:, 0, 0]) * scale.inches_per_us
    axes.add_collection(
        PolyCollection(
            list(boxes),
            facecolors=style.colour,
            edgecolors=HATCH_INK if style.hatch else "#FFFFFF",
            linewidths=np.where(widths_in > _EDGE_MIN_IN, 0.4, 0.0),
            hatch=style.hatch,
            snap=None if is_snapped else False,
            zorder=2,
            label=label,
        ),
        autolim=False,
    )
    if style.number:
        _draw_numbers(axes, boxes, widths_in, style, scale)


def draw_instructions(
    axes: Axes, rows: Records, layout: RowLayout, style: ScopeStyle, *, label: str
) -> None:
    """Draws instructions on pipe lanes in the colour of their scope, blended, without number."""
    axes.add_collection(
        PolyCollection(
            list(lane_boxes(rows, layout, _INSTRUCTION_HEIGHT)),
            facecolors=style.colour,
            linewidths=0,
            snap=False,
            zorder=2,
            label=label,
        ),
        autolim=False,
    )


def draw_waits(axes: Axes, waits: Records, layout: RowLayout) -> None:
    """Draws waits as tints by reason; time without work stays blank."""
    for reason in WaitReason:
        rows = waits[waits["reason"] == reason]
        if reason is WaitReason.NO_WORK or not len(rows):
            continue
        hatch = REASON_HATCHES.get(reason, "")
        axes.add_collection(
            PolyCollection(
                list(lane_boxes(rows, layout, _WAIT_HEIGHT)),
                facecolors=REASON_COLOURS[reason],
                edgecolors="#A8A8A8" if hatch else "none",
                linewidths=0,
                hatch=hatch,
                zorder=1,
                label=f"wait {reason.name.lower()}",
            ),
            autolim=False,
        )


def lane_boxes(rows: Records, layout: RowLayout, height: float) -> Floats:
    """Corners (n, 4, 2) of one box per record: x in us, y in rows."""
    centres = np.array([layout.row_of_lane[int(lane)] for lane in rows["lane"]])
    left, right = rows["start_ps"] / PS_PER_US, rows["end_ps"] / PS_PER_US
    top, bottom = centres - height / 2, centres + height / 2
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return np.stack([np.stack(corner, axis=1) for corner in corners], axis=1)


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

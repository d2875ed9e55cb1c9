"""Stacked horizontal bars of busy time and waits by reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from npusim.plotting.style import BUSY, GRID, INK, REASON_COLOURS, REASON_HATCHES
from npusim.trace import WaitReason

_ROW_IN = 0.3
_HEIGHT = 0.74  # of a row
_GROUP_GAP = 0.5  # rows
_OUTLINE = "#8A8A8A"
_VALUE_PT = 7
_CHARACTER_IN = 0.062  # width of a digit at that size


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; all values in the unit of the axis."""

    label: str
    busy: float
    waits: tuple[float, ...]
    """Indexed by ``WaitReason``."""
    busy_colour: str = BUSY
    busy_ink: str = "#FFFFFF"
    is_first_of_group: bool = False
    """Leaves some space above."""

    @property
    def total(self) -> float:
        """Length of the whole bar."""
        return self.busy + sum(self.waits)


@dataclass(frozen=True, slots=True)
class _Part:
    """The same part of every bar: busy, or one reason."""

    name: str
    values: list[float]
    colours: list[str]
    inks: list[str]
    hatch: str = ""


def bars_height_in(bars: Sequence[Bar]) -> float:
    """Height of axes in inches that shows ``bars`` at the usual thickness; at least one row."""
    return _ROW_IN * (_rows(bars)[-1] + 1 if bars else 1)


def draw_bars(axes: Axes, bars: Sequence[Bar], *, unit: str, width_in: float) -> None:
    """Draws ``bars`` from the top: busy first, then the reasons in the order of the enum.

    Args:
        axes: Where to draw.
        bars: From top to bottom.
        unit: Label of the x axis.
        width_in: Width of the axes in inches; a part that is wide enough carries its value.
    """
    longest = max((bar.total for bar in bars), default=0.0) or 1.0
    rows = _rows(bars)
    left = [0.0] * len(bars)
    for part in _parts(bars):
        axes.barh(
            rows,
            part.values,
            left=left,
            height=_HEIGHT,
            color=part.colours,
            edgecolor=_OUTLINE,
            linewidth=0.4,
            hatch=part.hatch,
            zorder=2,
            label=part.name,
        )
        _write_values(axes, part, rows, left, width_in / longest)
        left = [start + value for start, value in zip(left, part.values, strict=True)]
    axes.set_xlim(0, longest * 1.01)
    axes.set_yticks(rows, [bar.label for bar in bars], fontsize=8, color=INK, parse_math=False)
    axes.set_ylim((rows[-1] if rows else 0) + 0.5, -0.5)
    _style_axes(axes, unit)


def _rows(bars: Sequence[Bar]) -> list[float]:
    """Centre of each bar in rows from the top, with a gap above each group but the first."""
    rows: list[float] = []
    for bar in bars:
        step = 1 + (_GROUP_GAP if bar.is_first_of_group else 0)
        rows.append(rows[-1] + step if rows else 0)
    return rows


def _parts(bars: Sequence[Bar]) -> list[_Part]:
    """Busy, and each reason that any bar has; UNKNOWN always."""
    parts = [
        _Part(
            "busy",
            [bar.busy for bar in bars],
            [bar.busy_colour for bar in bars],
            [bar.busy_ink for bar in bars],
        )
    ]
    for reason in WaitReason:
        values = [bar.waits[reason] for bar in bars]
        if any(values) or reason is WaitReason.UNKNOWN:
            colours, inks = [REASON_COLOURS[reason]] * len(bars), [INK] * len(bars)
            hatch = REASON_HATCHES.get(reason, "")
            parts.append(_Part(reason.name.lower(), values, colours, inks, hatch))
    return parts


def _write_values(
    axes: Axes, part: _Part, rows: list[float], left: list[float], inches_per_unit: float
) -> None:
    for row, value, start, ink, ground in zip(
        rows, part.values, left, part.inks, part.colours, strict=True
    ):
        text = f"{value:,.1f}"
        if value * inches_per_unit > _CHARACTER_IN * len(text) + 0.08:
            axes.text(
                start + value / 2,
                row,
                text,
                fontsize=_VALUE_PT,
                color=ink,
                ha="center",
                va="center",
                zorder=3,
                # A hatch must not run through the digits.
                path_effects=[withStroke(linewidth=2.5, foreground=ground)] if part.hatch else None,
            )


def _style_axes(axes: Axes, unit: str) -> None:
    axes.tick_params(axis="y", length=0, pad=4)
    axes.tick_params(axis="x", labelsize=8, colors=INK, length=3)
    axes.set_xlabel(unit, fontsize=8.5, color=INK)
    axes.grid(visible=True, axis="x", color=GRID, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)

"""A legend that is a small table: swatch, name, and aligned columns of numbers."""

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from npusim.plotting.style import FAINT_INK, GRID, HATCH_INK, INK

LINE_IN = 0.19
"""Height of one legend line in inches."""

_TEXT_PT = 7.5
_CHARACTER_IN = 0.064  # mean width of a character at that size
_NUMBER_COLUMN_IN = 0.78
_SWATCH_IN = 0.26


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a swatch, what it stands for, and its numbers as text."""

    label: str
    cells: tuple[str, ...]
    colour: str
    hatch: str = ""
    mark: str = ""
    """Written on the swatch, as it is on the slices."""
    mark_colour: str = INK


@dataclass(frozen=True, slots=True)
class Section:
    """A headed block of lines."""

    title: str
    headings: tuple[str, ...]
    entries: tuple[Entry, ...]


def legend_size_in(sections: tuple[Section, ...]) -> tuple[float, float]:
    """Width and height in inches that ``draw_legend`` needs."""
    labels = [entry.label for section in sections for entry in section.entries]
    columns = max((len(section.headings) for section in sections), default=0)
    longest = max((len(label) for label in labels), default=0)
    lines = sum(len(section.entries) + 2 for section in sections)
    width = _SWATCH_IN + 0.1 + max(longest * _CHARACTER_IN, 1.6) + columns * _NUMBER_COLUMN_IN
    return width, lines * LINE_IN


def draw_legend(axes: Axes, sections: tuple[Section, ...]) -> None:
    """Draws ``sections`` from the top; ``axes`` must have the size of ``legend_size_in``."""
    width, height = legend_size_in(sections)
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    line = 0.5
    for section in sections:
        y = line * LINE_IN
        axes.text(0, y, section.title, fontsize=8.5, fontweight="bold", color=INK, va="center")
        _write_cells(axes, section.headings, y, width, FAINT_INK)
        axes.plot([0, width], [y + LINE_IN / 2] * 2, color=GRID, linewidth=0.8)
        for entry in section.entries:
            line += 1
            _draw_entry(axes, entry, line * LINE_IN + 0.02, width)
        line += 2


def _draw_entry(axes: Axes, entry: Entry, y: float, width: float) -> None:
    axes.add_patch(
        Rectangle(
            (0, y - 0.062),
            _SWATCH_IN,
            0.124,
            facecolor=entry.colour,
            hatch=entry.hatch,
            edgecolor=_edge_colour(entry),
            linewidth=0.5,
        )
    )
    if entry.mark:
        axes.text(
            _SWATCH_IN / 2,
            y,
            entry.mark,
            fontsize=6,
            fontweight="bold",
            color=entry.mark_colour,
            ha="center",
            va="center_baseline",
        )
    axes.text(
        _SWATCH_IN + 0.1,
        y,
        entry.label,
        fontsize=_TEXT_PT,
        color=INK,
        va="center",
        parse_math=False,
    )
    _write_cells(axes, entry.cells, y, width, INK)


def _edge_colour(entry: Entry) -> str:
    """The colour of hatch and outline: as on the slices, and grey for pale wait reasons."""
    if entry.mark:
        return HATCH_INK
    return "#9A9A9A" if entry.hatch or entry.colour == "#FFFFFF" else "none"


def _write_cells(axes: Axes, cells: tuple[str, ...], y: float, width: float, ink: str) -> None:
    for index, cell in enumerate(reversed(cells)):
        x = width - index * _NUMBER_COLUMN_IN
        axes.text(x, y, cell, fontsize=_TEXT_PT, color=ink, ha="right", va="center")

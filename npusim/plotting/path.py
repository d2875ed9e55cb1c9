"""The observed critical path, drawn over a swimlane."""

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patheffects import withStroke

from npusim.analysis.observed_path import ObservedPath, PathKind
from npusim.plotting.legend import Entry, Section
from npusim.plotting.rows import RowLayout
from npusim.plotting.style import INK
from npusim.units import ps_to_us

_HALO = "#FFFFFF"


@dataclass(frozen=True, slots=True)
class _Line:
    """How segments of one kind are drawn; width, dashes and colour all differ, for grey prints."""

    colour: str
    width: float
    style: str | tuple[float, tuple[float, ...]] = "-"


_LINES = {
    PathKind.COMPUTE: _Line(INK, 2.6),
    PathKind.DATA_WAIT: _Line("#C62828", 1.6, (0, (1, 1))),
    PathKind.CORE_WAIT: _Line("#B45F06", 1.6, (0, (4, 1.5))),
    PathKind.DISPATCH: _Line("#00B8D4", 1.6),
    PathKind.ORCHESTRATOR: _Line("#8E24FF", 1.6, (0, (6, 1.5, 1, 1.5))),
}
_OTHER = _Line("#6B6B6B", 1.2, (0, (2, 2)))
_HOP_WIDTH = 0.9


def draw_path(axes: Axes, path: ObservedPath, layout: RowLayout) -> None:
    """Draws the segments of ``path`` along the middle of their lanes, and the hops between lanes.

    A segment before a kernel lies on the lane of that kernel; so all of the path tiles the span.
    """
    rows = layout.row_of_lane
    by_kind: dict[PathKind, list[list[tuple[float, float]]]] = {}
    hops: list[list[tuple[float, float]]] = []
    before: float | None = None
    for one in path.segments:
        row, start = rows[one.lane], ps_to_us(one.start_ps)
        by_kind.setdefault(one.kind, []).append([(start, row), (ps_to_us(one.end_ps), row)])
        if before is not None and before != row:
            hops.append([(start, before), (start, row)])
        before = row
    _add(axes, hops, _Line(INK, _HOP_WIDTH), "critical path hops")
    for kind in PathKind:
        if kind in by_kind:
            _add(axes, by_kind[kind], _LINES.get(kind, _OTHER), f"critical path {kind}")


def path_section(path: ObservedPath) -> Section:
    """Legend lines: how long the path was what, in us; they add up to the makespan."""
    entries = tuple(
        Entry(
            str(kind).replace("_", " "),
            (f"{ps_to_us(length_ps):,.1f}",),
            _LINES.get(kind, _OTHER).colour,
        )
        for kind, length_ps in path.by_kind().items()
        if length_ps
    )
    return Section("Critical path", ("us",), entries)


def _add(axes: Axes, lines: list[list[tuple[float, float]]], look: _Line, label: str) -> None:
    axes.add_collection(
        LineCollection(
            lines,
            colors=look.colour,
            linewidths=look.width,
            linestyles=[look.style],
            path_effects=[withStroke(linewidth=look.width + 1.6, foreground=_HALO)],
            zorder=6 if look.width > _LINES[PathKind.DISPATCH].width else 5,
            label=label,
        ),
        autolim=False,
    )

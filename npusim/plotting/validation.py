"""Predicted against measured, both on logarithmic axes; a point on the diagonal is exact."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import npusim
from npusim.analysis import Table
from npusim.plotting.style import FAINT_INK, GRID, INK, SCOPE_COLOURS

_SIZE_IN = (9.5, 7.0)
_BAND = 0.15
"""The shaded band: 15 percent to both sides."""
_MARKERS = "osD^vP*Xh<>p"


def validation_figure(points: Table) -> Figure:
    """One mark per predicted point: filled where it was judged or only shown, hollow where fitted.

    Args:
        points: Columns ``group``, ``unit``, ``measured``, ``predicted``, ``fitted``; rows without a
            prediction are left out.

    Returns:
        A figure that pyplot does not know; write it with ``save_figure``.
    """
    figure = Figure(figsize=_SIZE_IN, facecolor="white")
    axes = figure.add_axes((0.09, 0.1, 0.62, 0.78))
    rows = [
        row
        for row in zip(
            *(points.column(name) for name in ("group", "unit", "measured", "predicted", "fitted")),
            strict=True,
        )
        if row[3] is not None
    ]
    _draw_diagonal(axes, [float(value or 0) for row in rows for value in row[2:4]])
    groups = list(dict.fromkeys((str(row[0]), str(row[1])) for row in rows))
    for index, (group, unit) in enumerate(groups):
        mine = [row for row in rows if row[:2] == (group, unit)]
        colour = SCOPE_COLOURS[index % len(SCOPE_COLOURS)]
        for is_fitted in (False, True):
            some = [row for row in mine if bool(row[4]) == is_fitted]
            if some:
                axes.scatter(
                    [float(row[2] or 0) for row in some],
                    [float(row[3] or 0) for row in some],
                    s=36,
                    marker=_MARKERS[index % len(_MARKERS)],
                    facecolors="none" if is_fitted else colour,
                    edgecolors=colour,
                    label=f"{group} [{unit}]{', fitted' if is_fitted else ''}",
                )
    _label(figure, axes, len(rows))
    return figure


def _draw_diagonal(axes: Axes, values: list[float]) -> None:
    low, high = min(values, default=1.0) / 1.5, max(values, default=10.0) * 1.5
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.fill_between(
        [low, high],
        [low * (1 - _BAND), high * (1 - _BAND)],
        [low * (1 + _BAND), high * (1 + _BAND)],
        color=GRID,
        linewidth=0,
    )
    axes.plot([low, high], [low, high], color=FAINT_INK, linewidth=1)


def _label(figure: Figure, axes: Axes, count: int) -> None:
    axes.set_xlabel("measured", color=INK)
    axes.set_ylabel("predicted", color=INK)
    if count:
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=8)
    figure.text(
        0.09,
        0.94,
        f"npusim {npusim.__version__}: {count} reference points, predicted against measured",
        fontsize=12,
        fontweight="bold",
        color=INK,
    )
    figure.text(
        0.09,
        0.905,
        f"line: equal   ·   band: {100 * _BAND:.0f} % to both sides   ·   hollow: fitted",
        fontsize=9,
        color=FAINT_INK,
    )

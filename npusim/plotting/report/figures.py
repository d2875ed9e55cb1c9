"""The bokeh models of the page: for each run a swimlane and, above it, how many cores are busy.

Models carry no bars: sources are filled by the browser code, which finds them by name. All figures
share one range of time, so runs zoom and pan together.
"""

from typing import Any

import numpy as np
from bokeh.core.types import ID
from bokeh.embed import json_item
from bokeh.layouts import column
from bokeh.models import (
    BasicTicker,
    ColumnDataSource,
    FixedTicker,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    ResetTool,
    WheelZoomTool,
    ZoomInTool,
    ZoomOutTool,
)
from bokeh.models.annotations import Title
from bokeh.plotting import figure

from npusim.plotting.report.identity import renumber

PLOTS_ELEMENT = "plots"
"""Where the page puts the figures."""

_ROOM_PX = {1: 640, 2: 330}
"""Height of the lanes of one run by the number of runs; fits a usual screen."""
_LEAST_ROW_PX = {1: 7.0, 2: 4.3}
_MOST_ROW_PX = 20.0
_COUNTS_PX = 84
_AXIS_PX = 36
_LEFT_PX = 74
_MARGIN_FRAC = 0.02
_NEAREST_US = 0.005
"""Shortest time that the plots zoom in to."""
_OVERLAYS: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "path": (
        "multi_line",
        {"xs": "xs", "ys": "ys", "line_color": "colour", "line_width": "width"},
        {},
    ),
    "boxes": (
        "quad",
        {one: one for one in ("left", "right", "top", "bottom")}
        | {"line_color": "colour", "line_width": "width"},
        {"fill_color": None},
    ),
    "arrows": (
        "bezier",
        {one: one for one in ("x0", "y0", "x1", "y1", "cx0", "cx1")}
        | {"cy0": "y0", "cy1": "y1", "line_color": "colour"},
        {"line_width": 1.6, "line_alpha": 0.9},
    ),
    "heads": (
        "scatter",
        {"x": "x", "y": "y", "fill_color": "colour"},
        {"marker": "triangle", "angle": -np.pi / 2, "size": 7, "line_color": None},
    ),
}
"""What lies over the bars, by the name of its source: glyph, its columns, and what is fixed."""
_EVENTS = {"mousemove", "mouseleave", "tap", "doubletap"}


def figures_json(rows: list[float], ends_us: list[float], names: list[str]) -> dict[str, Any]:
    """All figures as a bokeh embed item with identifiers that only depend on the arguments.

    Args:
        rows: Height of each run's swimlane in rows.
        ends_us: Last moment of each run in microseconds.
        names: Name of each run.
    """
    end_us = max([*ends_us, _NEAREST_US])
    limits = (-_MARGIN_FRAC * end_us, (1 + _MARGIN_FRAC) * end_us)
    time_range = Range1d(
        start=limits[0],
        end=limits[1],
        bounds=limits,
        min_interval=_NEAREST_US,
        name="time",
        reset_start=limits[0],
        reset_end=limits[1],
    )
    children = []
    for index, (height, name) in enumerate(zip(rows, names, strict=True)):
        children += [
            _counts_figure(index, name, time_range),
            _lanes_figure(index, height, time_range, runs=len(rows)),
        ]
    item = json_item(column(*children, sizing_mode="stretch_width", spacing=0), ID(PLOTS_ELEMENT))
    numbered: dict[str, Any] = renumber(item)
    return numbered


def _lanes_figure(index: int, rows: float, time_range: Range1d, *, runs: int) -> figure:
    row_px = min(max(_ROOM_PX[runs] / rows, _LEAST_ROW_PX[runs]), _MOST_ROW_PX)
    plot = _figure(
        f"lanes-{index}",
        time_range,
        Range1d(start=-rows - 0.3, end=0.3, name=f"rows-{index}"),
        height=round(rows * row_px) + _AXIS_PX,
    )
    plot.yaxis.ticker = FixedTicker(ticks=[])
    plot.yaxis.major_tick_line_color = None
    plot.ygrid.visible = False
    plot.xaxis.axis_label = "time since the run began [us]"
    raster = ColumnDataSource(
        {"image": [np.zeros((1, 1), np.uint32)], "x": [0], "y": [0], "dw": [1], "dh": [1]},
        name=f"raster-{index}",
    )
    plot.image_rgba("image", x="x", y="y", dw="dw", dh="dh", source=raster)
    _add_overlays(plot, index)
    return plot


def _add_overlays(plot: figure, index: int) -> None:
    """Outlines, the critical path and dependency arrows; all empty at first."""
    for name, (glyph, columns, style) in _OVERLAYS.items():
        data: dict[str, list[float]] = {column: [] for column in columns.values()}
        source = ColumnDataSource(data, name=f"{name}-{index}")
        getattr(plot, glyph)(**columns, **style, source=source)


def _counts_figure(index: int, name: str, time_range: Range1d) -> figure:
    plot = _figure(
        f"counts-{index}",
        time_range,
        Range1d(start=0, end=1, name=f"cores-{index}"),
        height=_COUNTS_PX,
    )
    plot.title = Title(text=name, text_font_size="12px")
    plot.xaxis.visible = False
    plot.yaxis.axis_label = "cores busy"
    plot.yaxis.axis_label_text_font_size = "10px"
    plot.yaxis.ticker = BasicTicker(desired_num_ticks=3)
    plot.yaxis.minor_tick_line_color = None
    plot.yaxis.formatter = NumeralTickFormatter(format="0")
    for core in ("aiv", "aic"):
        source = ColumnDataSource({"x": [], "y": []}, name=f"busy-{core}-{index}")
        plot.varea(x="x", y1=0, y2="y", fill_alpha=0.22, source=source, name=f"area-{core}-{index}")
        plot.line(x="x", y="y", line_width=1.4, source=source, name=f"line-{core}-{index}")
    return plot


def _figure(name: str, x_range: Range1d, y_range: Range1d, *, height: int) -> figure:
    plot = figure(
        name=name,
        x_range=x_range,
        y_range=y_range,
        height=height,
        sizing_mode="stretch_width",
        tools="",
        toolbar_location=None,
        min_border_left=_LEFT_PX,
        min_border_right=12,
        min_border_top=2,
        min_border_bottom=4,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        subscribed_events=_EVENTS,
    )
    wheel = WheelZoomTool(dimensions="width", zoom_on_axis=False)
    plot.add_tools(
        PanTool(dimensions="width"),
        wheel,
        ZoomInTool(dimensions="width"),
        ZoomOutTool(dimensions="width"),
        ResetTool(),
    )
    plot.toolbar.active_scroll = wheel
    plot.axis.axis_label_text_font_style = "normal"
    plot.axis.axis_line_color = None
    plot.axis.major_label_text_font_size = "10px"
    return plot

"""Puts the page together: bokeh, our browser code, the style and the data, in one file."""

import html
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from bokeh.resources import Resources

import npusim
from npusim.errors import OutputError, UsageError
from npusim.plotting.output import check_file, whole_file
from npusim.plotting.report.figures import figures_json
from npusim.plotting.report.idle import IDLE_KINDS, IdleKind
from npusim.plotting.report.palette import phase_swatch, scope_swatch, tint_swatch
from npusim.plotting.report.payload import run_payload
from npusim.plotting.report.runs import MOST_RUNS, ReportRun
from npusim.plotting.report.tables import comparison_tables
from npusim.plotting.style import ScopeStyle, scope_styles
from npusim.trace import EdgeSource, PhaseKind

_SUFFIXES = (".html", ".htm")
_MARK = re.compile("@@([A-Z]+)@@")
"""Where the parts go in ``page.html``."""
_SCRIPTS = (
    "data.js",
    "filter.js",
    "raster.js",
    "labels.js",
    "plots.js",
    "describe.js",
    "selection.js",
    "inspector.js",
    "tables.js",
    "controls.js",
    "main.js",
)
"""In the order in which the browser reads them."""


def write_report(runs: Sequence[ReportRun], path: str | Path) -> Path:
    """Writes the report of one or two runs and returns its path.

    The file appears under its name only when it is complete; an older one is replaced.

    Raises:
        UsageError: If the name does not end in ``.html``, or there are no or too many runs.
        OutputError: If the file cannot be written.
    """
    target = Path(path)
    check_report(target)
    text = report_html(runs)
    try:
        with whole_file(target) as file:
            file.write(text.encode())
    except OSError as error:
        msg = f"{target}: cannot write the report, {error.strerror}; name a writable directory"
        raise OutputError(msg) from error
    return target


def check_report(target: Path) -> None:
    """Make sure, before the work, that a report may be written to ``target``.

    Raises:
        UsageError: If the name does not end in ``.html``.
        OutputError: If it is a directory, or lies in none that can be written.
    """
    if target.suffix.lower() not in _SUFFIXES:
        msg = f"{target}: unknown report format {target.suffix!r}; expected a name ending in .html"
        raise UsageError(msg)
    check_file(target, "report")


def report_html(runs: Sequence[ReportRun]) -> str:
    """The page as text; it refers to nothing outside itself.

    Args:
        runs: One run, or two that are shown under each other on one axis.

    Raises:
        UsageError: If there is no run or more than two.
    """
    if not 1 <= len(runs) <= MOST_RUNS:
        msg = f"report: {len(runs)} runs given; expected 1 to {MOST_RUNS}; make one per pair"
        raise UsageError(msg)
    data = _data(runs)
    item = figures_json(
        [one["rows"] for one in data["runs"]],
        [one["end_us"] for one in data["runs"]],
        [one["headline"] for one in data["runs"]],
    )
    parts = {
        "TITLE": html.escape(data["title"]),
        "STYLE": _asset("page.css"),
        "BOKEH": "\n".join(Resources(mode="inline", log_level="warn", components=["bokeh"]).js_raw),
        "FIGURES": _script_json(item),
        "DATA": _script_json(data),
        "SCRIPT": "\n".join(_asset(name) for name in _SCRIPTS),
    }
    # Split once: text that was put in is not searched for marks again.
    pieces = _MARK.split(_asset("page.html"))
    return "".join(parts[one] if index % 2 else one for index, one in enumerate(pieces))


def _data(runs: Sequence[ReportRun]) -> dict[str, Any]:
    traces = [run.trace for run in runs]
    styles = scope_styles(*traces)
    verdict, tables = comparison_tables(*runs) if len(runs) == MOST_RUNS else ("", [])
    kernels = " and ".join(dict.fromkeys(one.info.kernel or "unnamed kernel" for one in traces))
    return {
        "title": f"npusim report: {kernels}",
        "version": npusim.__version__,
        "verdict": verdict,
        "tables": tables,
        "scopes": [_scope(name, style) for name, style in styles.items()],
        "reasons": [_idle(one) for one in IDLE_KINDS],
        "phases": [
            {"name": kind.name.lower().replace("_", " "), "colour": phase_swatch(kind).to_json()}
            for kind in PhaseKind
        ],
        "edge_sources": [source.name.lower() for source in EdgeSource],
        "runs": [run_payload(run, styles) for run in runs],
    }


def _idle(kind: IdleKind) -> dict[str, Any]:
    return {
        "name": kind.name,
        "meaning": kind.meaning,
        "colour": tint_swatch(kind.tint).to_json(),
        "is_blank": kind.is_blank,
    }


def _scope(name: str, style: ScopeStyle) -> dict[str, Any]:
    return {"name": name, "number": style.number, "colour": scope_swatch(style).to_json()}


def _script_json(value: Any) -> str:
    """JSON that may stand inside a script element, whatever names a capture holds."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(name: str) -> str:
    return (files("npusim.plotting.report") / "assets" / name).read_text(encoding="utf-8")

"""``npusim export``."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.api import ExportFormat, export_run
from npusim.cli.output import talk
from npusim.errors import UsageError
from npusim.formats import WRITTEN_LAYOUTS, Layout

_DEFAULT_PERFETTO = "perfetto.json"


def export(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Directory that npusim run wrote, or a capture."),
    ],
    export_format: Annotated[
        ExportFormat,
        typer.Option("--format", help="For ui.perfetto.dev, tables, hicann/pypto, device tools."),
    ] = ExportFormat.PERFETTO,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File (perfetto) or directory to write."),
    ] = None,
    layout: Annotated[
        str,
        typer.Option(help="With --format capture: d (from 2026-08-04), c (06-22) or b (06-04)."),
    ] = Layout.D.value,
    level: Annotated[
        int | None,
        typer.Option(min=1, max=4, help="With --format capture: swimlane level; the run's own."),
    ] = None,
) -> None:
    """Write a run in the format of another tool."""
    is_capture = export_format is ExportFormat.CAPTURE
    if layout.lower() not in WRITTEN_LAYOUTS:
        msg = f"--layout {layout}: expected one of {', '.join(WRITTEN_LAYOUTS)}"
        raise UsageError(msg)
    if not is_capture and (level is not None or layout != Layout.D.value):
        msg = (
            f"--layout, --level: given with --format {export_format}; expected them with capture "
            "only; leave them out"
        )
        raise UsageError(msg)
    target = output if output is not None else _default_output(run, export_format)
    export_run(run, target, export_format, layout=Layout(layout.lower()), level=level)
    if export_format is ExportFormat.HICANN:
        talk("times are ticks; read them with --time_convert_denominator and the counter's MHz")
    print(target)


def _default_output(run: Path, export_format: ExportFormat) -> Path:
    if export_format is ExportFormat.PERFETTO:
        return Path(_DEFAULT_PERFETTO)
    return Path(f"{run.resolve().name}_{export_format}")

"""``npusim import``."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.analysis import bubble_table
from npusim.api import ImportRequest, import_capture
from npusim.api.exchange import check_import_directory, import_summary
from npusim.cli.output import print_json, print_table, talk

COMMAND = "import"


def import_run(
    capture: Annotated[
        Path,
        typer.Argument(
            metavar="CAPTURE",
            help="Directory or file: swimlane records, a merged trace, hicann/pypto, or CSV.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Directory for the run.")],
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Leave out what contradicts the rest, and say what it was."),
    ] = False,
    deps_file: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Dependency table of a CSV capture with another name."),
    ] = None,
    chip: Annotated[
        str | None,
        typer.Option(
            "-p", "--platform", help="Chip of a CSV capture, which does not name it: a2a3, a5."
        ),
    ] = None,
    picture: Annotated[bool, typer.Option("--plot/--no-plot", help="Draw swimlane.png.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a run of a capture from a device; bubbles, compare and plot then work on it."""
    check_import_directory(capture, output)
    request = ImportRequest(repair, deps_file, chip, picture)
    trace = import_capture(capture, output, request)
    parameters = trace.info.parameters
    for kind, lines in (("missing", "missing_parts"), ("repaired", "repairs")):
        for line in parameters.get(lines, []):
            talk(f"{kind}: {line}")
    if as_json:
        print_json(import_summary(trace))
    else:
        print_table(bubble_table(trace).without_unit("%"))
    talk(f"wrote {output}; look at it with npusim bubbles {output}")

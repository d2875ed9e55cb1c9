"""``npusim import``."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.analysis import bubble_table
from npusim.api import ImportRequest, import_capture
from npusim.api.exchange import check_import_directory, import_summary
from npusim.api.store import CAPTURE_DIR, TRACE_FILE
from npusim.cli.output import print_json, print_table, talk
from npusim.errors import UsageError
from npusim.formats import is_capture

COMMAND = "import"
_DEPENDENCY_TABLES = "deps"
"""How files begin that hold dependencies beside captures in CSV."""


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
    _check_capture(capture)
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


def _check_capture(path: Path) -> None:
    """Refuse directories that are near to a capture, and say what to do with them."""
    if not path.is_dir() or any(is_capture(one) for one in (path, path / CAPTURE_DIR)):
        return
    if (path / TRACE_FILE).is_file():
        msg = (
            f"{path}: is already a run; expected a capture; leave the import out: npusim bubbles "
            f"{path} reads it as it is"
        )
        raise UsageError(msg)
    names = (one.name for one in path.iterdir() if is_capture(one))
    files = sorted(name for name in names if not name.startswith(_DEPENDENCY_TABLES))
    if files:
        msg = (
            f"{path}: holds {len(files)} captures under other names; expected one; name the file, "
            f"for instance {path / files[0]}"
        )
        raise UsageError(msg)

"""``npusim report``: one page to open in a browser, about one run or two."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.cli.output import talk


def report(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Directory that npusim run wrote, or a capture from a device."
        ),
    ],
    other: Annotated[
        Path | None,
        typer.Argument(metavar="OTHER", help="A second run: both on one time axis, compared."),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Page to write, .html.")] = Path(
        "report.html"
    ),
) -> None:
    """Write an interactive page about a run: swimlane, bubbles, critical path; opens offline."""
    # bokeh takes half a second to import, which no other command should pay.
    from npusim.api.report import save_report  # noqa: PLC0415

    save_report([run] if other is None else [run, other], output)
    talk(f"wrote {output}; open it in a browser, it needs no network")
    print(output)

"""``npusim plot``: a picture of a run or capture, or of two."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.analysis.observed_path import observed_path
from npusim.api import load_run_trace
from npusim.api.evidence import load_evidence
from npusim.api.roofline import roofline
from npusim.cli.output import talk
from npusim.errors import UsageError
from npusim.plotting import (
    check_picture,
    compare_figure,
    cores_figure,
    pipes_figure,
    roofline_figure,
    save_figure,
    swimlane_figure,
    waits_figure,
)

_RUN_HELP = "Directory that npusim run wrote, or a capture from a device."
_TWO_RUNS = {"--cores"}
"""Pictures besides the plain swimlane that show two runs."""


def plot(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=_RUN_HELP)],
    other: Annotated[
        Path | None,
        typer.Argument(metavar="OTHER", help="A second run, for both on one time axis."),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Picture to write: .png, .svg or .pdf.")
    ] = Path("swimlane.png"),
    waits: Annotated[
        bool, typer.Option("--waits", help="Draw busy and waits by reason instead.")
    ] = False,
    pipes: Annotated[
        bool, typer.Option("--pipes", help="Draw the pipes inside cores (run --fidelity pipe).")
    ] = False,
    cores: Annotated[
        bool, typer.Option("--cores", help="Draw how many cores are busy over time.")
    ] = False,
    path: Annotated[
        bool, typer.Option("--critical-path", help="Draw the critical path over the swimlane.")
    ] = False,
    roofs: Annotated[
        bool, typer.Option("--roofline", help="Draw arithmetic rates over intensity by scope.")
    ] = False,
    task: Annotated[
        int | None, typer.Option(metavar="ID", help="With --pipes: while this task runs.")
    ] = None,
) -> None:
    """Draw a swimlane, or two on one axis; or waits, cores, pipes, rooflines."""
    chosen = [
        name
        for name, is_given in (
            ("--pipes", pipes),
            ("--waits", waits),
            ("--cores", cores),
            ("--critical-path", path),
            ("--roofline", roofs),
        )
        if is_given
    ]
    _check(chosen, run, other, task)
    check_picture(output)
    kind = chosen[0] if chosen else ""
    _draw(kind, run, other, task, output)
    if kind == "--roofline":
        talk("rates are those of one busy core; see npusim chips for the roofs and their sources")
    print(output)


def _check(chosen: list[str], run: Path, other: Path | None, task: int | None) -> None:
    if len(chosen) > 1:
        msg = f"{chosen[0]}: given with {chosen[1]}; expected one picture; leave one out"
        raise UsageError(msg)
    if task is not None and chosen != ["--pipes"]:
        msg = f"--task: given as {task} without --pipes; expected both; add --pipes"
        raise UsageError(msg)
    if other is not None and chosen and chosen[0] not in _TWO_RUNS:
        msg = (
            f"{chosen[0]}: given with two runs ({run}, {other}); expected one; plot them one by one"
        )
        raise UsageError(msg)


def _draw(kind: str, run: Path, other: Path | None, task: int | None, output: Path) -> None:
    if kind == "--roofline":
        evidence = load_evidence(run)
        save_figure(roofline_figure(evidence.trace, *roofline(evidence)), output)
        return
    trace = load_run_trace(run)
    second = None if other is None else load_run_trace(other)
    if kind == "--cores":
        figure = cores_figure(trace, second)
    elif second is not None:
        figure = compare_figure(trace, second)
    elif kind == "--waits":
        figure = waits_figure(trace)
    elif kind == "--pipes":
        figure = pipes_figure(trace, task)
    else:
        path = observed_path(trace) if kind == "--critical-path" else None
        figure = swimlane_figure(trace, path=path)
    save_figure(figure, output)

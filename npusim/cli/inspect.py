"""``npusim compare``, ``npusim bubbles`` and ``npusim plot``: look at runs and captures."""

import math
from pathlib import Path
from typing import Annotated

import typer

from npusim.analysis import bubble_table, list_bubbles
from npusim.analysis import compare as compare_traces
from npusim.api import load_run_trace
from npusim.api.comparison import check_comparison_directory, save_comparison
from npusim.cli.output import print_json, print_table, talk
from npusim.errors import UsageError
from npusim.plotting import compare_figure, pipes_figure, save_figure, swimlane_figure, waits_figure

_RUN_HELP = "Directory that npusim run wrote, or a capture from a device."


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help=_RUN_HELP)],
    b: Annotated[Path, typer.Argument(metavar="B", help="The run to compare it with.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Directory for compare.png, .json, .csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two runs, bubble by bubble: what changed, by scope and by wait reason."""
    if output is not None:
        check_comparison_directory(output)
    first, second = load_run_trace(a), load_run_trace(b)
    comparison = compare_traces(first, second)
    if output is not None:
        save_comparison(first, second, output)
        talk(f"wrote {output}; open {output / 'compare.png'}")
    if as_json:
        print_json(comparison.to_json())
        return
    print(comparison)


def bubbles(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=_RUN_HELP)],
    min_us: Annotated[
        float | None, typer.Option(help="List every bubble longer than this, in microseconds.")
    ] = None,
    is_wide: Annotated[
        bool, typer.Option("--wide", help="Print shares in percent beside the times.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Where the cores were idle, and why: by core type and scope, or bubble by bubble."""
    if min_us is not None and not 0 <= min_us < math.inf:
        msg = f"--min-us is {min_us}; expected a finite time of at least 0 microseconds"
        raise UsageError(msg)
    if as_csv and as_json:
        msg = "--csv and --json: both given; expected one format; leave one out"
        raise UsageError(msg)
    trace = load_run_trace(run)
    table = bubble_table(trace) if min_us is None else list_bubbles(trace, min_us)
    if as_json:
        print_json(table.to_json())
    elif as_csv:
        print(table.to_csv(), end="")
    else:
        print_table(table if is_wide else table.without_unit("%"))


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
    task: Annotated[
        int | None, typer.Option(metavar="ID", help="With --pipes: while this task runs.")
    ] = None,
) -> None:
    """Draw a swimlane, two swimlanes on one axis, the waits by reason, or the pipes of cores."""
    if pipes and (waits or other is not None):
        msg = (
            f"--pipes: given with {'--waits' if waits else other}; expected one run; leave one out"
        )
        raise UsageError(msg)
    if task is not None and not pipes:
        msg = f"--task: given as {task} without --pipes; expected both; add --pipes"
        raise UsageError(msg)
    if waits and other is not None:
        msg = f"--waits: given with two runs ({run}, {other}); expected one; plot them one by one"
        raise UsageError(msg)
    trace = load_run_trace(run)
    if other is not None:
        figure = compare_figure(trace, load_run_trace(other))
    elif waits:
        figure = waits_figure(trace)
    elif pipes:
        figure = pipes_figure(trace, task)
    else:
        figure = swimlane_figure(trace)
    save_figure(figure, output)
    print(output)

"""``npusim compare``, ``npusim bubbles`` and ``npusim plot``: look at runs and captures."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.analysis import bubble_table, list_bubbles
from npusim.analysis import compare as compare_traces
from npusim.api import load_run_trace
from npusim.api.comparison import save_comparison
from npusim.cli.output import print_json, print_table, talk
from npusim.errors import UsageError
from npusim.plotting import compare_figure, save_figure, swimlane_figure, waits_figure

_RUN_HELP = "Directory that npusim run wrote, or a capture from a device."


def compare(
    a: Annotated[Path, typer.Argument(help=_RUN_HELP)],
    b: Annotated[Path, typer.Argument(help="The run to compare it with.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Directory for compare.png, .json, .csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two runs, bubble by bubble: what changed, by scope and by wait reason."""
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
    run: Annotated[Path, typer.Argument(help=_RUN_HELP)],
    min_us: Annotated[
        float | None, typer.Option(help="List every bubble longer than this, in microseconds.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Where the cores were idle, and why: by core type and scope, or bubble by bubble."""
    if min_us is not None and not min_us >= 0:
        msg = f"--min-us is {min_us}; expected a time of at least 0 microseconds"
        raise UsageError(msg)
    trace = load_run_trace(run)
    table = bubble_table(trace) if min_us is None else list_bubbles(trace, min_us)
    if as_json:
        print_json(table.to_json())
    elif as_csv:
        print(table.to_csv(), end="")
    else:
        print_table(table)


def plot(
    run: Annotated[Path, typer.Argument(help=_RUN_HELP)],
    other: Annotated[
        Path | None, typer.Argument(help="A second run, for both on one time axis.")
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Picture to write: .png, .svg or .pdf.")
    ] = Path("swimlane.png"),
    waits: Annotated[
        bool, typer.Option("--waits", help="Draw busy and waits by reason instead.")
    ] = False,
) -> None:
    """Draw a swimlane, two swimlanes on one axis, or the waits by reason."""
    trace = load_run_trace(run)
    if other is not None:
        figure = compare_figure(trace, load_run_trace(other))
    elif waits:
        figure = waits_figure(trace)
    else:
        figure = swimlane_figure(trace)
    save_figure(figure, output)
    print(output)

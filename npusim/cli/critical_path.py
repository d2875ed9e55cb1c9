"""``npusim critical-path`` and ``npusim bounds``: what decides how long a run takes."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.analysis.limits import find_limits
from npusim.analysis.observed_path import observed_path
from npusim.analysis.path_units import unit_table
from npusim.analysis.slack import scope_path_table, slack_table
from npusim.analysis.wall_path import wall_path
from npusim.analysis.wall_table import wall_segment_table, wall_table
from npusim.api.evidence import load_evidence
from npusim.api.units import recorded_unit_times
from npusim.cli.output import check_one_format, print_json, print_table
from npusim.experiments.questions import memory_bound_ps

_RUN_HELP = "Directory that npusim run wrote, or a capture from a device."


def critical_path(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=_RUN_HELP)],
    segments: Annotated[
        bool, typer.Option("--segments", help="Every segment of the path.")
    ] = False,
    units: Annotated[
        bool, typer.Option("--units", help="Kernels of the path by the unit that held them.")
    ] = False,
    slack: Annotated[
        bool, typer.Option("--slack", help="How much later each task could start.")
    ] = False,
    wall: Annotated[
        bool,
        typer.Option(
            "--wall", help="Also the paths over whole tasks, as simpler's critical_path counts."
        ),
    ] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV: by scope, or the table asked for.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What the run waited for from its last kernel back to its first, by kind and by scope.

    The segments add up to the makespan. The static path beside it knows only durations and
    dependencies: no run of these kernels can be shorter. --wall has both as the tool of the
    ecosystem defines them, in ticks of the counter; with --segments also the tasks on its path.
    """
    check_one_format(as_csv=as_csv, as_json=as_json)
    evidence = load_evidence(run, has_recording=units)
    trace = evidence.trace
    path = observed_path(trace)
    tables = {"scopes": scope_path_table(trace, path)}
    if segments:
        tables["segments"] = path.segment_table()
    if units:
        tables["units"] = unit_table(path, recorded_unit_times(evidence))
    if slack:
        tables["slack"] = slack_table(trace)
    if wall:
        whole = wall_path(trace)
        if segments:
            tables["wall_segments"] = wall_segment_table(trace, whole)
        tables["wall"] = wall_table(trace, whole)
    if as_json:
        kinds = path.kind_table().to_json()
        print_json({"kinds": kinds, **{name: one.to_json() for name, one in tables.items()}})
    elif as_csv:
        print(list(tables.values())[-1].to_csv(), end="")
    else:
        print_table(path.kind_table())
        for table in tables.values():
            print_table(table)


def bounds(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=_RUN_HELP)],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What limits the run: lower bounds, schedules without a runtime, the distance to each."""
    check_one_format(as_csv=as_csv, as_json=as_json)
    evidence = load_evidence(run)
    limits = find_limits(evidence.trace, memory_bound_ps(evidence))
    if as_json:
        print_json({"verdict": limits.verdict, "limits": limits.table().to_json()})
    elif as_csv:
        print(limits.table().to_csv(), end="")
    else:
        print_table(limits.table())
        print(limits.verdict)

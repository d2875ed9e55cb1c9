"""``npusim bubbles``: where the cores were idle, and why."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from npusim.analysis import bubble_table, list_bubbles, stage_table
from npusim.analysis.cause_table import cause_table, lane_cause_table
from npusim.analysis.gaps import gap_table
from npusim.analysis.hand_over import hand_over_table
from npusim.analysis.table import Table
from npusim.api.evidence import Evidence, load_evidence
from npusim.api.store import fallback_note
from npusim.cli.output import check_one_format, print_json, print_table, talk
from npusim.errors import UsageError

_RUN_HELP = "Directory that npusim run wrote, or a capture from a device."
_ONLY_IN_FILES = ("parts", "chain", "cause_from", "blamed_scope")
"""Columns of the list that are too wide for text; --wide, --csv and --json have them."""


class View(StrEnum):
    """Which table."""

    REASONS = "reasons"
    CAUSES = "causes"
    LANES = "lanes"
    DELAYS = "delays"
    STAGES = "stages"
    GAPS = "gaps"


def bubbles(
    run: Annotated[Path, typer.Argument(metavar="RUN", help=_RUN_HELP)],
    min_us: Annotated[
        float | None, typer.Option(help="List every bubble longer than this, in microseconds.")
    ] = None,
    causes: Annotated[
        bool, typer.Option("--causes", help="Finer causes, false dependencies among them.")
    ] = False,
    lanes: Annotated[bool, typer.Option("--lanes", help="The causes of every core.")] = False,
    delays: Annotated[
        bool, typer.Option("--delays", help="How long the runtime takes between tasks instead.")
    ] = False,
    stages: Annotated[
        bool, typer.Option("--stages", help="How long each scope waits once it is ready instead.")
    ] = False,
    gaps: Annotated[
        bool, typer.Option("--gaps", help="How long ready tasks wait for an idle core instead.")
    ] = False,
    is_wide: Annotated[
        bool, typer.Option("--wide", help="Print shares in percent, and every column of a list.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Where the cores were idle, and why: by core type and scope, or bubble by bubble."""
    if min_us is not None and not 0 <= min_us < math.inf:
        msg = f"--min-us is {min_us}; expected a finite time of at least 0 microseconds"
        raise UsageError(msg)
    check_one_format(as_csv=as_csv, as_json=as_json)
    views = {
        View.CAUSES: causes,
        View.LANES: lanes,
        View.DELAYS: delays,
        View.STAGES: stages,
        View.GAPS: gaps,
    }
    chosen = [view for view, is_given in views.items() if is_given]
    if (min_us is not None) + len(chosen) > 1:
        names = ", ".join(["--min-us", *(f"--{view}" for view in views)])
        msg = f"{names}: several given; expected one table; leave others out"
        raise UsageError(msg)
    view = chosen[0] if chosen else View.REASONS
    needs = min_us is not None or view in {View.CAUSES, View.LANES}
    evidence = load_evidence(run, has_recording=needs)
    if note := fallback_note(run):
        talk(note)
    if min_us is None:
        table = _table(evidence, view)
    else:
        table = list_bubbles(evidence.trace, min_us, evidence.needed_edges, evidence.through)
    if as_json:
        print_json(table.to_json())
    elif as_csv:
        print(table.to_csv(), end="")
    else:
        print_table(table if is_wide else _narrow(table))
        if min_us is not None and not table.rows:
            print(f"No bubble is longer than {min_us:g} us.")


def _table(evidence: Evidence, view: View) -> Table:
    trace = evidence.trace
    if view is View.CAUSES:
        return cause_table(trace, evidence.needed_edges)
    if view is View.LANES:
        return lane_cause_table(trace, evidence.needed_edges)
    if view is View.DELAYS:
        return hand_over_table(trace)
    if view is View.STAGES:
        return stage_table(trace)
    return gap_table(trace) if view is View.GAPS else bubble_table(trace)


def _narrow(table: Table) -> Table:
    """Without shares, and without the columns of a list that only files have room for."""
    kept = table.without_unit("%")
    columns = [i for i, column in enumerate(kept.columns) if column.name not in _ONLY_IN_FILES]
    if not any(column.name == "chain" for column in table.columns):
        return kept
    return Table(
        kept.title,
        tuple(kept.columns[i] for i in columns),
        tuple(tuple(row[i] for i in columns) for row in kept.rows),
    )

"""The tables below the plots: what they hold and what a row points at."""

import math
from typing import Any

import numpy as np

from npusim.analysis import Table, compare, idle_waits, list_bubbles, scope_stats
from npusim.analysis.bubble_list import bubble_lengths_ps
from npusim.analysis.cause_table import cause_table
from npusim.analysis.critical_path import StaticPath
from npusim.analysis.observed_path import ObservedPath
from npusim.analysis.path_units import unit_table
from npusim.analysis.slack import scope_path_table
from npusim.plotting.report.runs import ReportRun
from npusim.units import PS_PER_NS, PS_PER_US

MOST_BUBBLES = 2000
"""Rows of the bubble table; the longest ones are kept."""
_SHORTEST_LISTED_FRAC = 2e-4
"""Bubbles below this share of the makespan are not listed: they are below a pixel."""


def run_tables(run: ReportRun, path: ObservedPath, static: StaticPath) -> list[dict[str, Any]]:
    """The tables of one run, in reading order."""
    trace = run.trace
    bubbles = _bubbles(run)
    shown = Table(bubbles.title, bubbles.columns, bubbles.rows[:MOST_BUBBLES])
    note = "a row zooms to its bubble"
    if len(bubbles.rows) > MOST_BUBBLES:
        note = f"the longest {MOST_BUBBLES:,} of {len(bubbles.rows):,}; {note}"
    causes = cause_table(trace, run.needed_edges)
    by_scope = scope_path_table(trace, path, static)
    by_unit = [] if run.unit_times is None else [unit_table(path, run.unit_times)]
    return [
        table_json("bubbles", "Bubbles", shown, note),
        table_json("scopes", "Scopes", scope_stats(trace), "a row filters the swimlane"),
        table_json("causes", "Idle by cause", causes, "a row filters the swimlane"),
        table_json("path", "Critical path", path.segment_table(), "a row zooms to its segment"),
        table_json("path-kinds", "Critical path by kind", path.kind_table()),
        table_json("path-scopes", "Critical path by scope", by_scope, "a row filters the swimlane"),
        *(
            table_json("path-units", "Critical path by unit", one, "a row filters the swimlane")
            for one in by_unit
        ),
    ]


def _bubbles(run: ReportRun) -> Table:
    """The bubbles that are long enough to be seen, and of many of these the longest."""
    least_ps = run.trace.makespan_ps * _SHORTEST_LISTED_FRAC
    lengths_ps = np.sort(bubble_lengths_ps(idle_waits(run.trace)))[::-1]
    if len(lengths_ps) > MOST_BUBBLES:
        least_ps = max(least_ps, int(lengths_ps[MOST_BUBBLES]))
    least_ns = math.ceil(least_ps / PS_PER_NS)  # stands in the title, where digits tell nothing
    return list_bubbles(run.trace, least_ns * PS_PER_NS / PS_PER_US, run.needed_edges, run.through)


def comparison_tables(a: ReportRun, b: ReportRun) -> tuple[str, list[dict[str, Any]]]:
    """The verdict in words, and the tables of two runs."""
    comparison = compare(a.trace, b.trace, (a.unit_times, b.unit_times))
    tables = []
    for index, table in enumerate(comparison.tables()):
        label = table.title.partition(":")[0]  # what comes after it names the runs
        tables.append(table_json(f"change-{index}", f"Change: {label.lower()}", table))
    return comparison.verdict, tables


def table_json(key: str, label: str, table: Table, note: str = "") -> dict[str, Any]:
    """A table with its cells as numbers, to sort by, and as text, to show.

    Columns that hold nothing in any row are left out.
    """
    kept = [index for index in range(len(table.columns)) if not _is_empty(table, index)]
    columns = [table.columns[index] for index in kept]
    return {
        "key": key,
        "label": label,
        "title": table.title,
        "note": note,
        "columns": [
            {"name": one.name, "heading": one.heading.replace("_", " "), "unit": one.unit}
            for one in columns
        ],
        "rows": [[row[index] for index in kept] for row in table.rows],
        "texts": [
            [column.text(row[index]) for column, index in zip(columns, kept, strict=True)]
            for row in table.rows
        ],
    }


def _is_empty(table: Table, index: int) -> bool:
    cells = [row[index] for row in table.rows]
    nothing = (0, None) if table.columns[index].is_left_out_if_zero else (None,)
    return bool(cells) and all(cell in nothing for cell in cells)

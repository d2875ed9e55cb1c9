"""Question: which scopes are critical, and how much later could the others be?

Two views of criticality beside each other: the static path, which knows only durations and
dependencies, and the observed one, which ran on these cores under this runtime.
"""

import itertools

import numpy as np

from npusim.analysis.accounting import scopes_by_task
from npusim.analysis.columns import count_column, run_name, us_column
from npusim.analysis.critical_path import StaticPath, static_path
from npusim.analysis.observed_path import ObservedPath, PathKind, observed_path
from npusim.analysis.table import Cell, Column, Table
from npusim.analysis.work_graph import work_graph
from npusim.trace import Trace
from npusim.units import ps_to_us


def scope_path_table(
    trace: Trace, observed: ObservedPath | None = None, static: StaticPath | None = None
) -> Table:
    """Per scope: its time on the observed path by kind, on the static path, and its slack.

    Slack is how much later a task could start on unlimited cores without lengthening the static
    path. Columns path_us (the sum of the kinds) add up to the makespan, static_us to the length of
    the static path.

    Raises:
        TraceError: If the dependencies run in a circle.
    """
    seen = observed or observed_path(trace)
    path = static or static_path(work_graph(trace))
    by_part = seen.by_scope_and_kind()
    scopes, scope_of = scopes_by_task(trace)
    on_static = np.array(path.tasks, np.int64)
    cost_ps = _durations(path, on_static)
    slack_ps = path.slack_ps
    columns = (
        Column("scope"),
        count_column("tasks"),
        count_column("on_path"),
        us_column("path"),
        *(us_column(str(kind)) for kind in PathKind),
        us_column("static"),
        us_column("min_slack"),
        us_column("median_slack"),
    )
    rows: list[tuple[Cell, ...]] = []
    for index, scope in enumerate(scopes):
        own = scope_of == index
        kinds = [by_part.get((scope, kind), 0) for kind in PathKind]
        static_ps = sum(
            cost for task, cost in zip(on_static.tolist(), cost_ps, strict=True) if own[task]
        )
        rows.append(
            (
                scope,
                int(own.sum()),
                sum(1 for task in seen.tasks if own[task]),
                ps_to_us(sum(kinds)),
                *(ps_to_us(value) for value in kinds),
                ps_to_us(static_ps),
                ps_to_us(int(slack_ps[own].min())),
                ps_to_us(float(np.median(slack_ps[own]))),
            )
        )
    return Table(f"Critical path by scope, {run_name(trace)}", columns, tuple(rows))


def _durations(path: StaticPath, tasks: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
    """How long each task on the static path takes: the differences of the earliest starts."""
    starts = [*path.earliest_ps[tasks].tolist(), path.length_ps]
    return [later - earlier for earlier, later in itertools.pairwise(starts)]


def slack_table(trace: Trace, static: StaticPath | None = None) -> Table:
    """Per task: observed start, earliest start on unlimited cores, slack, and whether critical.

    The observed start counts from the begin of the run, the earliest one from that of the path,
    which knows no runtime.
    """
    path = static or static_path(work_graph(trace))
    never = np.iinfo(np.int64).max
    start_ps = np.full(len(trace.tasks), never, np.int64)
    np.minimum.at(start_ps, trace.slices["task"], trace.slices["start_ps"])
    critical = set(path.tasks)
    columns = (
        count_column("task_id"),
        Column("scope"),
        us_column("start"),
        us_column("earliest"),
        us_column("slack"),
        Column("critical"),
    )
    rows = tuple(
        (
            task.task_id,
            task.name,
            None if start_ps[index] == never else ps_to_us(int(start_ps[index])),
            ps_to_us(int(path.earliest_ps[index])),
            ps_to_us(int(path.slack_ps[index])),
            "yes" if index in critical else "",
        )
        for index, task in enumerate(trace.tasks)
    )
    return Table(f"Slack, {run_name(trace)}", columns, rows)

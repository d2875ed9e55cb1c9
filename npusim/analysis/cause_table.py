"""Question: what were the cores of each type, and of each scope, waiting for?"""

import numpy as np

from npusim.analysis.accounting import (
    CORE_TYPES,
    NO_TASK,
    NO_WORK,
    Records,
    percent_of,
    scopes_by_task,
)
from npusim.analysis.causes import CAUSES, Cause, idle_causes
from npusim.analysis.columns import (
    cause_from,
    count_column,
    percent_column,
    run_name,
    us_column,
)
from npusim.analysis.moments import Ints
from npusim.analysis.table import Cell, Column, Table
from npusim.trace import LaneKind, Trace
from npusim.units import ps_to_us

ALL_SCOPES = "(all)"
TOTAL = "total"

_ALWAYS_SHOWN = {Cause.DEPENDENCY, Cause.NO_WORK, Cause.UNKNOWN}


def lane_causes(trace: Trace, causes: Records | None = None) -> Ints:
    """(lanes, causes) idle picoseconds of every lane by cause; rows of other lanes are zero.

    Args:
        trace: The run.
        causes: ``idle_causes`` of it, where they are at hand.
    """
    found = idle_causes(trace) if causes is None else causes
    table = np.zeros((len(trace.lanes), len(CAUSES)), np.int64)
    np.add.at(table, (found["lane"], found["cause"]), found["end_ps"] - found["start_ps"])
    return table


def cause_table(trace: Trace, needed_edges: Ints | None = None) -> Table:
    """Lane time by core type and, below each, by scope: busy, and idle by cause.

    A wait belongs to the scope of the task that ended it. In every row ``busy_us`` and the causes
    add up to ``span_us`` exactly, to the picosecond; ``memory`` in a core lane is part of busy and
    has its own column, ``stall_us``.

    Args:
        trace: The run or capture.
        needed_edges: As in ``idle_causes``; without them false_dependency is zero.

    Returns:
        Columns core_type, scope, span_us, busy_us, ``<cause>_us`` per cause, idle_percent,
        stall_us, cause_from; a row ``total`` over all core types comes last.
    """
    causes = idle_causes(trace, needed_edges)
    columns = (
        Column("core_type"),
        Column("scope"),
        us_column("span"),
        us_column("busy"),
        *(Column(f"{one}_us", "us", ".1f", one not in _ALWAYS_SHOWN) for one in Cause),
        percent_column("idle"),
        Column("stall_us", "us", ".1f", is_left_out_if_zero=True),
        Column("cause_from"),
    )
    rows: list[tuple[Cell, ...]] = []
    source = cause_from(trace)
    total = np.zeros(3 + len(CAUSES), np.int64)
    for core_type in CORE_TYPES:
        sums = _sums(trace, causes, core_type)
        whole = sum(sums.values(), np.zeros(2 + len(CAUSES), np.int64))
        lane_time_ps = trace.makespan_ps * len(trace.lane_indices(core_type))
        total += np.array([lane_time_ps, *whole])
        for scope, values in ((ALL_SCOPES, whole), *sums.items()):
            rows.append(_cells(str(core_type), scope, values, lane_time_ps, source))
    rows.append(_cells(TOTAL, ALL_SCOPES, total[1:], int(total[0]), source))
    return Table(f"Idle by cause, {run_name(trace)}", columns, tuple(rows))


def _sums(trace: Trace, causes: Records, core_type: LaneKind) -> dict[str, Ints]:
    """By scope in order of first start: busy, stall, then every cause; in picoseconds."""
    lanes = trace.lane_indices(core_type)
    slices = trace.slices[np.isin(trace.slices["lane"], lanes)]
    causes = causes[np.isin(causes["lane"], lanes)]
    names, scope_of = scopes_by_task(trace)
    scope_of = np.append(scope_of, len(names))
    ends_work = np.isin(causes["cause"], [CAUSES.index(Cause.TAIL), CAUSES.index(Cause.NO_WORK)])
    wait_scope = np.where(causes["task"] >= 0, scope_of[causes["task"]], len(names))
    wait_scope += (wait_scope == len(names)) & ~ends_work
    table = np.zeros((len(names) + 2, 2 + len(CAUSES)), np.int64)
    own = scope_of[slices["task"]]
    np.add.at(table[:, 0], own, slices["end_ps"] - slices["start_ps"])
    np.add.at(table[:, 1], own, slices["stall_ps"])
    np.add.at(table, (wait_scope, 2 + causes["cause"]), causes["end_ps"] - causes["start_ps"])
    first_ps = np.full(len(names) + 2, np.iinfo(np.int64).max)
    np.minimum.at(first_ps, own, slices["start_ps"])
    order = np.argsort(first_ps[: len(names)], kind="stable").tolist()
    labels = [*names, NO_WORK, NO_TASK]
    return {
        labels[index]: table[index]
        for index in (*order, len(names), len(names) + 1)
        if table[index].any()
    }


def _cells(
    core_type: str, scope: str, values: Ints, lane_time_ps: int, source: str
) -> tuple[Cell, ...]:
    busy_ps, stall_ps, *by_cause = values.tolist()
    idle_ps = sum(by_cause)
    return (
        core_type,
        scope,
        ps_to_us(busy_ps + idle_ps),
        ps_to_us(busy_ps),
        *(ps_to_us(value) for value in by_cause),
        percent_of(idle_ps, lane_time_ps),
        ps_to_us(stall_ps),
        source,
    )


def lane_cause_table(trace: Trace, needed_edges: Ints | None = None) -> Table:
    """One row per core lane: busy, and idle by cause; they add up to the span exactly."""
    found = lane_causes(trace, idle_causes(trace, needed_edges))
    busy_ps = np.zeros(len(trace.lanes), np.int64)
    slices = trace.slices
    np.add.at(busy_ps, slices["lane"], slices["end_ps"] - slices["start_ps"])
    columns = (
        Column("lane"),
        count_column("kernels"),
        us_column("span"),
        us_column("busy"),
        *(Column(f"{one}_us", "us", ".1f", one not in _ALWAYS_SHOWN) for one in Cause),
        Column("cause_from"),
    )
    kernels = np.bincount(slices["lane"], minlength=len(trace.lanes))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            trace.lanes[lane].name,
            int(kernels[lane]),
            ps_to_us(int(busy_ps[lane] + found[lane].sum())),
            ps_to_us(int(busy_ps[lane])),
            *(ps_to_us(value) for value in found[lane].tolist()),
            cause_from(trace),
        )
        for lane in trace.lane_indices(*CORE_TYPES)
    )
    return Table(f"Idle by cause and lane, {run_name(trace)}", columns, rows)

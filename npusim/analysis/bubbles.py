"""Questions: which scopes make the cores wait, and which single waits are the long ones?"""

import numpy as np

from npusim.analysis.accounting import (
    Account,
    CoreAccount,
    Records,
    core_accounts,
    idle_waits,
    percent_of,
)
from npusim.analysis.columns import (
    cause_from,
    count_column,
    percent_column,
    reason_column,
    reason_key,
    run_name,
    us_column,
)
from npusim.analysis.table import Cell, Column, Table
from npusim.trace import Trace, WaitReason
from npusim.units import ps_to_us, us_to_ps

ALL_SCOPES = "(all)"
"""Stands in place of a scope in the row of a whole core type."""

_BUBBLE_COLUMNS = (
    Column("core_type"),
    Column("scope"),
    count_column("lanes"),
    count_column("tasks"),
    count_column("blocks"),
    us_column("busy"),
    percent_column("busy"),
    *(reason_column(reason) for reason in WaitReason),
    *(reason_column(reason, "%") for reason in WaitReason),
    Column("stall_us", "us", ".1f", is_left_out_if_zero=True),
    us_column("window_start"),
    us_column("window_end"),
    us_column("window"),
    us_column("mean_block"),
    us_column("max_block"),
    Column("cause_from"),
)


def bubble_table(trace: Trace) -> Table:
    """Lane time by core type and, below each, by scope: work, and the waits for that work.

    A wait belongs to the scope of the task that ended it; lane time after the last task of a lane
    is the row ``(no work)``. ``busy_us`` and the waits of the rows of a core type add up to its
    ``(all)`` row, and that row to makespan times lanes, exactly to the picosecond. Percentages are
    of that lane time. ``window`` runs from first start to last end; ``mean_block`` and
    ``max_block`` are durations on one core; ``stall_us`` is the part of busy that shared bandwidth
    added.

    Returns:
        A table with one ``(all)`` row per core type, then one row per scope by first start.
    """
    cause = cause_from(trace)
    rows = []
    for core in core_accounts(trace):
        for scope, account in ((ALL_SCOPES, core.total), *core.scopes):
            rows.append(_bubble_cells(core, scope, account, cause))
    return Table(f"Bubbles by scope, {run_name(trace)}", _BUBBLE_COLUMNS, tuple(rows))


def _bubble_cells(core: CoreAccount, scope: str, account: Account, cause: str) -> tuple[Cell, ...]:
    has_slices = account.slices > 0
    window_ps = (account.first_start_ps, account.last_end_ps, account.window_ps)
    durations_ps = (account.mean_ps, account.longest_ps)
    return (
        str(core.core_type),
        scope,
        account.lanes,
        account.tasks,
        account.blocks,
        ps_to_us(account.busy_ps),
        percent_of(account.busy_ps, core.lane_time_ps),
        *(ps_to_us(value) for value in account.waits_ps),
        *(percent_of(value, core.lane_time_ps) for value in account.waits_ps),
        ps_to_us(account.stall_ps),
        *(ps_to_us(value) if has_slices else None for value in window_ps),
        *(ps_to_us(value) if has_slices else None for value in durations_ps),
        cause,
    )


def list_bubbles(trace: Trace, min_us: float = 1.0) -> Table:
    """Every wait longer than ``min_us``, longest first.

    Args:
        trace: The run.
        min_us: Threshold in microseconds; waits of exactly this length are not listed.

    Returns:
        A table with columns lane, start_us, length_us, reason, task_id and scope of the task that
        then ran, blamed_task_id and blamed_scope of the predecessor that ended last, cause_from.

    Raises:
        ValueError: If ``min_us`` is negative.
    """
    if min_us < 0:
        msg = f"list_bubbles: min_us is {min_us}; expected a length in us that is not negative"
        raise ValueError(msg)
    columns = (
        Column("lane"),
        Column("start_us", "us", ".3f"),
        Column("length_us", "us", ".3f"),
        Column("reason"),
        count_column("task_id"),
        Column("scope"),
        count_column("blamed_task_id"),
        Column("blamed_scope"),
        Column("cause_from"),
    )
    waits = idle_waits(trace)
    lengths_ps = waits["end_ps"] - waits["start_ps"]
    is_long = lengths_ps > us_to_ps(min_us)
    waits, lengths_ps = waits[is_long], lengths_ps[is_long]
    order = np.lexsort((waits["lane"], waits["start_ps"], -lengths_ps))
    cause = cause_from(trace)
    rows = tuple(_wait_cells(trace, wait, cause) for wait in waits[order])
    return Table(f"Waits over {min_us:g} us, {run_name(trace)}", columns, rows)


def _wait_cells(trace: Trace, wait: Records, cause: str) -> tuple[Cell, ...]:
    return (
        trace.lanes[wait["lane"]].name,
        ps_to_us(int(wait["start_ps"])),
        ps_to_us(int(wait["end_ps"] - wait["start_ps"])),
        reason_key(WaitReason(int(wait["reason"]))),
        *_task_cells(trace, int(wait["task"])),
        *_task_cells(trace, int(wait["blamed"])),
        cause,
    )


def _task_cells(trace: Trace, index: int) -> tuple[Cell, Cell]:
    if index < 0:
        return None, None
    task = trace.tasks[index]
    return task.task_id, task.name

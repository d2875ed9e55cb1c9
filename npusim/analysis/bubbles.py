"""Question: which scopes make the cores wait, and for which reason?"""

from npusim.analysis.accounting import (
    Account,
    CoreAccount,
    core_accounts,
    percent_of,
)
from npusim.analysis.columns import (
    cause_from,
    count_column,
    percent_column,
    reason_column,
    run_name,
    us_column,
)
from npusim.analysis.table import Cell, Column, Table
from npusim.trace import Trace, WaitReason
from npusim.units import ps_to_us

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

"""Question: what does each scope of the kernel cost, and how parallel is it?"""

from npusim.analysis.accounting import CORE_TYPES, NO_WORK, Account, scope_accounts
from npusim.analysis.columns import count_column, run_name, us_column
from npusim.analysis.table import Cell, Column, Table
from npusim.trace import Trace
from npusim.units import ps_to_us

_COLUMNS = (
    Column("scope"),
    Column("core_type"),
    count_column("lanes"),
    count_column("tasks"),
    count_column("blocks"),
    us_column("busy"),
    us_column("waits"),
    Column("stall_us", "us", ".1f", is_left_out_if_zero=True),
    Column("mean_block_us", "us", ".2f"),
    Column("min_block_us", "us", ".2f"),
    Column("max_block_us", "us", ".2f"),
    us_column("window_start"),
    us_column("window_end"),
    us_column("window"),
    Column("mean_busy_lanes", "", ".1f"),
)


def scope_stats(trace: Trace) -> Table:
    """Work of each scope over all core types, by first start.

    ``blocks`` counts distinct (task, block) pairs; the block durations are those of one core.
    ``waits_us`` is the lane time that ended in a task of the scope. ``mean_busy_lanes`` is busy
    over window: how many cores worked on the scope at a time.
    """
    core_types = _core_types(trace)
    rows = tuple(
        _cells(scope, core_types[scope], account)
        for scope, account in scope_accounts(trace)
        if account.slices
    )
    return Table(f"Scopes, {run_name(trace)}", _COLUMNS, rows)


def _core_types(trace: Trace) -> dict[str, str]:
    """Core types that the tasks of each scope ask for, joined by ``+`` if they differ."""
    found: dict[str, dict[str, None]] = {NO_WORK: {}}
    for task in trace.tasks:
        found.setdefault(task.name, {})[task.core_type] = None
    order = {str(core_type): index for index, core_type in enumerate(CORE_TYPES)}
    return {
        scope: "+".join(sorted(types, key=lambda name: (order.get(name, len(order)), name)))
        for scope, types in found.items()
    }


def _cells(scope: str, core_type: str, account: Account) -> tuple[Cell, ...]:
    return (
        scope,
        core_type,
        account.lanes,
        account.tasks,
        account.blocks,
        ps_to_us(account.busy_ps),
        ps_to_us(account.wait_ps),
        ps_to_us(account.stall_ps),
        ps_to_us(account.mean_ps),
        ps_to_us(account.shortest_ps),
        ps_to_us(account.longest_ps),
        ps_to_us(account.first_start_ps),
        ps_to_us(account.last_end_ps),
        ps_to_us(account.window_ps),
        account.busy_ps / account.window_ps if account.window_ps else 0.0,
    )

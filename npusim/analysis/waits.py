"""Question: what did the cores of each type do with their time?"""

from npusim.analysis.accounting import core_accounts, percent_of
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


def waits_by_reason(trace: Trace) -> Table:
    """Lane time of each core type and in total: busy, and each wait reason.

    Rows: ``aic``, ``aiv``, ``total``. In every row ``busy_us`` and the reasons add up to
    ``span_us``, the makespan times the lanes, exactly to the picosecond.

    Returns:
        A table with columns core_type, lanes, span_us, busy_us, one ``<reason>_us`` per
        ``WaitReason``, busy_percent (of the span) and cause_from.
    """
    columns = (
        Column("core_type"),
        count_column("lanes"),
        us_column("span"),
        us_column("busy"),
        *(reason_column(reason) for reason in WaitReason),
        percent_column("busy"),
        Column("cause_from"),
    )
    accounts = core_accounts(trace)
    cause = cause_from(trace)
    # lanes, span, busy, then the reasons: whole numbers, so that the total is exact.
    quantities = [
        (one.lanes, one.lane_time_ps, one.total.busy_ps, *one.total.waits_ps) for one in accounts
    ]
    total = tuple(sum(values) for values in zip(*quantities, strict=True))
    names = [str(one.core_type) for one in accounts]
    rows = [
        _cells(name, values, cause)
        for name, values in zip([*names, "total"], [*quantities, total], strict=True)
    ]
    return Table(f"Lane time by core type, {run_name(trace)}", columns, tuple(rows))


def _cells(name: str, quantities: tuple[int, ...], cause: str) -> tuple[Cell, ...]:
    lanes, *times_ps = quantities
    span_ps, busy_ps = times_ps[:2]
    return (
        name,
        lanes,
        *(ps_to_us(value) for value in times_ps),
        percent_of(busy_ps, span_ps),
        cause,
    )

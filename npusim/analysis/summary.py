"""Question: what is this run, in a dozen numbers?"""

from typing import Any

from npusim.analysis.accounting import (
    Account,
    core_accounts,
    distinct_pairs,
    percent_of,
    scope_accounts,
)
from npusim.analysis.columns import cause_from, reason_key
from npusim.trace import Trace, WaitReason
from npusim.units import ps_to_us


def summary(trace: Trace) -> dict[str, Any]:
    """The run in plain Python values, ready for JSON.

    Returns:
        ``kernel variant chip source cause_from``;
        ``tasks``: blocks of all tasks that are not dummies, what kernel tables call tasks;
        ``nodes``: submits, dummies included; ``edges``: distinct (predecessor, successor) pairs;
        ``makespan_us``; ``lanes``, ``busy_us`` and ``utilisation_percent`` by core type;
        ``waits_us``: lane time by reason over all cores; ``waits_us_by_core_type``: the same by
        core type; ``scopes``: for each scope, and for ``(no work)``, its tasks, blocks, busy_us,
        waits_us, window_us and utilisation_percent (busy share of all lane time) by name.
    """
    cores = core_accounts(trace)
    waits_ps = [sum(values) for values in zip(*(one.total.waits_ps for one in cores), strict=True)]
    lane_time_ps = sum(one.lane_time_ps for one in cores)
    return {
        "kernel": trace.info.kernel,
        "variant": trace.info.variant,
        "chip": trace.info.chip,
        "source": trace.info.source,
        "cause_from": cause_from(trace),
        "tasks": sum(task.block_num for task in trace.tasks if not task.is_dummy),
        "nodes": len(trace.tasks),
        "edges": distinct_pairs(trace.edges["pred"], trace.edges["succ"]),
        "makespan_us": ps_to_us(trace.makespan_ps),
        "lanes": {str(one.core_type): one.lanes for one in cores},
        "busy_us": {str(one.core_type): ps_to_us(one.total.busy_ps) for one in cores},
        "utilisation_percent": {str(one.core_type): one.utilisation_percent for one in cores},
        "waits_us": _reasons(waits_ps),
        "waits_us_by_core_type": {
            str(one.core_type): _reasons(one.total.waits_ps) for one in cores
        },
        "scopes": {
            scope: _scope(account, lane_time_ps) for scope, account in scope_accounts(trace)
        },
    }


def _reasons(waits_ps: tuple[int, ...] | list[int]) -> dict[str, float]:
    return {reason_key(reason): ps_to_us(waits_ps[reason]) for reason in WaitReason}


def _scope(account: Account, lane_time_ps: int) -> dict[str, Any]:
    return {
        "tasks": account.tasks,
        "blocks": account.blocks,
        "busy_us": ps_to_us(account.busy_ps),
        "waits_us": ps_to_us(account.wait_ps),
        "window_us": ps_to_us(account.window_ps),
        "utilisation_percent": percent_of(account.busy_ps, lane_time_ps),
    }

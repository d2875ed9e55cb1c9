"""Question: how long does the runtime take between one task and the next?

::

    producer   |== kernel ==|end     finish|
                            |--- seen -----|--- resolve ---|dispatch   start|== kernel ==|
                                                           |--- launch -----|  consumer
                            |------------------ hand-over ------------------|

Quantities that a capture holds no times for are left out of the table.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.analysis.columns import count_column, run_name
from npusim.analysis.table import Cell, Column, Table
from npusim.trace import NO_TIME, Trace
from npusim.units import ps_to_us

Times = npt.NDArray[np.int64]
_NEVER = np.iinfo(np.int64).max
_PERCENTILES = (50, 90)


@dataclass(frozen=True, slots=True, eq=False)
class HandOver:
    """Delays of a run, one entry per kernel, task or pair of submits; picoseconds.

    Attributes:
        launch_ps: Dispatch to kernel start, per kernel.
        seen_ps: Kernel end to completion seen, per kernel.
        resolve_ps: Predecessor seen complete to successor dispatched, per task that has
            predecessors, from the last of them; negative where it was dispatched early.
        hand_over_ps: Predecessor end to successor start, of the same tasks.
        submit_ps: End of one submit to the end of the next one of the same function, for each
            pair of neighbours: what a submit costs with the kernel's own code around it.
    """

    launch_ps: Times
    seen_ps: Times
    resolve_ps: Times
    hand_over_ps: Times
    submit_ps: Times

    def named(self) -> tuple[tuple[str, Times], ...]:
        """Every quantity under the name that tables and JSON give it."""
        return (
            ("dispatch_to_start", self.launch_ps),
            ("end_to_seen", self.seen_ps),
            ("seen_to_next_dispatch", self.resolve_ps),
            ("end_to_next_start", self.hand_over_ps),
            ("submit", self.submit_ps),
        )


def hand_over(trace: Trace) -> HandOver:
    """The delays of ``trace``.

    A task of several blocks counts with its first dispatch and start and its last end and finish;
    a dummy, and what waits for one, counts nowhere.
    """
    slices = trace.slices
    first = {name: _per_task(trace, name, is_first=True) for name in ("dispatch_ps", "start_ps")}
    last = {name: _per_task(trace, name, is_first=False) for name in ("end_ps", "finish_ps")}
    return HandOver(
        launch_ps=_known(slices["dispatch_ps"], slices["start_ps"]),
        seen_ps=_known(slices["end_ps"], slices["finish_ps"]),
        resolve_ps=_known(_of_last_predecessor(trace, last["finish_ps"]), first["dispatch_ps"]),
        hand_over_ps=_known(_of_last_predecessor(trace, last["end_ps"]), first["start_ps"]),
        submit_ps=_submits(trace),
    )


def hand_over_table(trace: Trace) -> Table:
    """The delays of ``trace`` as a distribution each.

    Returns:
        A table with columns quantity, count, min_us, p50_us, mean_us, p90_us, max_us.
    """
    names = ("min", "p50", "mean", "p90", "max")
    columns = (
        Column("quantity"),
        count_column("count"),
        *(Column(f"{name}_us", "us", ".2f") for name in names),
    )
    rows = [
        (name, *distribution(values)) for name, values in hand_over(trace).named() if len(values)
    ]
    return Table(f"Delays of the runtime, {run_name(trace)}", columns, tuple(rows))


def distribution(values_ps: Times) -> tuple[Cell, ...]:
    """Count, then smallest, median, mean, 90th percentile and largest in µs.

    Percentiles as in ``percentiles_ps``.
    """
    ordered = np.sort(values_ps)
    p50, p90 = percentiles_ps(ordered, _PERCENTILES)
    found = (int(ordered[0]), p50, float(ordered.mean()), p90, int(ordered[-1]))
    return (len(ordered), *(ps_to_us(value) for value in found))


def percentiles_ps(ordered_ps: Times, percents: Sequence[int]) -> list[int]:
    """Percentiles that occur: the values at rank ``n * p // 100`` of n sorted ones, from 0."""
    return [int(ordered_ps[len(ordered_ps) * p // 100]) for p in percents]


def _per_task(trace: Trace, column: str, *, is_first: bool) -> Times:
    """(tasks,) the first or last time of a column over the slices of each task, -1 if unknown."""
    found = np.full(len(trace.tasks), _NEVER if is_first else NO_TIME, np.int64)
    reduce = np.minimum if is_first else np.maximum
    reduce.at(found, trace.slices["task"], trace.slices[column])
    found[found == _NEVER] = NO_TIME
    return found


def _of_last_predecessor(trace: Trace, times: Times) -> Times:
    """(tasks,) the latest of ``times`` among the predecessors of each task.

    -1 without predecessors, and where one of them has no time.
    """
    found = np.full(len(trace.tasks), NO_TIME, np.int64)
    pred, succ = trace.edges["pred"], trace.edges["succ"]
    np.maximum.at(found, succ, times[pred])
    found[succ[times[pred] == NO_TIME]] = NO_TIME
    return found


def _known(before: Times, after: Times) -> Times:
    delays: Times = (after - before)[(before != NO_TIME) & (after != NO_TIME)]
    return delays


def _submits(trace: Trace) -> Times:
    submitted = [task for task in trace.tasks if task.submit_end_ps != NO_TIME]
    submitted.sort(key=lambda task: task.submit_end_ps)
    delays = [
        later.submit_end_ps - earlier.submit_end_ps
        for earlier, later in itertools.pairwise(submitted)
        if later.name == earlier.name
    ]
    return np.array(delays, np.int64)

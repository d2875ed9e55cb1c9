"""Question: what limits this run, and how far is it from each limit?

Lower bounds say what no runtime could beat with the same kernels on the same cores; schedules say
what the same kernels would take if dispatching cost nothing::

    0        largest lower bound        best list   zero_gap            makespan
    |--------------|------------------------|----------|-------------------|
      the kernels     order and placement    (their cores)  gaps: runtime
"""

from dataclasses import dataclass

import numpy as np

from npusim.analysis.bounds import kind_work_ps
from npusim.analysis.columns import percent_column, run_name, us_column
from npusim.analysis.critical_path import StaticPath, static_path
from npusim.analysis.schedules import ListRule, list_schedule, zero_gap
from npusim.analysis.table import Cell, Column, Table
from npusim.analysis.work_graph import CORE_KINDS, WorkGraph, work_graph
from npusim.errors import TraceError
from npusim.trace import NO_TIME, Trace
from npusim.units import ps_to_us


@dataclass(frozen=True, slots=True)
class Limit:
    """One bound or schedule.

    Attributes:
        name: As in tables: ``work_aic``, ``dependency``, ``zero_gap``, ...
        time_ps: None where the trace does not tell.
        is_bound: True for a lower bound, False for a schedule.
        meaning: One line.
    """

    name: str
    time_ps: int | None
    is_bound: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of a run."""

    trace: Trace
    limits: tuple[Limit, ...]

    @property
    def largest(self) -> Limit:
        """The lower bound that binds: the first of the largest."""
        bounds = [one for one in self.limits if one.is_bound and one.time_ps is not None]
        return max(bounds, key=lambda one: one.time_ps or 0)

    def time_ps(self, name: str) -> int | None:
        """The time of the limit called ``name``."""
        return next(one.time_ps for one in self.limits if one.name == name)

    @property
    def verdict(self) -> str:
        """What the makespan is made of, in one sentence."""
        makespan_ps, largest = self.trace.makespan_ps, self.largest
        if not makespan_ps:
            return "Nothing ran."
        bound_ps = largest.time_ps or 0
        kept_ps = self.time_ps("zero_gap")
        parts = [
            f"Limited by {largest.name}: {_share(bound_ps, makespan_ps)} of "
            f"{ps_to_us(makespan_ps):.1f} us ({largest.meaning})"
        ]
        if kept_ps is not None and bound_ps <= kept_ps <= makespan_ps:
            parts.append(
                f"{_share(kept_ps - bound_ps, makespan_ps)} more is order and placement, "
                f"{_share(makespan_ps - kept_ps, makespan_ps)} gaps that no dependency demands"
            )
        else:
            parts.append(f"{_share(makespan_ps - bound_ps, makespan_ps)} above it")
        return "; ".join(parts) + "."

    def table(self) -> Table:
        """One row per limit: its time, its share of the makespan, and the distance to it."""
        makespan_ps, largest = self.trace.makespan_ps, self.largest
        columns = (
            Column("limit"),
            Column("kind"),
            us_column("time"),
            percent_column("of_makespan"),
            us_column("distance"),
            Column("limited_by"),
            Column("meaning"),
        )
        rows: list[tuple[Cell, ...]] = []
        for one in self.limits:
            is_known = one.time_ps is not None and makespan_ps
            time_ps = one.time_ps or 0
            rows.append(
                (
                    one.name,
                    "bound" if one.is_bound else "schedule",
                    None if one.time_ps is None else ps_to_us(time_ps),
                    100 * time_ps / makespan_ps if is_known else None,
                    ps_to_us(makespan_ps - time_ps) if is_known else None,
                    "yes" if one is largest else "",
                    one.meaning,
                )
            )
        rows.append(("makespan", "run", ps_to_us(makespan_ps), 100.0, 0.0, "", "as it ran"))
        return Table(f"Limits, {run_name(self.trace)}", columns, tuple(rows))


def find_limits(trace: Trace, memory_ps: int | None = None) -> Limits:
    """The bounds and schedules of ``trace``.

    Args:
        trace: The run or capture. Without dependencies only the work and orchestrator bounds mean
            much.
        memory_ps: How long the shared memory is busy with the traffic of all kernels, where the
            recording is at hand.

    Raises:
        TraceError: If the dependencies run in a circle.
    """
    graph = work_graph(trace)
    path = static_path(graph)
    limits = [
        Limit(f"work_{kind}", kind_work_ps(graph, index), True, f"work of all {kind.upper()} cores")
        for index, kind in enumerate(CORE_KINDS)
    ]
    limits += [
        Limit("dependency", path.length_ps, True, "longest chain of dependent tasks"),
        Limit("memory", memory_ps, True, "traffic through shared memory at its full rate"),
        Limit(
            "orchestrator",
            _orchestrator_ps(trace, path),
            True,
            "all submits one after another, and what follows the last",
        ),
        Limit("list_path", _list_ps(graph, ListRule.PATH), False, "greedy, longest chain first"),
        Limit("list_ready", _list_ps(graph, ListRule.READY), False, "greedy, longest ready first"),
        Limit("zero_gap", _zero_gap_ps(graph), False, "same cores and order, without gaps"),
    ]
    return Limits(trace, tuple(limits))


def _orchestrator_ps(trace: Trace, path: StaticPath) -> int | None:
    """From the begin of the span to the end of the last submit, and the chain behind that task.

    Any task would give a bound. Only the last says what the orchestrator itself costs; an early one
    with a long chain would call a run limited by the orchestrator that waits for its data.
    """
    ends = np.array([task.submit_end_ps for task in trace.tasks], np.int64)
    if not len(ends) or ends.max() == NO_TIME:
        return None
    last = int(ends.argmax())
    return max(int(ends[last]) - trace.span_ps[0], 0) + int(path.tail_ps[last])


def _list_ps(graph: WorkGraph, rule: ListRule) -> int | None:
    try:
        return list_schedule(graph, rule).makespan_ps
    except TraceError:  # a capture that shows fewer cores than its MIX tasks need
        return None


def _zero_gap_ps(graph: WorkGraph) -> int | None:
    try:
        return zero_gap(graph).makespan_ps
    except TraceError:  # a capture whose order contradicts its dependencies
        return None


def _share(part_ps: int, whole_ps: int) -> str:
    return f"{100 * part_ps / whole_ps:.1f} %"

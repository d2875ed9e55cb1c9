"""Why cores were idle, in the words of an engineer who wants to change it.

A wait of the trace has a reason that the runtime recorded (or that was inferred from a capture).
A cause is finer: it cuts each wait at further moments that the trace holds::

    DEPENDENCY   |---- dependency ----|---- false_dependency ----|
                        last predecessor that      last predecessor
                        the regions demand ended   of the run ended
    SUBMIT       |---- orchestrator ----|
    DISPATCH     |---- completion ----|---- launch ----|
                                   ready
    QUEUE        |-- polling --|-- scheduler_busy --|-- queue_order --|
                    the thread    it completes,        it dispatches
                    does nothing  resolves, drains     other blocks
    SYNC         |---- cluster ----| MIX     |---- core_busy ----| sync_start
    NO_WORK      |---- tail ----|---- no_work ----|
                        last kernel on any core of this type ended

The LAUNCH of the first kernel of a core is its start_up. Of a task that was dispatched before its
last predecessor ended, what follows that end is the early_gate: the block sat on the core and was
released late. The causes of a lane add up to its waits to the picosecond.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.analysis.accounting import CORE_TYPES, Records, idle_waits
from npusim.analysis.cause_names import CAUSES, MEANING, Cause
from npusim.analysis.moments import Ints, TaskMoments, last_predecessors, task_moments
from npusim.analysis.queue_cuts import SchedulerWork, cut_queues
from npusim.trace import NO_TIME, Trace, WaitReason

__all__ = ["CAUSES", "CAUSE_DTYPE", "MEANING", "Cause", "idle_causes", "number"]

CAUSE_DTYPE = np.dtype(
    [
        ("lane", np.int32),
        ("start_ps", np.int64),
        ("end_ps", np.int64),
        ("cause", np.uint8),  # index into CAUSES
        ("task", np.int32),  # the task that then ran, or -1
        ("blamed", np.int32),  # the predecessor it waited for, or -1
    ]
)

_WHOLE = {
    # Reasons that one cause stands for; those that are cut are in ``idle_causes``. By name, so that
    # a reason which the runtime model adds later is UNKNOWN at worst, and visible.
    "SUBMIT": Cause.ORCHESTRATOR,
    "MEMORY": Cause.MEMORY,
    "UNKNOWN": Cause.UNKNOWN,
    "RELEASE": Cause.EARLY_GATE,
    "EARLY_DISPATCH": Cause.EARLY_GATE,
    "GATE": Cause.EARLY_GATE,
    "CORE": Cause.CORE_BUSY,
}


@dataclass(frozen=True, slots=True, eq=False)
class _Context:
    """What the cuts need of the trace."""

    trace: Trace
    moments: TaskMoments
    needed_ps: Ints | None
    """(tasks,) when the last predecessor that the data needs ended; None if nobody knows."""
    needed: Ints | None
    """(tasks,) that predecessor."""
    slice_of: Ints
    """(waits,) the slice that followed each wait, or -1."""
    is_first: npt.NDArray[np.bool_]
    """(slices,) whether it is the first of its lane."""


def idle_causes(trace: Trace, needed_edges: Ints | None = None) -> Records:
    """Every wait of every core lane by cause, as ``CAUSE_DTYPE`` records by lane and start.

    Args:
        trace: The run or capture.
        needed_edges: (n, 2) predecessor and successor, task indices: the dependencies that the
            regions demand (mode ``exact``). Without them no dependency is called false.

    Returns:
        Records that cover exactly what the waits of the trace cover.
    """
    waits = idle_waits(trace)
    context = _context(trace, waits, needed_edges)
    parts = []
    for reason in WaitReason:
        rows = np.flatnonzero(waits["reason"] == reason)
        if len(rows):
            parts.append(_cut(context, waits[rows], reason, context.slice_of[rows]))
    found = np.concatenate(parts) if parts else np.empty(0, CAUSE_DTYPE)
    found = found[found["end_ps"] > found["start_ps"]]
    return found[np.lexsort((found["start_ps"], found["lane"]))]


def _context(trace: Trace, waits: Records, needed_edges: Ints | None) -> _Context:
    moments = task_moments(trace)
    needed_ps, needed = None, None
    if needed_edges is not None:
        edges = np.asarray(needed_edges, np.int64).reshape(-1, 2)
        needed_ps, needed = last_predecessors(len(trace.tasks), edges, moments.end_ps)
    slices = trace.slices
    order = np.lexsort((slices["start_ps"], slices["lane"]))
    lane, start_ps = slices["lane"][order], slices["start_ps"][order]
    is_first = np.zeros(len(slices), np.bool_)
    is_first[order] = np.append(True, lane[1:] != lane[:-1])[: len(slices)]
    # One sorted key for (lane, start) finds the slice behind each wait.
    width = trace.span_ps[1] + 1
    keys = lane.astype(np.int64) * width + start_ps
    found = np.searchsorted(keys, waits["lane"].astype(np.int64) * width + waits["end_ps"])
    has_slice = waits["task"] >= 0
    slice_of = np.full(len(waits), -1, np.int64)
    slice_of[has_slice] = order[np.minimum(found[has_slice], len(order) - 1)]
    return _Context(trace, moments, needed_ps, needed, slice_of, is_first)


def _cut(context: _Context, waits: Records, reason: WaitReason, slices: Ints) -> Records:
    if reason is WaitReason.DEPENDENCY:
        return _cut_dependency(context, waits)
    if reason is WaitReason.DISPATCH:
        return _cut_dispatch(context, waits, slices)
    if reason is WaitReason.QUEUE:
        return _cut_queue(context, waits)
    if reason is WaitReason.NO_WORK:
        return _cut_no_work(context, waits)
    if reason is WaitReason.SYNC:
        is_mix = np.array([task.core_type == "mix" for task in context.trace.tasks], np.bool_)
        causes = np.where(is_mix[waits["task"]], number(Cause.CLUSTER), number(Cause.CORE_BUSY))
        return _rows(waits, waits["start_ps"], waits["end_ps"], causes)
    cause = number(_WHOLE.get(reason.name, Cause.UNKNOWN))
    return _rows(waits, waits["start_ps"], waits["end_ps"], cause, waits["blamed"])


def _cut_dependency(context: _Context, waits: Records) -> Records:
    task, start_ps, end_ps = waits["task"], waits["start_ps"], waits["end_ps"]
    if context.needed_ps is None or context.needed is None:
        return _rows(waits, start_ps, end_ps, number(Cause.DEPENDENCY), waits["blamed"])
    middle = np.clip(context.needed_ps[task], start_ps, end_ps)
    return np.concatenate(
        [
            _rows(waits, waits["start_ps"], middle, number(Cause.DEPENDENCY), context.needed[task]),
            _rows(waits, middle, waits["end_ps"], number(Cause.FALSE_DEPENDENCY), waits["blamed"]),
        ]
    )


def _cut_dispatch(context: _Context, waits: Records, slices: Ints) -> Records:
    task = waits["task"]
    start_ps, end_ps = waits["start_ps"], waits["end_ps"]
    ready_ps = context.moments.ready_ps[task]
    dispatch_ps = context.trace.slices["dispatch_ps"][slices]
    dependency_ps = context.moments.dependency_ps[task]
    is_early = (dependency_ps != NO_TIME) & (dispatch_ps != NO_TIME)
    is_early &= (dispatch_ps <= dependency_ps) & (start_ps >= dependency_ps)
    after = np.where(context.is_first[slices], number(Cause.START_UP), number(Cause.LAUNCH))
    after = np.where(is_early, number(Cause.EARLY_GATE), after)
    middle = np.where(is_early, start_ps, np.clip(ready_ps, start_ps, end_ps))
    return np.concatenate(
        [
            _rows(waits, start_ps, middle, number(Cause.COMPLETION)),
            _rows(waits, middle, end_ps, after),
        ]
    )


def _cut_queue(context: _Context, waits: Records) -> Records:
    work = SchedulerWork.of(context.trace)
    threads = np.array([lane.thread for lane in context.trace.lanes], np.int64)[waits["lane"]]
    pieces = cut_queues(waits, threads, work)
    causes = np.array(
        [
            number(one)
            for one in (
                Cause.POLLING,
                Cause.SCHEDULER_BUSY,
                Cause.QUEUE_ORDER,
                Cause.NOT_DISPATCHED,
            )
        ]
    )
    own = waits[pieces.wait]
    return _rows(own, pieces.start_ps, pieces.end_ps, causes[pieces.kind])


def _cut_no_work(context: _Context, waits: Records) -> Records:
    trace = context.trace
    last_ps = np.full(len(trace.lanes), NO_TIME, np.int64)
    np.maximum.at(last_ps, trace.slices["lane"], trace.slices["end_ps"])
    until_ps = np.full(len(trace.lanes), NO_TIME, np.int64)
    for core_type in CORE_TYPES:
        lanes = trace.lane_indices(core_type)
        until_ps[lanes] = max((int(last_ps[lane]) for lane in lanes), default=NO_TIME)
    until_ps[last_ps == NO_TIME] = NO_TIME  # it never had work
    middle = np.clip(until_ps[waits["lane"]], waits["start_ps"], waits["end_ps"])
    return np.concatenate(
        [
            _rows(waits, waits["start_ps"], middle, number(Cause.TAIL)),
            _rows(waits, middle, waits["end_ps"], number(Cause.NO_WORK)),
        ]
    )


def number(cause: Cause) -> int:
    """The number of a cause in ``CAUSE_DTYPE``."""
    return CAUSES.index(cause)


def _rows(
    waits: Records,
    start_ps: Ints,
    end_ps: Ints,
    cause: int | Ints,
    blamed: int | Ints = -1,
) -> Records:
    rows = np.zeros(len(waits), CAUSE_DTYPE)
    rows["lane"], rows["task"] = waits["lane"], waits["task"]
    rows["start_ps"], rows["end_ps"] = start_ps, end_ps
    rows["cause"], rows["blamed"] = cause, blamed
    return rows

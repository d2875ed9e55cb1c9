"""Which kernel, core or thread kept each kernel from starting earlier: the links of every chain.

A kernel starts after the latest of three moments. That moment binds it; the kernel at whose end it
lies is the link before it::

    DATA           the last predecessor ended            -> its last kernel
    CORE           a core of its block fell free         -> the kernel before it on that core
    ORCHESTRATOR   its submit was done                   -> nobody, or the kernel that the
                                                            orchestrator itself waited for
    FRONT          none of them is known or above zero   -> nobody: the run began

At equal times data counts before core and core before orchestrator. A moment behind the start of
the kernel, which only a capture can have, binds nothing.

The orchestrator is taken to have waited itself where it left more than twice its usual time between
two submits and a kernel ended in that gap: a blocking read of a tensor, or back-pressure of a ring.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.lane_order import core_slices
from npusim.analysis.moments import Ints, TaskMoments, task_moments
from npusim.errors import TraceError
from npusim.trace import NO_TIME, Trace

Records = npt.NDArray[Any]

_LONG_GAP = 2
"""How many times its usual gap the orchestrator leaves between submits when it waits itself."""


class Link(IntEnum):
    """What bound a kernel."""

    FRONT = 0
    ORCHESTRATOR = 1
    CORE = 2
    DATA = 3


@dataclass(frozen=True, slots=True, eq=False)
class BlameLinks:
    """Columns over the core slices of a trace, in order of lane and start.

    Attributes:
        slices: The slices themselves.
        link: (slices,) ``Link``.
        moment_ps: (slices,) the binding moment; the begin of the span for FRONT.
        previous: (slices,) the slice that ended at that moment, or -1.
        last_of_task: (tasks,) the slice of each task that ended last, or -1 for a dummy.
    """

    slices: Records
    link: npt.NDArray[np.uint8]
    moment_ps: Ints
    previous: Ints
    last_of_task: Ints


def blame_links(trace: Trace) -> BlameLinks:
    """The links of every kernel of ``trace``.

    Raises:
        TraceError: If dummies wait for each other in a circle.
    """
    cores = core_slices(trace)
    slices, moments, begin_ps = cores.slices, task_moments(trace), trace.span_ps[0]
    task, start_ps = slices["task"], slices["start_ps"].astype(np.int64)
    last_of_task = _last_slices(slices, len(trace.tasks))
    producer = _last_with_kernel(moments.last_predecessor, last_of_task)
    free_ps = cores.free_ps(NO_TIME)
    last = cores.last_of_block(free_ps)
    candidates = (
        (Link.ORCHESTRATOR, _submitted(moments, begin_ps)[task], _blocked_by(trace, slices)[task]),
        (Link.CORE, free_ps[last], cores.before[last]),
        (Link.DATA, moments.dependency_ps[task], _at(last_of_task, producer[task])),
    )
    link = np.full(len(slices), Link.FRONT, np.uint8)
    moment_ps, previous = np.full(len(slices), begin_ps), np.full(len(slices), -1, np.int64)
    for kind, at_ps, slice_before in candidates:
        binds = (at_ps != NO_TIME) & (at_ps >= moment_ps) & (at_ps <= start_ps)
        link[binds], moment_ps[binds] = kind, at_ps[binds]
        previous[binds] = slice_before[binds]
    return BlameLinks(slices, link, moment_ps, previous, last_of_task)


def _submitted(moments: TaskMoments, begin_ps: int) -> Ints:
    """Ends of submits; those before the first kernel of the run bind from its begin."""
    ends = moments.submit_end_ps
    return np.where(ends == NO_TIME, NO_TIME, np.maximum(ends, begin_ps))


def _last_slices(slices: Records, task_count: int) -> Ints:
    order = np.lexsort((np.arange(len(slices)), slices["end_ps"]))
    last = np.full(task_count, -1, np.int64)
    last[slices["task"][order]] = order  # the later assignment wins
    return last


def _last_with_kernel(last_predecessor: Ints, last_of_task: Ints) -> Ints:
    """Per task, the last predecessor, or through dummies the one behind them, that ran.

    Raises:
        TraceError: If dummies wait for each other in a circle.
    """
    found = last_predecessor.copy()
    for _ in range(len(last_of_task) + 1):  # a chain without a circle visits a task once
        is_dummy = (found >= 0) & (_at(last_of_task, found) < 0)
        if not is_dummy.any():
            return found
        found[is_dummy] = last_predecessor[found[is_dummy]]
    stuck = int(found[is_dummy][0])
    msg = (
        f"trace: task {stuck} (counted from 0) is a dummy on a circle of dependencies; "
        "expected an acyclic graph; check the edges"
    )
    raise TraceError(msg)


def _blocked_by(trace: Trace, slices: Records) -> Ints:
    """Per task, the slice whose end let the orchestrator go on to submit it, or -1."""
    found = np.full(len(trace.tasks), -1, np.int64)
    starts = np.array([task.submit_start_ps for task in trace.tasks], np.int64)
    ends = np.array([task.submit_end_ps for task in trace.tasks], np.int64)
    order = np.flatnonzero((starts != NO_TIME) & (ends != NO_TIME))
    order = order[np.argsort(starts[order], kind="stable")]
    if len(order) < 2 or not len(slices):
        return found
    gap_ps = starts[order[1:]] - ends[order[:-1]]
    is_long = np.flatnonzero(gap_ps > _LONG_GAP * max(int(np.median(gap_ps)), 1))
    by_end = np.argsort(slices["end_ps"], kind="stable")
    kernel_ends = slices["end_ps"][by_end]
    for gap in is_long.tolist():
        before = int(np.searchsorted(kernel_ends, starts[order[gap + 1]], side="right")) - 1
        if before >= 0 and kernel_ends[before] > ends[order[gap]]:
            found[order[gap + 1 :]] = by_end[before]
    return found


def _at(values: Ints, index: Ints) -> Ints:
    """``values[index]``, -1 where the index is -1."""
    return np.where(index >= 0, values[index], -1) if len(values) else np.full(len(index), -1)

"""Why a core was idle in a trace that does not say so: the rules for captures.

The gap before task T on a lane is cut at the moments that the capture holds, left to right; a
moment that lies before the one to its left cuts nothing::

    previous end                                              start of T
    |---DEPENDENCY---|---SUBMIT---|---SYNC---|---QUEUE---|---DISPATCH---|
              last predecessor  submitted  last core   dispatch
              ended             (level 4)  of a MIX    (level 2)
                                           block free

Without submit times the SUBMIT part counts as QUEUE, without dispatch times the DISPATCH part does.
Without any dependency nobody can tell what T waited for before its dispatch: UNKNOWN. After the
last kernel of a lane, NO_WORK. What was ready before its lane fell free is never blamed on a
predecessor.
"""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.lane_order import CoreSlices, core_slices
from npusim.analysis.moments import Ints, TaskMoments, task_moments
from npusim.trace import NO_TIME, WAIT_DTYPE, LaneKind, Trace, WaitReason

Records = npt.NDArray[Any]
NO_TASK = -1


def infer_waits(trace: Trace, moments: TaskMoments | None = None) -> Records:
    """The waits of all core lanes, as ``WAIT_DTYPE`` records in order of lane and start.

    With the slices they cover every core lane from the first kernel start to the last kernel end.
    """
    cores = core_slices(trace)
    slices, (begin_ps, stop_ps) = cores.slices, trace.span_ps
    moments = moments or task_moments(trace)
    cuts, reasons = _cuts(trace, cores, begin_ps, moments)
    parts = [
        _rows(slices["lane"], start_ps, end_ps, reason, slices["task"])
        for (start_ps, end_ps), reason in zip(itertools.pairwise(cuts), reasons, strict=True)
    ]
    ends = np.full(len(trace.lanes), begin_ps, np.int64)
    np.maximum.at(ends, slices["lane"], slices["end_ps"])
    tail = np.array(trace.lane_indices(LaneKind.AIC, LaneKind.AIV), np.int64)
    stop = np.full(len(tail), stop_ps, np.int64)
    nobody = np.full(len(tail), NO_TASK, np.int64)
    parts.append(_rows(tail, ends[tail], stop, WaitReason.NO_WORK, nobody))
    waits = np.concatenate(parts)
    waits = waits[waits["end_ps"] > waits["start_ps"]]
    is_data = waits["reason"] == WaitReason.DEPENDENCY
    waits["blamed"][is_data] = moments.last_predecessor[waits["task"][is_data]]
    return waits[np.lexsort((waits["start_ps"], waits["lane"]))]


def with_waits(trace: Trace) -> Trace:
    """``trace`` with inferred waits where it has none; itself where it has them or never ran."""
    if len(trace.waits) or not len(trace.slices):
        return trace
    info = replace(trace.info, cause_from="inferred")
    return replace(trace, info=info, waits=infer_waits(trace))


def _cuts(
    trace: Trace, cores: CoreSlices, begin_ps: int, moments: TaskMoments
) -> tuple[list[Ints], list[WaitReason]]:
    """Times that cut the gap before each slice, and the reason between each two of them."""
    slices, free_ps = cores.slices, cores.free_ps(begin_ps)
    task, start_ps = slices["task"], slices["start_ps"].astype(np.int64)
    dispatch_ps = slices["dispatch_ps"]
    dispatch_ps = np.where(dispatch_ps == NO_TIME, start_ps, dispatch_ps)
    if len(trace.tasks) > 1 and not len(trace.edges):
        wanted = [(dispatch_ps, WaitReason.UNKNOWN), (start_ps, WaitReason.DISPATCH)]
    else:
        wanted = [
            (moments.dependency_ps[task], WaitReason.DEPENDENCY),
            (moments.submit_end_ps[task], WaitReason.SUBMIT),
            (free_ps[cores.last_of_block(free_ps)], WaitReason.SYNC),
            (dispatch_ps, WaitReason.QUEUE),
            (start_ps, WaitReason.DISPATCH),
        ]
    cuts = [free_ps]
    for until_ps, _ in wanted:
        cuts.append(np.minimum(np.maximum(cuts[-1], until_ps), start_ps))
    return cuts, [reason for _, reason in wanted]


def _rows(lane: Ints, start_ps: Ints, end_ps: Ints, reason: WaitReason, task: Ints) -> Records:
    rows = np.zeros(len(lane), WAIT_DTYPE)
    rows["lane"], rows["task"], rows["reason"] = lane, task, reason
    rows["start_ps"], rows["end_ps"], rows["blamed"] = start_ps, end_ps, NO_TASK
    return rows

"""Dependency arrows between the slices of a trace."""

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.formats.perfetto_time import viewer_us
from npusim.trace import EdgeSource, Trace
from npusim.units import PS_PER_NS

_NO_SLICE = -1


FLOWS_PER_TASK = 4
"""Arrows per task that a file holds unless asked for more; dense graphs have 16 edges per task,
whose arrows would be two thirds of the file."""


def flow_events(
    trace: Trace, pid: int, limit: int | None = None
) -> tuple[list[dict[str, Any]], int]:
    """Start and finish events of one arrow per distinct edge, and how many edges were left out.

    An arrow leads from the predecessor's last slice to the successor's first one. Edges of tasks
    without slices have nothing to hang on and are not counted as left out. Where there are more
    edges than arrows allowed, those stay that held their successor up longest: of every task first
    the predecessor that ended last, then the one before, and so on.

    Args:
        trace: The run.
        pid: Process of the slice tracks; the track of a lane is ``2 * lane + 1``.
        limit: Arrows at most; ``FLOWS_PER_TASK`` per task if left out.
    """
    if limit is None:
        limit = FLOWS_PER_TASK * len(trace.tasks)
    last = _anchors(trace, np.lexsort((trace.slices["lane"], trace.slices["end_ps"])))
    first = _anchors(trace, np.lexsort((-trace.slices["lane"], -trace.slices["start_ps"])))
    pairs: dict[tuple[int, int], int] = {}
    for pred, succ, source in trace.edges.tolist():
        if last[pred] != _NO_SLICE and first[succ] != _NO_SLICE:
            pairs.setdefault((pred, succ), source)
    kept = _most_telling(trace, list(pairs), last, limit) if len(pairs) > limit else set(pairs)
    events = []
    drawn = [(pair, source) for pair, source in pairs.items() if pair in kept]
    for number, ((pred, succ), source) in enumerate(drawn):
        events += _arrow(trace, pid, number, source, int(last[pred]), int(first[succ]))
    return events, len(pairs) - len(drawn)


def _most_telling(
    trace: Trace,
    pairs: list[tuple[int, int]],
    last: npt.NDArray[np.intp],
    limit: int,
) -> set[tuple[int, int]]:
    """``limit`` of the pairs: of every successor those with the latest predecessors first."""
    pred, succ = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    end_ps = trace.slices["end_ps"][last[pred]]
    order = np.lexsort((pred, -end_ps, succ))
    firsts = np.flatnonzero(np.diff(succ[order], prepend=-1))
    counts = np.diff(np.append(firsts, len(order)))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(firsts, counts)
    best = np.lexsort((np.arange(len(order)), rank))[:limit]
    return {pairs[index] for index in best.tolist()}


def _anchors(trace: Trace, order: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Per task the slice that comes last in ``order``."""
    anchors = np.full(len(trace.tasks), _NO_SLICE, np.intp)
    # Later assignments win, so the last slice of a task in this order stays.
    anchors[trace.slices["task"][order]] = order
    return anchors


def _arrow(
    trace: Trace, pid: int, number: int, source: int, tail: int, head: int
) -> list[dict[str, Any]]:
    name = EdgeSource(source).name.lower()
    start, end = (int(trace.slices[column][tail]) for column in ("start_ps", "end_ps"))
    # An arrow belongs to the slice that encloses its tail, so it leaves just before the end.
    leave = max(start, end - PS_PER_NS)
    arrive = int(trace.slices["start_ps"][head])
    ends = (("s", tail, leave), ("f", head, arrive))
    events: list[dict[str, Any]] = []
    for phase, index, time_ps in ends:
        event = {
            "ph": phase,
            "pid": pid,
            "tid": 2 * int(trace.slices["lane"][index]) + 1,
            "name": name,
            "cat": "dependency",
            "id": number,
            "ts": viewer_us(time_ps),
        }
        events.append(event | {"bp": "e"} if phase == "f" else event)
    return events

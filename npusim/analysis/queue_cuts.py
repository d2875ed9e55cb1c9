"""What the scheduler thread of a core did while a ready block waited for it.

::

    wait in the queue   |-------------------------------------------|
    Sched[k]               |COMPLETE|    |DISPATCH|      |COMPLETE|
    pieces              |--|--------|----|--------|------|--------|-|
                        idle  busy   idle  others   idle   busy   idle
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.trace import LaneKind, PhaseKind, Trace

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[Any]

IDLE, BUSY, DISPATCHING, UNSEEN = range(4)
"""Kinds of pieces; UNSEEN where the trace holds no phases of that thread."""

_DISPATCHING = (PhaseKind.DISPATCH, PhaseKind.EARLY_DISPATCH)


@dataclass(frozen=True, slots=True, eq=False)
class SchedulerWork:
    """Phases by thread, in order, without those that lie inside others."""

    by_thread: dict[int, Records]

    @classmethod
    def of(cls, trace: Trace) -> "SchedulerWork":
        """The phases of the scheduler lanes of ``trace``."""
        found = {}
        for index in trace.lane_indices(LaneKind.SCHEDULER):
            own = trace.phases[trace.phases["lane"] == index]
            own = own[own["kind"] != PhaseKind.RESOLVE]
            if len(own):
                found[trace.lanes[index].thread] = own[np.argsort(own["start_ps"], kind="stable")]
        return cls(found)


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Columns over pieces of waits: which wait, from when to when, what the thread did."""

    wait: Ints
    start_ps: Ints
    end_ps: Ints
    kind: Ints


def cut_queues(waits: Records, threads: Ints, work: SchedulerWork) -> Pieces:
    """Cut each wait at the phases of its thread; the pieces of a wait cover it.

    Args:
        waits: Records with ``start_ps`` and ``end_ps``.
        threads: (waits,) thread that owns the core.
        work: Phases by thread.
    """
    parts = []
    for thread in np.unique(threads).tolist():
        rows = np.flatnonzero(threads == thread)
        phases = work.by_thread.get(thread)
        if phases is None:
            start_ps, end_ps = waits["start_ps"][rows], waits["end_ps"][rows]
            parts.append((rows, start_ps, end_ps, np.full(len(rows), UNSEEN)))
        else:
            parts.append(_cut(waits, rows, phases))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Pieces(*(column.astype(np.int64) for column in columns))


def _cut(waits: Records, rows: Ints, phases: Records) -> tuple[Ints, Ints, Ints, Ints]:
    start_ps, end_ps = waits["start_ps"][rows], waits["end_ps"][rows]
    # Phases of a lane do not overlap, so starts and ends are both sorted.
    first = np.searchsorted(phases["end_ps"], start_ps, side="right")
    stop = np.maximum(np.searchsorted(phases["start_ps"], end_ps, side="left"), first)
    counts = stop - first
    owner = np.repeat(np.arange(len(rows)), counts)
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    own = phases[np.repeat(first, counts) + offset]
    from_ps = np.maximum(own["start_ps"], start_ps[owner])
    to_ps = np.minimum(own["end_ps"], end_ps[owner])
    # Idle pieces: before each phase, back to the phase before it, and after the last one.
    before_ps = np.where(offset == 0, start_ps[owner], np.append(0, to_ps[:-1])[: len(owner)])
    last_ps = start_ps.copy()
    np.maximum.at(last_ps, owner, to_ps)
    kind = np.where(np.isin(own["kind"], _DISPATCHING), DISPATCHING, BUSY)
    idle, rest = np.full(len(owner), IDLE), np.full(len(rows), IDLE)
    return (
        np.concatenate([rows[owner], rows[owner], rows]),
        np.concatenate([before_ps, from_ps, last_ps]),
        np.concatenate([from_ps, to_ps, end_ps]),
        np.concatenate([idle, kind, rest]),
    )

"""Why a core was idle before each of its kernels.

The gap before task T on a lane is cut at the moments at which T came closer to running::

    previous end                                                       start of T
    |---DEPENDENCY---|---SUBMIT---|---DISPATCH---|---QUEUE---|---DISPATCH---|
              last predecessor  submitted     entered      popped by
              ended             by the        the ready    a scheduler
                                orchestrator  queue

A moment that lies before the one to its left cuts nothing: a block that was staged early, or put
into the pending slot, was popped long before. Where T needs a whole cluster (MIX), the time in the
queue and from there to its start is SYNC while another core of the cluster runs; in the queue of a
``sync_start`` task all of it is. After the last kernel of a lane, and on a lane that never ran one,
it is NO_WORK.
"""

import itertools
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.simulator.work import BoolArray, IntArray
from npusim.trace import WAIT_DTYPE, WaitReason
from npusim.trace.model import Records


@dataclass(frozen=True, slots=True)
class TaskTimes:
    """What the waits need to know of tasks, one entry each."""

    end_ps: IntArray
    """The last kernel end; for a dummy, when it completed; negative if it never ran."""
    submit_end_ps: IntArray
    ready_ps: IntArray
    is_mix: BoolArray
    is_cohort: BoolArray
    """It waits until all of its blocks can run at once."""


def list_waits(
    runs: Records, clusters: IntArray, times: TaskTimes, edges: npt.NDArray[np.int32]
) -> Records:
    """All waits of all core lanes between the first kernel start and the last kernel end.

    Args:
        runs: Every run: columns ``lane``, ``task``, ``popped_ps``, ``start_ps``, ``end_ps``.
        clusters: (lanes,) the cluster of each core lane.
        times: Of all tasks.
        edges: (edges, 2) predecessor and successor.

    Returns:
        ``WAIT_DTYPE`` records that, with the runs, cover every lane from the first start to the
        last end; in order of lane and time.
    """
    if not len(runs):
        return np.zeros(0, WAIT_DTYPE)
    runs = runs[np.lexsort((runs["end_ps"], runs["start_ps"], runs["lane"]))]
    first_ps, last_ps = int(runs["start_ps"].min()), int(runs["end_ps"].max())
    lane, task = runs["lane"], runs["task"]
    same_lane = np.concatenate([[False], lane[1:] == lane[:-1]])
    free_ps = np.where(same_lane, np.roll(runs["end_ps"], 1), first_ps)
    blamed, dependency_ps = _last_predecessors(times.end_ps, edges)
    cuts = (
        (dependency_ps[task], WaitReason.DEPENDENCY),
        (times.submit_end_ps[task], WaitReason.SUBMIT),
        (times.ready_ps[task], WaitReason.DISPATCH),
        (runs["popped_ps"], WaitReason.QUEUE),
        (runs["start_ps"], WaitReason.DISPATCH),
    )
    parts = []
    now_ps = free_ps
    for number, (until_ps, reason) in enumerate(cuts):
        end_ps = np.maximum(now_ps, np.minimum(until_ps, runs["start_ps"]))
        part = _rows(lane, now_ps, end_ps, reason, task, -1)
        if reason is WaitReason.DEPENDENCY:
            part["blamed"] = blamed[task]
        if reason is WaitReason.QUEUE:
            part["reason"][times.is_cohort[task]] = WaitReason.SYNC
        is_split = times.is_mix[task] & (part["end_ps"] > part["start_ps"]) & (number >= 3)
        parts += [part[~is_split], _split(part[is_split], runs, clusters)]
        now_ps = end_ps
    parts.append(_tails(runs, len(clusters), first_ps, last_ps))
    waits = np.concatenate(parts)
    waits = waits[waits["end_ps"] > waits["start_ps"]]
    return _joined(waits[np.lexsort((waits["start_ps"], waits["lane"]))])


def _joined(waits: Records) -> Records:
    """Waits that follow each other for the same reason as one."""
    if not len(waits):
        return waits
    follows = np.zeros(len(waits), np.bool_)
    follows[1:] = waits["end_ps"][:-1] == waits["start_ps"][1:]
    for name in ("lane", "reason", "task", "blamed"):
        follows[1:] &= waits[name][:-1] == waits[name][1:]
    first = np.flatnonzero(~follows)
    joined = waits[first]
    joined["end_ps"] = waits["end_ps"][np.append(first[1:], len(waits)) - 1]
    return joined


def _last_predecessors(end_ps: IntArray, edges: npt.NDArray[np.int32]) -> tuple[Any, IntArray]:
    """Per task, the predecessor that ended last and when; -1 and -1 without one."""
    blamed, when_ps = np.full(len(end_ps), -1, np.int64), np.full(len(end_ps), -1, np.int64)
    if len(edges):
        pred, succ = edges[:, 0], edges[:, 1]
        order = np.lexsort((pred, end_ps[pred], succ))
        # The last row of a task wins: later rows overwrite earlier ones.
        blamed[succ[order]] = pred[order]
        has_one = blamed >= 0
        when_ps[has_one] = end_ps[blamed[has_one]]
    return blamed, when_ps


def _rows(lane: Any, start_ps: Any, end_ps: Any, reason: int, task: Any, blamed: Any) -> Records:
    rows = np.zeros(len(lane), WAIT_DTYPE)
    rows["lane"], rows["start_ps"], rows["end_ps"] = lane, start_ps, end_ps
    rows["reason"], rows["task"], rows["blamed"] = reason, task, blamed
    return rows


def _tails(runs: Records, lanes: int, first_ps: int, last_ps: int) -> Records:
    """What follows the last kernel of each lane."""
    free_ps = np.full(lanes, first_ps, np.int64)
    np.maximum.at(free_ps, runs["lane"], runs["end_ps"])
    return _rows(np.arange(lanes), free_ps, last_ps, WaitReason.NO_WORK, -1, -1)


def _split(waits: Records, runs: Records, clusters: IntArray) -> Records:
    """Waits of MIX tasks, cut by whether another core of the cluster ran."""
    if not len(waits):
        return waits
    busy = _Busy(runs, clusters)
    rows = [piece for row in waits.tolist() for piece in busy.cut(row)]
    return np.array(rows, WAIT_DTYPE)


class _Busy:
    """When the cores of each cluster run."""

    def __init__(self, runs: Records, clusters: IntArray) -> None:
        self._clusters = clusters.tolist()
        self._lanes: dict[int, list[int]] = {}
        for lane, cluster in enumerate(self._clusters):
            self._lanes.setdefault(cluster, []).append(lane)
        bounds = np.searchsorted(runs["lane"], np.arange(len(clusters) + 1)).tolist()
        starts, ends = runs["start_ps"].tolist(), runs["end_ps"].tolist()
        self._runs = [
            (starts[low:high], ends[low:high]) for low, high in itertools.pairwise(bounds)
        ]

    def cut(self, row: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        """The pieces of one wait: SYNC while another core of the cluster runs."""
        lane, start_ps, end_ps, reason, task, blamed = row
        now_ps = start_ps
        for from_ps, to_ps in self._beside(lane, start_ps, end_ps):
            if from_ps > now_ps:
                yield (lane, now_ps, from_ps, reason, task, blamed)
                now_ps = from_ps
            if to_ps > now_ps:
                yield (lane, now_ps, to_ps, WaitReason.SYNC, task, blamed)
                now_ps = to_ps
        if end_ps > now_ps:
            yield (lane, now_ps, end_ps, reason, task, blamed)

    def _beside(self, lane: int, start_ps: int, end_ps: int) -> list[tuple[int, int]]:
        """When other cores of the cluster ran between two times, in order of their start."""
        found = []
        for other in self._lanes[self._clusters[lane]]:
            if other == lane:
                continue
            starts, ends = self._runs[other]
            # Runs of a lane do not overlap, so their ends are in order as well.
            index = bisect_left(ends, start_ps + 1)
            while index < len(starts) and starts[index] < end_ps:
                found.append((max(starts[index], start_ps), min(ends[index], end_ps)))
                index += 1
        return sorted(found)

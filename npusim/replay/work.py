"""From a trace back to work: what a runtime would be given to make such a run.

Kernel durations, core types, dependencies and the flags of tasks are kept; every start time goes.
A capture of a device names no task that starts all blocks at once (``sync_start``), and one with a
predicate only where that was false (DEVIATIONS R25).
What the orchestrator pays for a submit is taken from the first of these that the trace holds:

1. counts of arguments (``info.parameters["arguments"]``), put through the cost formula of the chip;
2. measured submits: from the end of one to the end of the next, user code included;
3. nothing: one lookup per predecessor, at least one, and one insert are assumed (DEVIATIONS R20).
"""

import heapq
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.work_graph import distinct_edges
from npusim.errors import TraceError
from npusim.hardware.spec import ChipSpec
from npusim.program import CoreType
from npusim.simulator.work import RuntimeWork
from npusim.trace import NO_TIME, LaneKind, Trace, TraceTask
from npusim.trace.model import Records
from npusim.units import PS_PER_NS

Ints = npt.NDArray[np.int64]
_ARGUMENTS = ("tensors", "lookups", "inserts")


def replay_work(trace: Trace, chip: ChipSpec) -> RuntimeWork:
    """The work of ``trace`` for ``chip``.

    Tasks keep their order, which is that of submission, except that a task never comes before one
    that it waits for. A task of which the trace has no kernel is served like a dummy.

    Raises:
        TraceError: If the dependencies run in a circle, or the trace uses more cores of a type
            than the chip has.
    """
    pairs, first = distinct_edges(trace.edges["pred"], trace.edges["succ"])
    order = submission_order(len(trace.tasks), pairs)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    tasks = [trace.tasks[old] for old in order]
    edges = rank[pairs].reshape(-1, 2)
    captured = _on_chip(trace, chip, rank)
    block_num = _number_blocks(captured, len(tasks))
    return RuntimeWork.build(
        kernel=trace.info.kernel,
        variant=trace.info.variant,
        names=[task.name for task in tasks],
        core_types=[CoreType(task.core_type) for task in tasks],
        block_num=block_num,
        durations_ps=_block_durations(captured, block_num),
        edges=edges,
        sources=trace.edges["source"][first],
        is_dummy=block_num == 0,
        allow_early_resolve=[task.has_early_dispatch for task in tasks],
        is_predicated=[task.is_predicated for task in tasks],
        sync_start=[task.is_cohort for task in tasks],
        captured=captured,
        parameters={key: value for key, value in trace.info.parameters.items() if key in _KEPT},
        **_submit_costs(trace, tasks, order, edges),
    )


_KEPT = ("missing_parts", "deps_mode")
"""What the parameters of a capture still say of its replay."""


def submission_order(task_count: int, edges: Ints) -> list[int]:
    """The old index of each task in the new order: by index, but never before a predecessor.

    Raises:
        TraceError: If the dependencies run in a circle.
    """
    if not len(edges) or (edges[:, 0] < edges[:, 1]).all():
        return list(range(task_count))
    successors: list[list[int]] = [[] for _ in range(task_count)]
    waits_for = [0] * task_count
    for pred, succ in edges.tolist():
        successors[pred].append(succ)
        waits_for[succ] += 1
    ready = [task for task, count in enumerate(waits_for) if not count]
    order = []
    while ready:  # a sorted list is a heap
        order.append(heapq.heappop(ready))
        for succ in successors[order[-1]]:
            waits_for[succ] -= 1
            if not waits_for[succ]:
                heapq.heappush(ready, succ)
    if len(order) < task_count:
        stuck = next(task for task, count in enumerate(waits_for) if count)
        msg = (
            f"replay: task {stuck} (counted from 0) is on a circle of dependencies or behind one; "
            "expected an acyclic graph; check the edges of the capture"
        )
        raise TraceError(msg)
    return order


def _on_chip(trace: Trace, chip: ChipSpec, rank: Ints) -> Records:
    """The slices with the core numbers of ``chip`` as lanes and new task indices, by task."""
    counts = {LaneKind.AIC: chip.topology.aic_count, LaneKind.AIV: chip.topology.aiv_count}
    core_of = np.full(len(trace.lanes), NO_TIME, np.int64)
    first = 0
    for kind, count in counts.items():
        lanes = trace.lane_indices(kind)
        if len(lanes) > count:
            msg = (
                f"replay: the capture has {len(lanes)} {kind.name} and chip {chip.name} only "
                f"{count}; expected a chip with at least as many; name another one"
            )
            raise TraceError(msg)
        core_of[lanes] = np.arange(first, first + len(lanes))
        first += count
    captured = trace.slices.copy()
    captured["lane"] = core_of[captured["lane"]]
    captured = captured[captured["lane"] >= 0]
    captured["task"] = rank[captured["task"]]
    return captured[np.lexsort((captured["slot"], captured["block"], captured["task"]))]


def _number_blocks(captured: Records, task_count: int) -> Ints:
    """Counts the blocks of each task that ran, and numbers those from 0 in ``captured``."""
    keys = captured["task"].astype(np.int64) << 32 | captured["block"].astype(np.int64)
    unique, block = np.unique(keys, return_inverse=True)
    tasks = unique >> 32
    first = np.searchsorted(tasks, np.arange(task_count))
    captured["block"] = block - first[captured["task"]]
    return np.bincount(tasks, minlength=task_count).astype(np.int64)


def _block_durations(captured: Records, block_num: Ints) -> Ints:
    """(blocks,) of all blocks in task order; a block lasts as long as its longest part."""
    first = np.cumsum(block_num) - block_num
    durations = np.zeros(int(block_num.sum()), np.int64)
    blocks = first[captured["task"]] + captured["block"]
    np.maximum.at(durations, blocks, captured["end_ps"] - captured["start_ps"])
    return durations


def _submit_costs(
    trace: Trace, tasks: Sequence[TraceTask], order: Sequence[int], edges: Ints
) -> dict[str, Any]:
    arguments = trace.info.parameters.get("arguments", {})
    if all(name in arguments for name in _ARGUMENTS):
        return {name: np.array(arguments[name], np.int64)[order] for name in _ARGUMENTS}
    submits = _measured_submits(tasks)
    if submits is not None:
        return {"submit_ns": submits}
    predecessors = np.bincount(edges[:, 1].astype(np.int64), minlength=len(tasks))
    lookups = np.maximum(predecessors, 1)
    return {"tensors": lookups + 1, "lookups": lookups, "inserts": np.ones(len(tasks), np.int64)}


def _measured_submits(tasks: Sequence[TraceTask]) -> npt.NDArray[np.float64] | None:
    """Nanoseconds per submit, or None where the trace does not hold them all."""
    ends = [task.submit_end_ps for task in tasks]
    if NO_TIME in ends or not ends:
        return None
    first = tasks[0].submit_end_ps - tasks[0].submit_start_ps
    # The orchestrator may have waited in between; only the order of the submits is sure.
    gaps = [max(later - earlier, 0) for earlier, later in itertools.pairwise(ends)]
    return np.array([first, *gaps], np.float64) / PS_PER_NS

"""Other tasks for the same work: split each task of a scope, or run tasks of two scopes as one.

A new task is a list of pieces of old ones. Dependencies follow the pieces: whoever waited for an
old task waits for every new task that holds a piece of it::

    a0 -> b0 -> c      split b in 2      a0 -> b0/0 -> c        merge a+b      a0+b0 -> c
    a1 -> b1 -> c                           -> b0/1 ->                         a1+b1 ->

Submits that a capture measured follow the pieces too. The chip's fixed part of a submit is paid
once per new task; of the rest a piece brings its share. So a split task pays the fixed part per
copy, and a merged one the sum less a fixed part for each task that it takes in, never less than
its head alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from npusim.errors import TraceError, UsageError
from npusim.experiments.experiment import Experiment
from npusim.experiments.kernel_profiles import Composer, FixedProfile, Profile
from npusim.program import CoreType
from npusim.replay.work import submission_order
from npusim.simulator.work import Allocation, BlockingAccess, RuntimeWork, Step

Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class NewTask:
    """Pieces of old tasks, run one after another: the old task and the share of its work."""

    name: str
    pieces: tuple[tuple[int, float], ...]
    extra_ps: tuple[int, ...] = ()
    """Per block, what it takes longer than its pieces."""


def regroup(
    experiment: Experiment, tasks: Sequence[NewTask], block_factor: Sequence[int] | None = None
) -> Experiment:
    """The experiment with these tasks; they are put in an order that the dependencies allow.

    Args:
        experiment: What there is.
        tasks: New tasks; every old one is in at least one of them.
        block_factor: By what the blocks of each new task are multiplied; each is then that much
            shorter by the share of its pieces.

    Raises:
        UsageError: If a merged task would wait for itself.
    """
    work = experiment.work
    factors = list(block_factor or [1] * len(tasks))
    images: list[list[int]] = [[] for _ in work.names]
    for index, task in enumerate(tasks):
        for old, _ in task.pieces:
            images[old].append(index)
    pairs = _edges(work, images)
    order = _order(tasks, pairs)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    positions = [sorted(int(rank[new]) for new in news) for news in images]
    tasks, factors = [tasks[one] for one in order], [factors[one] for one in order]
    heads = [task.pieces[0][0] for task in tasks]
    block_num = work.block_num[heads] * factors
    profiles = _profiles(experiment, tasks, factors)
    edges, sources = _unique(rank[pairs[:, :2]], pairs[:, 2])
    shares = [sum(share for _, share in task.pieces) / len(task.pieces) for task in tasks]
    heap = _summed(work.heap_bytes, tasks) * np.minimum(1, shares)
    changed = replace(
        work,
        names=[task.name for task in tasks],
        core_types=[_core_type(work, task) for task in tasks],
        block_num=block_num,
        durations_ps=None,
        edges=edges.astype(np.int32),
        sources=sources.astype(np.uint8),
        is_dummy=work.is_dummy[heads],
        allow_early_resolve=work.allow_early_resolve[heads],
        sync_start=work.sync_start[heads],
        is_predicated=work.is_predicated[heads],
        tensors=_summed(work.tensors, tasks),
        lookups=_summed(work.lookups, tasks),
        inserts=_summed(work.inserts, tasks),
        submit_ns=None if work.submit_ns is None else _submits(experiment, tasks, factors),
        heap_bytes=heap.astype(np.int64),
        scope=work.scope[heads],
        steps=_steps(work, positions, len(tasks)),
        captured=None,
    )
    changed.check()
    return replace(experiment, work=changed, profiles=profiles)


def _edges(work: RuntimeWork, images: list[list[int]]) -> Ints:
    """(n, 3) predecessor, successor and source between new tasks."""
    rows = [
        (pred, succ, source)
        for (old_pred, old_succ), source in zip(
            work.edges.tolist(), work.sources.tolist(), strict=True
        )
        for pred in images[old_pred]
        for succ in images[old_succ]
        if pred != succ
    ]
    return np.array(rows, np.int64).reshape(-1, 3)


def _order(tasks: Sequence[NewTask], pairs: Ints) -> list[int]:
    try:
        return submission_order(len(tasks), pairs[:, :2])
    except TraceError as error:
        names = dict.fromkeys(task.name for task in tasks if len(task.pieces) > 1)
        msg = (
            f"--merge {', '.join(names)}: a merged task would wait for itself, through a task "
            "between the two; expected scopes of which one follows the other directly"
        )
        raise UsageError(msg) from error


def _profiles(
    experiment: Experiment, tasks: Sequence[NewTask], factors: Sequence[int]
) -> tuple[Profile, ...]:
    first = np.cumsum(experiment.work.block_num) - experiment.work.block_num
    composer, found = Composer(), []
    fixed: dict[int, Profile] = {}
    for task, factor in zip(tasks, factors, strict=True):
        blocks = int(experiment.work.block_num[task.pieces[0][0]])
        for block in range(blocks):
            parts = [
                (experiment.profiles[int(first[old]) + block], share) for old, share in task.pieces
            ]
            if task.extra_ps and task.extra_ps[block]:
                extra_ps = task.extra_ps[block]
                parts.append((fixed.setdefault(extra_ps, FixedProfile(extra_ps)), 1.0))
            found += [composer.compose(parts)] * factor
    return tuple(found)


def _core_type(work: RuntimeWork, task: NewTask) -> CoreType:
    types = {work.core_types[old] for old, _ in task.pieces}
    return types.pop() if len(types) == 1 else CoreType.MIX


def _summed(column: Ints, tasks: Sequence[NewTask]) -> Ints:
    return np.array([sum(int(column[old]) for old, _ in task.pieces) for task in tasks], np.int64)


def _submits(
    experiment: Experiment, tasks: Sequence[NewTask], factors: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Measured nanoseconds of each new task, by the rule at the top of this file."""
    measured = experiment.work.submit_ns
    assert measured is not None, "only a capture has measured submits"
    fixed_ns = experiment.chip.runtime.submit_fixed_ns
    found = []
    for task, factor in zip(tasks, factors, strict=True):
        head_ns, *others_ns = (
            min(ns, fixed_ns) + max(0.0, ns - fixed_ns) * min(1.0, share * factor)
            for ns, share in ((float(measured[old]), share) for old, share in task.pieces)
        )
        found.append(max(head_ns, head_ns + sum(others_ns) - fixed_ns * len(others_ns)))
    return np.array(found, np.float64)


def _unique(edges: Ints, sources: Ints) -> tuple[Ints, Ints]:
    if not len(edges):
        return edges.reshape(-1, 2), sources
    unique, index = np.unique(edges, axis=0, return_index=True)
    return unique, sources[index]


def _steps(
    work: RuntimeWork, positions: list[list[int]], count: int
) -> dict[int, tuple[Step, ...]]:
    """What the orchestrator does before a task, now before the first new one with a piece of it."""
    found: dict[int, list[Step]] = {}
    for before, steps in sorted(work.steps.items()):
        place = positions[before][0] if before < len(positions) else count
        found.setdefault(place, []).extend(_moved(step, positions) for step in steps)
    return {place: tuple(steps) for place, steps in found.items()}


def _moved(step: Step, positions: list[list[int]]) -> Step:
    if isinstance(step, Allocation):
        return replace(step, users=_all(step.users, positions))
    assert isinstance(step, BlockingAccess), "a step is an allocation or an access"
    return replace(step, waits_for=_all(step.waits_for, positions))


def _all(tasks: Sequence[int], positions: list[list[int]]) -> tuple[int, ...]:
    return tuple(sorted({new for task in tasks for new in positions[task]}))

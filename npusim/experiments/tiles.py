"""Smaller and larger tiles, told by the tasks of a scope: split them, or run two as one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from npusim.dependencies import DependencyMode, build_graph
from npusim.errors import UsageError
from npusim.experiments.crossings import crossing_ps
from npusim.experiments.experiment import Experiment
from npusim.experiments.regroup import NewTask, regroup
from npusim.simulator.work import RuntimeWork

_MOST_BLOCKS = 1_000_000
_MOST_EDGES = 4_000_000
"""What is simulated in a few minutes and 2 GiB; a typing mistake should not fill the memory."""


def split_scope(experiment: Experiment, scope: str, count: int) -> Experiment:
    """Every task of ``scope`` as ``count`` tasks of equal work with the same dependencies.

    A dispatch of several blocks stays one task, with ``count`` times as many blocks.

    Raises:
        UsageError: If there is no such scope, ``count`` is below 2, or so large that the run would
            hold more tasks or edges than npusim simulates.
    """
    members = tasks_of(experiment.work, scope)
    if count < 2:
        msg = f"--split {scope}={count}: expected at least 2 parts; name a larger number"
        raise UsageError(msg)
    _check_size(experiment.work, scope, count, members)
    chosen, tasks, blocks = set(members), [], []
    for task, name in enumerate(experiment.work.names):
        own = task in chosen
        is_one = int(experiment.work.block_num[task]) <= 1
        copies = count if own and is_one else 1
        share = 1 / count if own else 1.0
        tasks += [NewTask(name, ((task, share),))] * copies
        blocks += [1 if is_one or not own else count] * copies
    return regroup(experiment, tasks, blocks)


def _check_size(work: RuntimeWork, scope: str, count: int, members: Sequence[int]) -> None:
    copies = np.ones(work.task_count, np.float64)
    copies[members] = np.where(work.block_num[members] <= 1, count, 1)
    edges = float((copies[work.edges[:, 0]] * copies[work.edges[:, 1]]).sum())
    blocks = float((work.block_num[members] * (count - 1.0)).sum()) + float(work.block_num.sum())
    for found, limit, what in ((blocks, _MOST_BLOCKS, "blocks"), (edges, _MOST_EDGES, "edges")):
        if found > limit:
            msg = (
                f"--split {scope}={count}: the run would have {found:.0f} {what}; expected at most "
                f"{limit}; name a smaller number"
            )
            raise UsageError(msg)


def merge_scopes(experiment: Experiment, first: str, second: str) -> Experiment:
    """Task i of ``first`` and task i of ``second`` as one task; of one scope, its neighbours.

    The merged task takes as long as both together and needs the cores of both: AIC and AIV make a
    MIX, which pays for every tile that crosses from one core to the other where the recording tells
    how many there are. Traffic that a fused kernel would save is not taken off. What one half hands
    the other stays in the task, so a dependency between tasks of two different pairs goes, unless
    the regions demand it (a capture has none: it goes).

    Raises:
        UsageError: If a scope is missing, or the two have different numbers of tasks or blocks.
    """
    work = experiment.work
    one, other = tasks_of(work, first), tasks_of(work, second)
    if first == second:
        pairs = list(zip(one[::2], one[1::2], strict=False))
    else:
        pairs = list(zip(one, other, strict=False))
        if len(one) != len(other):
            msg = (
                f"--merge {first}+{second}: {len(one)} and {len(other)} tasks; expected equal "
                "numbers; split or merge one of them first"
            )
            raise UsageError(msg)
    for task, partner in pairs:
        if work.block_num[task] != work.block_num[partner]:
            msg = (
                f"--merge {first}+{second}: task {task} has {work.block_num[task]} blocks and task "
                f"{partner} {work.block_num[partner]}; expected equal numbers; name other scopes"
            )
            raise UsageError(msg)
    kept = _without_hand_overs(experiment, pairs) if first != second else experiment
    partner_of = dict(pairs)
    swallowed = set(partner_of.values())
    name = first if first == second else f"{first}+{second}"
    tasks = []
    for task, own in enumerate(work.names):
        if task in partner_of:
            pieces = ((task, 1.0), (partner_of[task], 1.0))
            extra_ps = _crossings(experiment, task, partner_of[task])
            tasks.append(NewTask(name, pieces, extra_ps))
        elif task not in swallowed:
            tasks.append(NewTask(own, ((task, 1.0),)))
    return regroup(kept, tasks)


def _crossings(experiment: Experiment, first: int, second: int) -> tuple[int, ...]:
    """Per block, the cost of tiles that cross between cores; empty where none can be known."""
    work, program = experiment.work, experiment.program
    if program is None or len(program.tasks) != work.task_count:
        return ()
    if work.core_types[first] == work.core_types[second]:
        return ()
    return tuple(crossing_ps(program, experiment.chip, first, second))


def _without_hand_overs(experiment: Experiment, pairs: list[tuple[int, int]]) -> Experiment:
    """Without the false dependencies of one half of a pair on the other half of another pair."""
    work, program = experiment.work, experiment.program
    needed: set[tuple[int, int]] = set()
    if program is not None and len(program.tasks) == work.task_count:
        graph = build_graph(program, DependencyMode.EXACT)  # its edges are those of every era
        needed = {(pred, succ) for pred, succ in graph.edges.tolist()}
    pair_of = {
        task: (side, index) for index, pair in enumerate(pairs) for side, task in enumerate(pair)
    }
    rows = []
    for row, (pred, succ) in enumerate(work.edges.tolist()):
        before, after = pair_of.get(pred), pair_of.get(succ)
        is_hand_over = before is not None and after is not None and before[0] != after[0]
        if not is_hand_over or (pred, succ) in needed or before[1] == after[1]:  # type: ignore[index]
            rows.append(row)
    changed = replace(work, edges=work.edges[rows], sources=work.sources[rows])
    return replace(experiment, work=changed)


def tasks_of(work: RuntimeWork, scope: str) -> list[int]:
    """The tasks of ``scope`` in order of submission.

    Raises:
        UsageError: If there is no such scope.
    """
    found = [task for task, name in enumerate(work.names) if name == scope]
    if not found:
        known = ", ".join(dict.fromkeys(work.names))
        msg = f"scope {scope!r}: the run has none of that name; expected one of {known}"
        raise UsageError(msg)
    return found

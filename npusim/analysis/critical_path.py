"""Question: how short could the run be if every task found a free core at once, and why?

The static critical path is the longest chain of dependent tasks, each as long as its longest block.
It asks nothing of the machine: no cores, no dispatch, no orchestrator. What a task may be delayed
without lengthening that chain is its slack::

    earliest start          latest start
    |---------- slack ----------|==== task ====|--- tail: longest chain behind it ---|
"""

from dataclasses import dataclass

import numpy as np

from npusim.analysis.work_graph import Ints, WorkGraph


@dataclass(frozen=True, slots=True, eq=False)
class StaticPath:
    """The longest chain of a task graph; times are picoseconds.

    Attributes:
        length_ps: Its length; no schedule on any machine is shorter.
        tasks: Task indices along one longest chain, first to last; of equally long ones the one
            with the smallest indices, seen from the end.
        earliest_ps: (tasks,) earliest start of each task on unlimited cores.
        tail_ps: (tasks,) longest chain from the start of each task to the end, itself included.
    """

    length_ps: int
    tasks: tuple[int, ...]
    earliest_ps: Ints
    tail_ps: Ints

    @property
    def slack_ps(self) -> Ints:
        """(tasks,) how much later than ``earliest_ps`` a task may start at no cost."""
        slack: Ints = self.length_ps - self.earliest_ps - self.tail_ps
        return slack


def static_path(graph: WorkGraph) -> StaticPath:
    """The critical path of ``graph`` and the slack of its tasks."""
    cost: list[int] = graph.task_ps.tolist()
    earliest, tail = [0] * graph.task_count, cost.copy()
    for task in graph.order:
        earliest[task] = max((earliest[p] + cost[p] for p in graph.predecessors[task]), default=0)
    for task in reversed(graph.order):
        tail[task] = cost[task] + max((tail[s] for s in graph.successors[task]), default=0)
    length_ps = max(tail, default=0)
    return StaticPath(
        length_ps, _walk(graph, earliest, cost), np.array(earliest, np.int64), np.array(tail)
    )


def _walk(graph: WorkGraph, earliest: list[int], cost: list[int]) -> tuple[int, ...]:
    """From the task that ends last back over the predecessor that held each one up."""
    if not cost:
        return ()
    ends = [start + duration for start, duration in zip(earliest, cost, strict=True)]
    path = [max(range(len(ends)), key=lambda task: (ends[task], -task))]
    while predecessors := graph.predecessors[path[-1]]:
        path.append(max(predecessors, key=lambda task: (ends[task], -task)))
    return tuple(reversed(path))

"""Question: how short can this run be on these cores, whatever the runtime does?"""

from dataclasses import dataclass

import numpy as np

from npusim.analysis.critical_path import static_path
from npusim.analysis.work_graph import CORE_KINDS, WorkGraph


@dataclass(frozen=True, slots=True)
class Bounds:
    """Lower bounds of a makespan, in picoseconds.

    Attributes:
        work_ps: The busier core type's work spread evenly over its cores, rounded up.
        critical_path_ps: The longest chain of dependent tasks.
    """

    work_ps: int
    critical_path_ps: int

    @property
    def lower_ps(self) -> int:
        """The larger of the two: no schedule is shorter."""
        return max(self.work_ps, self.critical_path_ps)


def work_bound_ps(graph: WorkGraph) -> int:
    """The work of each core type divided by its cores, the larger of both, rounded up.

    A core type without work bounds nothing, also where the machine has no core of it.
    """
    return max(kind_work_ps(graph, kind) for kind in range(len(CORE_KINDS)))


def kind_work_ps(graph: WorkGraph, kind: int) -> int:
    """The work of one core type divided by its cores, rounded up; 0 without work.

    Args:
        graph: The work.
        kind: Index into ``CORE_KINDS``.
    """
    busy_ps = int(np.sum(graph.part_ps[graph.part_kind == kind]))
    return -(-busy_ps // len(graph.kind_lanes[kind])) if busy_ps else 0


def lower_bounds(graph: WorkGraph) -> Bounds:
    """Work bound and critical path of ``graph``."""
    return Bounds(work_bound_ps(graph), static_path(graph).length_ps)

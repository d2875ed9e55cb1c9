"""The task graph: edges by mode, explicit dependencies, levels."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from npusim.dependencies.directions import CompilerEra, Direction, argument_directions
from npusim.dependencies.regions import region_edges
from npusim.dependencies.tensormap import INSERTED, LOOKED_UP, tensormap_edges
from npusim.errors import KernelError
from npusim.program import Program
from npusim.trace import EdgeSource


class DependencyMode(StrEnum):
    """How dependencies are found."""

    TENSORMAP = "tensormap"
    EXACT = "exact"
    PREFIX = "prefix"


@dataclass(frozen=True, slots=True, eq=False)
class TaskGraph:
    """Who waits for whom.

    Attributes:
        edges: (n, 2) predecessor and successor task ids, each pair once, sorted.
        sources: Which rule made each edge (``EdgeSource``).
        lookups: Per task, arguments the orchestrator looks up in its tensor map.
        inserts: Per task, arguments it inserts.
    """

    edges: npt.NDArray[np.int32]
    sources: npt.NDArray[np.uint8]
    lookups: npt.NDArray[np.int32]
    inserts: npt.NDArray[np.int32]


def build_graph(
    program: Program,
    mode: DependencyMode = DependencyMode.TENSORMAP,
    era: CompilerEra = CompilerEra.HEAD,
) -> TaskGraph:
    """The task graph of ``program``; explicit ``deps`` are added in every mode.

    Args:
        program: The recording.
        mode: How dependencies are found. ``prefix`` is the tensor map on whole buffers with the
            newer direction rule, which is how section 8.2 of the kernel specification defines it.
        era: The compiler whose direction rule applies (``tensormap``).

    Raises:
        KernelError: If an explicit dependency names a task that is not submitted before.
    """
    rule = CompilerEra.HEAD if mode is DependencyMode.PREFIX else era
    directions = argument_directions(program, rule)
    if mode is DependencyMode.EXACT:
        found, source = region_edges(program), EdgeSource.REGION
    else:
        whole = mode is DependencyMode.PREFIX
        found = tensormap_edges(program, directions, whole_buffers=whole)
        source = EdgeSource.TENSORMAP
    edges, sources = _sorted_edges(found, _explicit_only(program, found), source)
    return TaskGraph(
        edges=edges,
        sources=sources,
        lookups=_count_arguments(program, directions, LOOKED_UP),
        inserts=_count_arguments(program, directions, INSERTED),
    )


def task_levels(task_count: int, edges: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Level of each task, 1 for tasks without predecessors.

    Shapes: edges (n, 2), predecessors before successors → (task_count,).
    """
    levels = np.ones(task_count, np.int64)
    by_successor = edges[np.argsort(edges[:, 1], kind="stable")]
    cuts = np.flatnonzero(np.diff(by_successor[:, 1])) + 1
    for group in np.split(by_successor, cuts):
        if len(group):
            levels[group[0, 1]] = levels[group[:, 0]].max() + 1
    return levels


def graph_depth(task_count: int, edges: npt.NDArray[np.int32]) -> int:
    """Number of levels: tasks on the longest chain."""
    return int(task_levels(task_count, edges).max(initial=0))


def _explicit_only(program: Program, found: list[set[int]]) -> list[set[int]]:
    """For each task, the tasks that only its ``deps`` make it wait for."""
    for task in program.tasks:
        for predecessor in task.deps:
            if not 0 <= predecessor < task.task_id:
                msg = (
                    f"{task.site} task {task.task_id} ({task.name}): deps names task "
                    f"{predecessor}; expected a task submitted before"
                )
                raise KernelError(msg)
    return [set(task.deps) - tasks for task, tasks in zip(program.tasks, found, strict=True)]


def _sorted_edges(
    found: list[set[int]], explicit: list[set[int]], source: EdgeSource
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """All edges, sorted by predecessor and successor, and the rule behind each."""
    parts = [(found, source), (explicit, EdgeSource.EXPLICIT)]
    table = np.concatenate([_edge_rows(tasks, rule) for tasks, rule in parts])
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    return np.ascontiguousarray(table[:, :2]), table[:, 2].astype(np.uint8)


def _edge_rows(predecessors: list[set[int]], source: EdgeSource) -> npt.NDArray[np.int32]:
    """Rows of predecessor, successor and source."""
    counts = np.array([len(tasks) for tasks in predecessors], np.int64)
    rows = np.empty((int(counts.sum()), 3), np.int32)
    rows[:, 0] = np.fromiter((p for tasks in predecessors for p in tasks), np.int32, len(rows))
    rows[:, 1] = np.repeat(np.arange(len(predecessors)), counts)
    rows[:, 2] = source
    return rows


def _count_arguments(
    program: Program, directions: list[tuple[Direction, ...]], counted: frozenset[Direction]
) -> npt.NDArray[np.int32]:
    """Per task, its arguments with one of the directions; a manual task never asks the map."""
    counts = [
        0 if task.is_manual else sum(direction in counted for direction in row)
        for task, row in zip(program.tasks, directions, strict=True)
    ]
    return np.array(counts, np.int32)

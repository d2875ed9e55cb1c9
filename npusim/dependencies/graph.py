"""The task graph: edges by mode, explicit dependencies, levels."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from npusim.dependencies.directions import CompilerEra, Direction, argument_directions
from npusim.dependencies.regions import region_edges
from npusim.dependencies.tensormap import tensormap_edges
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
    rows = [
        (predecessor, task.task_id, int(source))
        for task, predecessors in zip(program.tasks, found, strict=True)
        if not (task.is_manual and mode is not DependencyMode.EXACT)
        for predecessor in predecessors
    ]
    rows += _explicit_rows(program, found)
    table = np.array(sorted(rows), np.int64).reshape(-1, 3)
    looked_up = {Direction.INPUT, Direction.INOUT}
    inserted = {Direction.INOUT, Direction.OUTPUT_EXISTING}
    return TaskGraph(
        edges=table[:, :2].astype(np.int32),
        sources=table[:, 2].astype(np.uint8),
        lookups=np.array([sum(d in looked_up for d in row) for row in directions], np.int32),
        inserts=np.array([sum(d in inserted for d in row) for row in directions], np.int32),
    )


def task_levels(task_count: int, edges: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Level of each task, 1 for tasks without predecessors.

    Shapes: edges (n, 2), predecessors before successors → (task_count,).
    """
    levels = np.ones(task_count, np.int64)
    for predecessor, successor in edges[np.argsort(edges[:, 1], kind="stable")]:
        levels[successor] = max(levels[successor], levels[predecessor] + 1)
    return levels


def graph_depth(task_count: int, edges: npt.NDArray[np.int32]) -> int:
    """Number of levels: tasks on the longest chain."""
    return int(task_levels(task_count, edges).max(initial=0))


def _explicit_rows(program: Program, found: list[set[int]]) -> list[tuple[int, int, int]]:
    rows = []
    for task in program.tasks:
        for predecessor in task.deps:
            if not 0 <= predecessor < task.task_id:
                msg = (
                    f"{task.site} task {task.task_id} ({task.name}): deps names task "
                    f"{predecessor}; expected a task submitted before"
                )
                raise KernelError(msg)
            if predecessor not in found[task.task_id]:
                rows.append((predecessor, task.task_id, int(EdgeSource.EXPLICIT)))
    return rows

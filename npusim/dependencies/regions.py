"""Region-exact read-after-write dependencies: the ideal graph.

Each access is expanded into the contiguous runs it touches; per tensor, the boundaries of all written
runs cut the buffer into cells, and one array holds the last writer of each cell. That is exact for
any strided box, and its cost is the number of cells touched, not the number of elements.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.program import NO_INDEX, AccessMode, Program

Ints = npt.NDArray[np.int64]


def region_edges(program: Program) -> list[set[int]]:
    """For each task, the last writers of what it reads, itself excluded."""
    predecessors: list[set[int]] = [set() for _ in program.tasks]
    tasks, accesses = _accesses_in_order(program)
    written = np.unique(accesses["tensor"][accesses["mode"] != AccessMode.READ])
    for tensor in written:
        touches = np.flatnonzero(accesses["tensor"] == tensor)
        _trace_tensor(tasks[touches], accesses[touches], predecessors)
    return predecessors


def _accesses_in_order(program: Program) -> tuple[Ints, Any]:
    """The task and the access row of every operation that touches global memory, in order."""
    lengths = program.blocks["op_stop"] - program.blocks["op_start"]
    task_of_op = np.repeat(program.blocks["task"], lengths).astype(np.int64)
    touching = np.flatnonzero(program.ops["access"] != NO_INDEX)
    return task_of_op[touching], program.accesses[program.ops["access"][touching]]


def _trace_tensor(tasks: Ints, accesses: Any, predecessors: list[set[int]]) -> None:
    is_write = accesses["mode"] != AccessMode.READ
    is_read = accesses["mode"] != AccessMode.WRITE  # an atomic add reads what it adds to
    writes = _merged_runs(tasks[is_write], accesses[is_write])
    reads = _merged_runs(tasks[is_read], accesses[is_read])
    boundaries = np.unique(np.concatenate([writes[1], writes[2]]))
    last_writer = np.full(max(len(boundaries) - 1, 0), NO_INDEX, np.int64)
    read_groups = _cells_by_task(reads, boundaries)
    write_groups = _cells_by_task(writes, boundaries)
    for task in sorted(read_groups.keys() | write_groups.keys()):
        if task in read_groups:
            found = np.unique(last_writer[read_groups[task]])
            predecessors[task].update(int(p) for p in found if p not in {NO_INDEX, task})
        if task in write_groups:
            last_writer[write_groups[task]] = task


def _merged_runs(tasks: Ints, accesses: Any) -> tuple[Ints, Ints, Ints]:
    """Task, start and stop of the disjoint, sorted runs that each task touches."""
    starts = accesses["offset"].astype(np.int64)
    runs = accesses["run"].astype(np.int64)
    owners = tasks
    for count, stride in (("n0", "s0"), ("n1", "s1"), ("n2", "s2")):
        counts = accesses[count].astype(np.int64)
        if (counts == 1).all():
            continue
        index = np.repeat(np.arange(len(starts)), counts)
        step = np.arange(len(index)) - np.repeat(np.cumsum(counts) - counts, counts)
        starts = starts[index] + step * accesses[stride].astype(np.int64)[index]
        runs, owners, accesses = runs[index], owners[index], accesses[index]
    order = np.lexsort((starts, owners))
    owners, starts, stops = owners[order], starts[order], (starts + runs)[order]
    if not len(starts):
        return owners, starts, stops
    # Lift each task above the one before, so that one running maximum serves all of them.
    lift = owners * (int(stops.max()) + 1)
    reach = np.maximum.accumulate(stops + lift)
    begins = np.concatenate([[True], starts[1:] + lift[1:] > reach[:-1]])
    ends = np.concatenate([begins[1:], [True]])
    return owners[begins], starts[begins], (reach - lift)[ends]


def _cells_by_task(runs: tuple[Ints, Ints, Ints], boundaries: Ints) -> dict[int, Ints]:
    """For each task, the indices of the cells its runs overlap."""
    owners, starts, stops = runs
    low = np.maximum(np.searchsorted(boundaries, starts, side="right") - 1, 0)
    high = np.minimum(np.searchsorted(boundaries, stops, side="left"), len(boundaries) - 1)
    counts = np.maximum(high - low, 0)
    cells = np.repeat(low - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    cell_owners = np.repeat(owners, counts)
    cuts = np.flatnonzero(np.diff(cell_owners)) + 1
    groups = np.split(cells, cuts) if len(cells) else []
    heads = cell_owners[np.concatenate([[0], cuts])] if len(cells) else []
    return {int(task): group for task, group in zip(heads, groups, strict=True)}

"""Region-exact read-after-write dependencies: the ideal graph.

Each access is expanded into the contiguous runs it touches; per tensor, the boundaries of all
written runs cut the buffer into cells, and one array holds the last writer of each cell. That is
exact for any strided box, and its cost is the number of cells touched, not the number of elements.
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
    is_written = np.zeros(len(program.tensors), np.bool_)
    is_written[accesses["tensor"][accesses["mode"] != AccessMode.READ]] = True
    relevant = np.flatnonzero(is_written[accesses["tensor"]])
    # One stable sort puts the accesses of each tensor side by side: a kernel has a tensor for every
    # tile that leaves its scope, so a search per tensor would read everything a thousand times.
    order = relevant[np.argsort(accesses["tensor"][relevant], kind="stable")]
    cuts = np.flatnonzero(np.diff(accesses["tensor"][order])) + 1
    for touches in np.split(order, cuts):
        if len(touches):
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
    phases, task_of_phase = _phases(tasks, accesses["mode"])
    writes = _merged_runs(phases[is_write], accesses[is_write])
    reads = _merged_runs(phases[is_read], accesses[is_read])
    boundaries = np.unique(np.concatenate([writes[1], writes[2]]))
    last_writer = np.full(max(len(boundaries) - 1, 0), NO_INDEX, np.int64)
    read_groups = _cells_by_phase(reads, boundaries)
    write_groups = _cells_by_phase(writes, boundaries)
    for phase in sorted(read_groups.keys() | write_groups.keys()):
        task = int(task_of_phase[phase])
        if phase in read_groups:
            found = np.unique(last_writer[read_groups[phase]])
            predecessors[task].update(int(p) for p in found if p not in {NO_INDEX, task})
        if phase in write_groups:
            last_writer[write_groups[phase]] = task


def _phases(tasks: Ints, modes: Any) -> tuple[Ints, Ints]:
    """Phase of each access, and the task of each phase: reads first, then writes, of one task.

    A task that reads what it wrote itself waits for nobody, so its reads behind a write must see
    that write::

        access   R  R  W  W  R  W | R      (two tasks)
        phase    0  0  0  0  1  1 | 2

    Atomic adds count as both and do not part: another add to the same cell finds nothing new.
    """
    reads_again = (modes[1:] != AccessMode.WRITE) & (modes[:-1] == AccessMode.WRITE)
    opens = np.concatenate([[True], (tasks[1:] != tasks[:-1]) | reads_again])
    return np.cumsum(opens) - 1, tasks[opens]


def _merged_runs(phases: Ints, accesses: Any) -> tuple[Ints, Ints, Ints]:
    """Phase, start and stop of the disjoint, sorted runs that each phase touches."""
    starts = accesses["offset"].astype(np.int64)
    runs = accesses["run"].astype(np.int64)
    owners = phases
    for count, stride in (("n0", "s0"), ("n1", "s1"), ("n2", "s2")):
        counts = accesses[count].astype(np.int64)
        if (counts == 1).all():
            continue
        index = np.repeat(np.arange(len(starts)), counts)
        step = np.arange(len(index)) - np.repeat(np.cumsum(counts) - counts, counts)
        starts = starts[index] + step * accesses[stride].astype(np.int64)[index]
        runs, owners, accesses = runs[index], owners[index], accesses[index]
    is_empty = runs == 0  # a box whose valid part has no columns
    if is_empty.any():
        starts, runs, owners = starts[~is_empty], runs[~is_empty], owners[~is_empty]
    return _merge(owners, starts, starts + runs)


def _merge(owners: Ints, starts: Ints, stops: Ints) -> tuple[Ints, Ints, Ints]:
    """Runs sorted by owner and start, with those of one owner that meet joined."""
    if not len(starts):
        return owners, starts, stops
    # Lift each owner above the one before, so that one running maximum serves all of them.
    lift = owners * (int(stops.max()) + 1)
    order = np.argsort(starts + lift, kind="stable")
    owners, starts, lift = owners[order], starts[order], lift[order]
    reach = np.maximum.accumulate(stops[order] + lift)
    begins = np.concatenate([[True], starts[1:] + lift[1:] > reach[:-1]])
    ends = np.concatenate([begins[1:], [True]])
    return owners[begins], starts[begins], (reach - lift)[ends]


def _cells_by_phase(runs: tuple[Ints, Ints, Ints], boundaries: Ints) -> dict[int, Ints]:
    """For each phase, the indices of the cells its runs overlap."""
    owners, starts, stops = runs
    low = np.maximum(np.searchsorted(boundaries, starts, side="right") - 1, 0)
    high = np.minimum(np.searchsorted(boundaries, stops, side="left"), len(boundaries) - 1)
    counts = np.maximum(high - low, 0)
    cells = np.repeat(low - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    cell_owners = np.repeat(owners, counts)
    cuts = np.flatnonzero(np.diff(cell_owners)) + 1
    groups = np.split(cells, cuts) if len(cells) else []
    heads = cell_owners[np.concatenate([[0], cuts])] if len(cells) else []
    return {int(phase): group for phase, group in zip(heads, groups, strict=True)}

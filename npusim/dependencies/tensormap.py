"""The runtime's dependency rule, exactly (DSL_REFERENCE.md section 4.3).

For each buffer the orchestrator keeps the regions that submitted tasks declared as outputs. A task
that reads a region depends on every entry that overlaps it; a task that declares it as in/out and
covers an entry replaces that entry. Nothing else orders tasks: write after read is not tracked, and
an existing output performs no lookup at all.
"""

import itertools
from dataclasses import dataclass
from enum import Enum

from npusim.dependencies.directions import Direction
from npusim.program import Argument, Program


@dataclass(frozen=True, slots=True)
class View:
    """The part of a buffer that an argument names, in elements."""

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def extent(self) -> int:
        """Distance from the first to behind the last element."""
        if 0 in self.shape:
            return 0
        return 1 + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))


class Overlap(Enum):
    """How a new argument meets an entry."""

    NONE = "none"
    COVERED = "covered"
    OTHER = "other"


def overlap(new: View, entry: View) -> Overlap:
    """Whether ``new`` touches ``entry``, and whether it covers it.

    Transposed and stepped views meet conservatively: their flat ranges decide.
    """
    if new == entry:
        return Overlap.COVERED
    if (
        new.offset + new.extent <= entry.offset
        or entry.offset + entry.extent <= new.offset
        or not new.extent
        or not entry.extent
    ):
        return Overlap.NONE
    if new.strides != entry.strides or not _is_row_major(new.strides):
        return Overlap.OTHER
    new_start = _decompose(new.offset, new.strides)
    entry_start = _decompose(entry.offset, entry.strides)
    covers = True
    for low, size, other_low, other_size in zip(
        new_start, new.shape, entry_start, entry.shape, strict=True
    ):
        if low + size <= other_low or other_low + other_size <= low:
            return Overlap.NONE
        covers &= low <= other_low and other_low + other_size <= low + size
    return Overlap.COVERED if covers else Overlap.OTHER


def tensormap_edges(
    program: Program, directions: list[tuple[Direction, ...]], *, whole_buffers: bool
) -> list[set[int]]:
    """For each task, the tasks it waits for.

    Args:
        program: The recording; tasks in submission order.
        directions: Of every argument of every task.
        whole_buffers: Widen every argument to its buffer (the ``prefix`` mode).
    """
    entries: dict[int, list[tuple[int, View]]] = {}
    predecessors: list[set[int]] = []
    for task, task_directions in zip(program.tasks, directions, strict=True):
        found: set[int] = set()
        predecessors.append(found)
        if task.is_manual:
            continue
        pairs = list(zip(task.arguments, task_directions, strict=True))
        views = [_view(program, argument, whole_buffers) for argument, _ in pairs]
        for (argument, direction), view in zip(pairs, views, strict=True):
            if direction in {Direction.INPUT, Direction.INOUT}:
                live = entries.get(argument.tensor_id, [])
                kept = _look_up(live, view, found, replaces=direction is Direction.INOUT)
                entries[argument.tensor_id] = kept
        for (argument, direction), view in zip(pairs, views, strict=True):
            if direction in {Direction.INOUT, Direction.OUTPUT_EXISTING}:
                entries.setdefault(argument.tensor_id, []).append((task.task_id, view))
        found.discard(task.task_id)
    return predecessors


def _look_up(
    live: list[tuple[int, View]], view: View, found: set[int], *, replaces: bool
) -> list[tuple[int, View]]:
    """Collect the producers that ``view`` overlaps; returns the entries that stay."""
    kept = []
    for task_id, entry in live:
        kind = overlap(view, entry)
        if kind is not Overlap.NONE:
            found.add(task_id)
        if not (replaces and kind is Overlap.COVERED):
            kept.append((task_id, entry))
    return kept


def _view(program: Program, argument: Argument, whole_buffer: bool) -> View:
    if not whole_buffer:
        return View(argument.offset, argument.shape, argument.strides)
    elements = 1
    for extent in program.tensors[argument.tensor_id].shape:
        elements *= extent
    return View(0, (elements,), (1,))


def _is_row_major(strides: tuple[int, ...]) -> bool:
    if not strides or strides[-1] != 1:
        return False
    return all(
        outer > 0 and outer % inner == 0 for outer, inner in itertools.pairwise(strides)
    )


def _decompose(offset: int, strides: tuple[int, ...]) -> list[int]:
    start = []
    for stride in strides:
        start.append(offset // stride)
        offset %= stride
    return start

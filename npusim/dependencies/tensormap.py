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


Entries = dict[View, list[int]]
"""The live entries of one buffer: the tasks that declared each region, in submission order."""

LOOKED_UP = frozenset({Direction.INPUT, Direction.INOUT})
INSERTED = frozenset({Direction.INOUT, Direction.OUTPUT_EXISTING})


def overlap(new: View, entry: View) -> Overlap:
    """Whether ``new`` touches ``entry``, and whether it covers it.

    Boxes of one row-major layout are compared axis by axis. Transposed, reshaped and stepped views
    meet conservatively: their flat ranges decide, and they never count as covered.
    """
    new_extent, entry_extent = new.extent, entry.extent
    if (
        new.offset + new_extent <= entry.offset
        or entry.offset + entry_extent <= new.offset
        or not new_extent
        or not entry_extent
    ):
        return Overlap.NONE
    if new.strides != entry.strides or not (_is_box(new) and _is_box(entry)):
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
    entries: dict[int, Entries] = {}
    predecessors: list[set[int]] = []
    for task, task_directions in zip(program.tasks, directions, strict=True):
        found: set[int] = set()
        predecessors.append(found)
        if task.is_manual:
            continue
        views = [_view(program, argument, whole_buffers) for argument in task.arguments]
        uses = [
            (entries.setdefault(argument.tensor_id, {}), view, direction)
            for argument, view, direction in zip(
                task.arguments, views, task_directions, strict=True
            )
        ]
        for live, view, direction in uses:
            if direction in LOOKED_UP:
                _look_up(live, view, found, replaces=direction is Direction.INOUT)
        for live, view, direction in uses:
            if direction in INSERTED:
                live.setdefault(view, []).append(task.task_id)
    return predecessors


def _look_up(live: Entries, view: View, found: set[int], *, replaces: bool) -> None:
    """Collect the producers that ``view`` overlaps; drops the entries that it replaces."""
    covered = []
    for entry, tasks in live.items():
        kind = overlap(view, entry)
        if kind is not Overlap.NONE:
            found.update(tasks)
        if replaces and kind is Overlap.COVERED:
            covered.append(entry)
    for entry in covered:
        del live[entry]


def _view(program: Program, argument: Argument, whole_buffer: bool) -> View:
    if not whole_buffer:
        return View(argument.offset, argument.shape, argument.strides)
    elements = 1
    for extent in program.tensors[argument.tensor_id].shape:
        elements *= extent
    return View(0, (elements,), (1,))


def _is_box(view: View) -> bool:
    """True if ``view`` is a box of a row-major layout, so that its axes can be compared.

    A flat slice reshaped to rows may start in the middle of a row and run over its end: such a view
    has the strides of a box but touches the next row as well.
    """
    strides = view.strides
    if not strides or strides[-1] != 1:
        return False
    start = _decompose(view.offset, strides)
    return all(
        outer >= inner and outer % inner == 0 and low + size <= outer // inner
        for (outer, inner), low, size in zip(
            itertools.pairwise(strides), start[1:], view.shape[1:], strict=True
        )
    )


def _decompose(offset: int, strides: tuple[int, ...]) -> list[int]:
    start = []
    for stride in strides:
        start.append(offset // stride)
        offset %= stride
    return start

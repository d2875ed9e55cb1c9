"""Slices, phases and edges of a trace from the parts of a capture."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npusim.formats.capture_parts import CaptureParts
from npusim.formats.layout import AIV_PER_CLUSTER
from npusim.formats.tick_phase import TickPhase
from npusim.trace import (
    EDGE_DTYPE,
    NO_TIME,
    PHASE_DTYPE,
    SLICE_DTYPE,
    LaneKind,
    PhaseKind,
    TraceTask,
)
from npusim.trace.model import Records

_NO_TASK = -1


def slice_array(
    parts: CaptureParts, tasks: Sequence[TraceTask], index_of: Mapping[int, int]
) -> Records:
    """Slices ordered by start and lane; the bandwidth stall of a capture is not known, so 0."""
    rows, clock = parts.rows, parts.clock
    task_of_row = [index_of[token] for token in rows.token.tolist()]
    ranks = _ranks_within_type(parts)
    slots = _slots(parts, tasks, task_of_row, ranks)
    if parts.blocks is None:
        blocks = _blocks(parts, tasks, task_of_row, ranks)
    else:
        blocks = parts.blocks[rows.position].tolist()
    slices = np.zeros(len(task_of_row), SLICE_DTYPE)
    slices["lane"], slices["task"] = rows.core, task_of_row
    slices["slot"], slices["block"] = slots, blocks
    for column in ("dispatch", "receive", "start", "end", "finish"):
        slices[f"{column}_ps"] = [clock.ps(tick) for tick in getattr(rows, column).tolist()]
    return slices[np.lexsort((slices["end_ps"], slices["lane"], slices["start_ps"]))]


def phase_array(parts: CaptureParts, index_of: Mapping[int, int]) -> Records:
    """Phases of scheduler lanes, then of orchestrator lanes; hidden allocations have task -1."""
    first_scheduler = len(parts.lanes)
    first_orchestrator = first_scheduler + parts.phases.scheduler_count

    def row(phase: TickPhase, first_lane: int) -> tuple[Any, ...]:
        times = parts.clock.ps(phase.start), parts.clock.ps(phase.end)
        count = 0 if phase.kind is PhaseKind.SUBMIT else phase.handled  # there it is a number
        return (
            first_lane + phase.stream, phase.kind, *times, index_of.get(phase.token, _NO_TASK),
            count, phase.loop_iter, phase.pop_hit, phase.pop_miss,
            phase.ready_start, phase.ready_end,
        )  # fmt: skip

    rows = [row(phase, first_scheduler) for phase in parts.phases.scheduler]
    rows += [row(phase, first_orchestrator) for phase in parts.phases.orchestrator]
    return np.array(rows, PHASE_DTYPE)


def edge_array(parts: CaptureParts, index_of: Mapping[int, int]) -> Records:
    """Edges between tasks, in file order; those of hidden allocations have no task to start at."""
    edges = [
        (index_of[pred], index_of[succ], source)
        for pred, succ, source in (parts.graph.edges if parts.graph else ())
        if pred in index_of and succ in index_of
    ]
    return np.array(edges, EDGE_DTYPE)


def _ranks_within_type(parts: CaptureParts) -> list[int]:
    """Position of each core among the cores of its type."""
    seen: Counter[LaneKind] = Counter()
    ranks = []
    for lane in parts.lanes:
        ranks.append(seen[lane.kind])
        seen[lane.kind] += 1
    return ranks


def _slots(
    parts: CaptureParts, tasks: Sequence[TraceTask], task_of_row: list[int], ranks: list[int]
) -> list[int]:
    """Sub-slot of each row; the two AIV of a cluster are told apart by their position in it."""
    active = {task.token: task.active_slots for task in parts.graph.tasks} if parts.graph else {}
    slots = []
    for core, task in zip(parts.rows.core.tolist(), task_of_row, strict=True):
        vectors = [slot for slot in active.get(tasks[task].task_id, ()) if slot]
        if parts.lanes[core].kind is LaneKind.AIC:
            slots.append(0)
        elif len(vectors) == 1:
            slots.append(vectors[0])
        else:
            is_mix = tasks[task].core_type == "mix"
            slots.append(1 + ranks[core] % AIV_PER_CLUSTER if is_mix else 1)
    return slots


def _blocks(
    parts: CaptureParts, tasks: Sequence[TraceTask], task_of_row: list[int], ranks: list[int]
) -> list[int]:
    """Block of each row: the rows of one cluster turn (MIX) or one row, in dispatch order."""
    rows = parts.rows
    turns: Counter[tuple[int, int]] = Counter()
    groups: dict[int, dict[tuple[int, int], list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows.start.argsort(kind="stable").tolist():
        core, task = int(rows.core[row]), task_of_row[row]
        cluster = core
        if tasks[task].core_type == "mix":
            is_cube = parts.lanes[core].kind is LaneKind.AIC
            cluster = ranks[core] if is_cube else ranks[core] // AIV_PER_CLUSTER
        groups[task][cluster, turns[task, core]].append(row)
        turns[task, core] += 1
    first = np.where(rows.dispatch == NO_TIME, rows.start, rows.dispatch).tolist()
    blocks = [0] * len(task_of_row)
    for members in groups.values():
        in_order = sorted(
            members.items(), key=lambda item: (min(first[r] for r in item[1]), item[0])
        )
        for block, (_, group) in enumerate(in_order):
            for row in group:
                blocks[row] = block
    return blocks

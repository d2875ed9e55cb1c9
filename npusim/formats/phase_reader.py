"""AICPU records of a records file, checked, still in counter ticks."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from npusim.formats.fields import Place
from npusim.formats.layout import DUMMY_MARKER, SCHEDULER_KINDS, UNMODELLED_KINDS
from npusim.trace import PhaseKind

_KINDS = {name: kind for kind, name in SCHEDULER_KINDS.items()}
_INT32_STOP = 1 << 31
_NO_TASK = -1
_NO_DEPTHS = [0, 0, 0]


@dataclass(frozen=True, slots=True)
class TickPhase:
    """One phase; ``token`` is the task of SUBMIT and DUMMY phases, else -1."""

    stream: int
    kind: PhaseKind
    start: int
    end: int
    token: int = _NO_TASK
    count: int = 0
    loop_iter: int = 0
    pop_hit: int = 0
    pop_miss: int = 0
    ready_start: tuple[int, ...] = (0, 0, 0)
    ready_end: tuple[int, ...] = (0, 0, 0)


@dataclass(slots=True)
class PhaseTable:
    """Phases of scheduler and orchestrator streams, and what was left out by kind."""

    scheduler_count: int = 0
    orchestrator_count: int = 0
    scheduler: list[TickPhase] = field(default_factory=list)
    orchestrator: list[TickPhase] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def read_phases(document: dict[str, Any], place: Place) -> PhaseTable:
    """All phases of ``document``; empty below level 3.

    Raises:
        FileFormatError: If a record is malformed or of a kind that no known version writes.
    """
    table = PhaseTable()
    streams = place.listed(document, "aicpu_scheduler_phases", default=[])
    table.scheduler_count = len(streams)
    for index, stream in enumerate(streams):
        at = place.at(f"aicpu_scheduler_phases[{index}]")
        phases, markers = _scheduler_stream(index, stream, at, table.left_out)
        table.scheduler += _name_dummies(index, phases, markers, table.left_out)
    streams = place.listed(document, "aicpu_orchestrator_phases", default=[])
    table.orchestrator_count = len(streams)
    for index, stream in enumerate(streams):
        at = place.at(f"aicpu_orchestrator_phases[{index}]")
        table.orchestrator += [
            TickPhase(
                index, PhaseKind.SUBMIT, *_span(record, where), where.identity(record, "task_id")
            )
            for record, where in _records(stream, at)
        ]
    return table


def _records(stream: object, at: Place) -> list[tuple[dict[str, Any], Place]]:
    if not isinstance(stream, list):
        at.fail("", stream, "a list of records")
    places = [at.at(f"[{index}]") for index in range(len(stream))]
    return [(where.record_of(record), where) for record, where in zip(stream, places, strict=True)]


def _span(record: dict[str, Any], at: Place) -> tuple[int, int]:
    start = at.integer(record, "start_cycles", low=1)
    end = at.integer(record, "end_cycles", low=1)
    if end < start:
        at.fail("end_cycles", end, f"no less than start_cycles {start}")
    return start, end


def _scheduler_stream(
    stream_idx: int, stream: object, at: Place, left_out: Counter[str]
) -> tuple[list[TickPhase], list[tuple[int, int]]]:
    """Phases of a thread, and (end tick, token) of its dummy markers."""
    phases, markers = [], []
    for record, where in _records(stream, at):
        kind = record.get("kind")
        if kind == DUMMY_MARKER:
            markers.append((_span(record, where)[1], where.identity(record, "task_id")))
        elif kind in _KINDS:
            phases.append(_scheduler_phase(stream_idx, _KINDS[kind], record, where))
        elif isinstance(kind, str) and kind in UNMODELLED_KINDS:
            left_out[kind] += 1
        else:
            known = ", ".join(sorted({*_KINDS, DUMMY_MARKER}))
            where.fail("kind", kind, f"one of {known}")
    return phases, markers


def _scheduler_phase(stream: int, kind: PhaseKind, record: dict[str, Any], at: Place) -> TickPhase:
    def count(name: str) -> int:
        return at.integer(record, name, stop=_INT32_STOP, default=0)

    return TickPhase(
        stream,
        kind,
        *_span(record, at),
        count=count("tasks_processed"),
        loop_iter=count("loop_iter"),
        pop_hit=count("pop_hit"),
        pop_miss=count("pop_miss"),
        ready_start=_depths(record, "shared_at_start", at),
        ready_end=_depths(record, "shared_at_end", at),
    )


def _depths(record: dict[str, Any], name: str, at: Place) -> tuple[int, ...]:
    depths = at.listed(record, name, default=_NO_DEPTHS)
    if len(depths) != 3 or any(type(v) is not int or not 0 <= v < _INT32_STOP for v in depths):
        at.fail(name, depths, "three queue depths [aic, aiv, mix] of at least 0")
    return tuple(depths)


def _name_dummies(
    stream: int, phases: list[TickPhase], markers: list[tuple[int, int]], left_out: Counter[str]
) -> list[TickPhase]:
    """``phases`` with each DUMMY phase cut at the markers inside it, one task per piece.

    One record pops several dummies, and only the zero-width markers say which::

        dummy    [--------------------]            marker   t4     t7
        phases   [ DUMMY t4 |DUMMY t7 ]

    A marker outside every dummy record becomes a phase of no length; one in the middle of other
    work has no room on the lane and is left out.
    """
    named: list[TickPhase] = []
    for phase in phases:
        inside = sorted(m for m in markers if phase.start <= m[0] <= phase.end)
        if phase.kind is not PhaseKind.DUMMY or not inside:
            named.append(phase)
            continue
        starts = [phase.start, *(end for end, _ in inside[:-1])]
        ends = [*starts[1:], phase.end]
        for start, end, (_, token) in zip(starts, ends, inside, strict=True):
            named.append(replace(phase, start=start, end=end, token=token, count=1))
        markers = [m for m in markers if m not in inside]
    for tick, token in markers:
        if any(phase.start < tick < phase.end for phase in phases):
            left_out[DUMMY_MARKER] += 1
        else:
            named.append(TickPhase(stream, PhaseKind.DUMMY, tick, tick, token, 1))
    return named

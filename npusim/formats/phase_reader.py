"""AICPU records of a records file, checked, still in ticks of the capture's clock."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from npusim.formats.dummy_phases import name_dummies
from npusim.formats.fields import Place
from npusim.formats.inspector import Inspector
from npusim.formats.layout import (
    DUMMY_MARKER,
    LEFT_OUT_INNER_KINDS,
    LEFT_OUT_OUTER_KINDS,
    ORCHESTRATOR_STREAM,
    SCHEDULER_KINDS,
    SCHEDULER_STREAM,
    SKIP_MARKER,
)
from npusim.formats.tick_phase import NO_TASK, TickPhase
from npusim.trace import PhaseKind

_KINDS = {name: kind for kind, name in SCHEDULER_KINDS.items()}
_INNER = {*LEFT_OUT_INNER_KINDS, SCHEDULER_KINDS[PhaseKind.RESOLVE]}
_MARKERS = (DUMMY_MARKER, SKIP_MARKER)
_KNOWN = {*_KINDS, *_MARKERS, *LEFT_OUT_INNER_KINDS, *LEFT_OUT_OUTER_KINDS}
_NEEDS_TASK = {*_MARKERS, "graph_prepare"}
_INT32_STOP = 1 << 31
_NO_DEPTHS = [0, 0, 0]
_NO_QUEUE = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How records call their fields, and what they must hold."""

    kind: str = "kind"
    start: str = "start_cycles"
    end: str = "end_cycles"
    is_us: bool = False
    """Times are µs with three decimals, and 0 is a time; else ticks, and 0 means missing."""
    is_ns: bool = False
    """Times are whole ns, and 0 is a time."""
    has_counts: bool = True
    """Every record says how many tasks it handled and in which turn of its loop."""
    may_omit_dummies: bool = False
    """A dummy_task record need not name its task, as before 2026-07-16."""

    def span(self, record: dict[str, Any], at: Place) -> tuple[int, int]:
        """Start and end of a record, in ticks or ns."""
        if self.is_us:
            start, end = at.nanoseconds(record, self.start), at.nanoseconds(record, self.end)
        else:
            least = 0 if self.is_ns else 1
            start = at.integer(record, self.start, low=least)
            end = at.integer(record, self.end, low=least)
        if end < start:
            at.fail(self.end, record.get(self.end), f"no less than {self.start}")
        return start, end


@dataclass(slots=True)
class PhaseTable:
    """Phases of scheduler and orchestrator streams, and what the records say besides."""

    scheduler_count: int = 0
    orchestrator_count: int = 0
    scheduler: list[TickPhase] = field(default_factory=list)
    orchestrator: list[TickPhase] = field(default_factory=list)
    dummies: set[int] = field(default_factory=set)
    """Tokens of tasks that a scheduler completed without running anything."""
    unnamed_dummies: int = 0
    """Such tasks of which the record does not say which, as before 2026-07-16."""
    skipped: set[int] = field(default_factory=set)
    """Tokens of tasks whose predicate was false."""
    left_out: Counter[str] = field(default_factory=Counter)


def read_phases(
    document: dict[str, Any], place: Place, inspector: Inspector, dialect: Dialect
) -> PhaseTable:
    """All phases of ``document``; empty below level 3.

    Raises:
        FileFormatError: If a record is malformed or of a kind that no known version writes, two
            records of a thread overlap, a task is submitted twice, or submits are out of order.
    """
    table = PhaseTable()
    at = place.at(SCHEDULER_STREAM)
    streams = place.listed(document, SCHEDULER_STREAM, default=[])
    table.scheduler_count = len(streams)
    for index, stream in enumerate(streams):
        _read_scheduler(index, stream, at.at(f"[{index}]"), inspector, dialect, table)
    at = place.at(ORCHESTRATOR_STREAM)
    streams = place.listed(document, ORCHESTRATOR_STREAM, default=[])
    table.orchestrator_count = len(streams)
    _read_submits(streams, at, inspector, dialect, table)
    return table


def _records(
    stream: object, at: Place, inspector: Inspector
) -> Iterator[tuple[dict[str, Any], Place]]:
    if not isinstance(stream, list):
        inspector.refuse(at, "", stream, "a list of records", "streams left out")
        return
    for index, record in enumerate(stream):
        where = at.at(f"[{index}]")
        if isinstance(record, dict):
            yield record, where
        else:
            inspector.refuse(where, "", record, "an object", "phases: malformed, left out")


def _read_scheduler(
    stream_idx: int,
    stream: object,
    at: Place,
    inspector: Inspector,
    dialect: Dialect,
    table: PhaseTable,
) -> None:
    spans: list[tuple[int, int, Place, TickPhase | None]] = []
    phases: list[TickPhase] = []
    markers: list[tuple[int, int]] = []
    for record, where in _records(stream, at, inspector):
        phase = inspector.attempt("phases", partial(_phase, stream_idx, record, where, dialect))
        if phase is None:
            continue
        name = record[dialect.kind]
        if name == DUMMY_MARKER and phase.token == NO_TASK:
            table.unnamed_dummies += 1
            continue
        if name in _MARKERS:
            markers.append((phase.end, phase.token))
            (table.dummies if name == DUMMY_MARKER else table.skipped).add(phase.token)
        if name in _MARKERS or name in _INNER:
            if name in _KINDS:
                phases.append(phase)
        else:
            spans.append((phase.start, phase.end, where, phase if name in _KINDS else None))
        if name not in _KINDS and name not in _MARKERS:
            table.left_out[name] += 1
    phases += _one_at_a_time(spans, inspector)
    table.scheduler += name_dummies(stream_idx, phases, markers)


def _phase(stream: int, record: dict[str, Any], at: Place, dialect: Dialect) -> TickPhase:
    name = record.get(dialect.kind)
    if not isinstance(name, str) or name not in _KNOWN:
        at.fail(dialect.kind, name, f"one of {', '.join(sorted(_KNOWN))}")
    kind = _KINDS.get(name, PhaseKind.DUMMY)
    has_pops = dialect.has_counts and kind is PhaseKind.DISPATCH
    has_task = name in _NEEDS_TASK
    if name == DUMMY_MARKER and dialect.may_omit_dummies:
        has_task = "task_id" in record
    start, end = dialect.span(record, at)
    return TickPhase(
        stream,
        kind,
        start,
        end,
        token=at.identity(record, "task_id") if has_task else NO_TASK,
        handled=_count(record, "tasks_processed", at, is_needed=dialect.has_counts),
        loop_iter=_count(record, "loop_iter", at, is_needed=dialect.has_counts),
        pop_hit=_count(record, "pop_hit", at, is_needed=has_pops),
        pop_miss=_count(record, "pop_miss", at, is_needed=has_pops),
        ready_start=_depths(record, "shared_at_start", at),
        ready_end=_depths(record, "shared_at_end", at),
    )


def _count(record: dict[str, Any], name: str, at: Place, *, is_needed: bool) -> int:
    if name not in record and not is_needed:
        return 0
    return at.integer(record, name, stop=_INT32_STOP)


def _depths(record: dict[str, Any], name: str, at: Place) -> tuple[int, ...]:
    depths = record.get(name, _NO_DEPTHS)
    if depths == _NO_DEPTHS:  # most of them
        return _NO_QUEUE
    if (
        not isinstance(depths, list)
        or len(depths) != 3
        or any(type(v) is not int or not 0 <= v < _INT32_STOP for v in depths)
    ):
        at.fail(name, depths, "three queue depths [aic, aiv, mix] of at least 0")
    return tuple(depths)


def _one_at_a_time(
    spans: list[tuple[int, int, Place, TickPhase | None]], inspector: Inspector
) -> list[TickPhase]:
    """The phases of a thread, which does one thing at a time."""
    kept, free = [], 0
    for start, end, where, phase in sorted(spans, key=lambda span: span[:2]):
        if start < free:
            inspector.refuse(
                where, "start", start, f"no less than {free}, where the record before it ends",
                "overlap on a thread: phases left out",
            )  # fmt: skip
            continue
        free = end
        if phase is not None:
            kept.append(phase)
    return kept


def _read_submits(
    streams: list[Any], at: Place, inspector: Inspector, dialect: Dialect, table: PhaseTable
) -> None:
    seen: set[int] = set()
    last = -1
    for index, stream in enumerate(streams):
        spans: list[tuple[int, int, Place, TickPhase | None]] = []
        for record, where in _records(stream, at.at(f"[{index}]"), inspector):
            phase = inspector.attempt("submits", partial(_submit, index, record, where, dialect))
            if phase is None:
                continue
            number = phase.handled
            if number <= last:
                inspector.refuse(
                    where, "submit_idx", number, f"more than {last}, the one before",
                    "submit out of order: kept",
                )  # fmt: skip
            last = max(last, number)
            if phase.token in seen:
                inspector.refuse(
                    where, "task_id", phase.token, "a task that was not submitted before",
                    "submitted twice: submits left out",
                )  # fmt: skip
                continue
            seen.add(phase.token)
            spans.append((phase.start, phase.end, where, phase))
        table.orchestrator += _one_at_a_time(spans, inspector)


def _submit(stream: int, record: dict[str, Any], at: Place, dialect: Dialect) -> TickPhase:
    start, end = dialect.span(record, at)
    token = at.identity(record, "task_id")
    number = at.integer(record, "submit_idx", stop=_INT32_STOP)
    return TickPhase(stream, PhaseKind.SUBMIT, start, end, token, handled=number)

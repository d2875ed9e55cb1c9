"""Read ``scope_stats.jsonl``, that of a device or our own."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from npusim.formats.document import parse_json, read_bytes
from npusim.formats.fields import INT64_STOP, Place
from npusim.formats.inspector import Inspector
from npusim.formats.scope_pairs import ScopePairs
from npusim.formats.scope_stats_layout import (
    DROPPED_PARAMETER,
    FATAL_PARAMETER,
    FIRST_WITH_WHOLE_HEAP,
    LIMIT_KEYS,
    PHASES,
    SAMPLE_KEYS,
    SCOPE_STATS_FILE,
    TENSORMAP_KEY,
    TENSORMAP_LIMIT_KEY,
    TICK_KEY,
    VERSION,
)
from npusim.formats.tick_clock import TickClock
from npusim.trace import (
    NO_COUNT,
    NO_TIME,
    RING_COUNTERS,
    RING_DTYPE,
    RingEvent,
    RingLimits,
    RingScope,
    RingUse,
)

_EVENTS = {name: event for event, name in PHASES.items()}
_HEAP_KEYS = ("heap_start", "heap_end")
_KEY_OF = {column: key for key, column in SAMPLE_KEYS.items()}
_MAX_RINGS = 64
_INT32_STOP = 1 << 31
_UNPAIRED = "scope_stats: samples that do not pair left out"


@dataclass(frozen=True, slots=True)
class ScopeStats:
    """What the file says.

    Attributes:
        rings: The samples.
        parameters: What a trace keeps of the first line.
        notes: What it lacks, one line each.
    """

    rings: RingUse = field(default_factory=RingUse)
    parameters: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_scope_stats(directory: Path, clock: TickClock | None, inspector: Inspector) -> ScopeStats:
    """The scope statistics beside the records in ``directory``; empty without any.

    Args:
        directory: Where the records are.
        clock: The counter that the samples may name ticks of; None where the records have another.
        inspector: Refuses faults, or notes their repair.

    Raises:
        FileFormatError: If the file is malformed, samples are missing, a counter falls, or a scope
            ends that is not open.
    """
    path = directory / SCOPE_STATS_FILE
    if not path.is_file():
        return ScopeStats()
    first, *lines = read_bytes(path, "scope statistics").splitlines() or [b""]
    head = _read_head(Place(path, "line 1"), first)
    samples = _Samples(head, clock, inspector)
    for number, line in enumerate(lines, start=2):
        if line.strip():
            at = Place(path, f"line {number}")
            inspector.attempt("scope_stats", partial(samples.read, at, line))
    return _joined(head, samples, inspector)


@dataclass(frozen=True, slots=True)
class _Head:
    """The first line."""

    at: Place
    version: int
    total: int
    dropped: int
    is_fatal: bool
    limits: tuple[RingLimits, ...]
    tensormap_limit: int

    @property
    def is_torn(self) -> bool:
        """The device says itself that samples are missing."""
        return self.is_fatal or self.dropped > 0


def _read_head(at: Place, line: bytes) -> _Head:
    record = at.record_of(parse_json(line, at.path))
    columns = {key: at.listed(record, key) for key in LIMIT_KEYS if key in record}
    count = len(columns["task_window_max"]) if "task_window_max" in columns else 0
    if not 0 < count <= _MAX_RINGS:
        at.fail("task_window_max", record.get("task_window_max"), "sizes of 1 to 64 rings")
    sizes: dict[str, list[int]] = dict.fromkeys(LIMIT_KEYS.values(), [NO_COUNT] * count)
    for key, values in columns.items():
        are_sizes = all(type(one) is int and 0 <= one < INT64_STOP for one in values)
        if len(values) != count or not are_sizes:
            at.fail(key, values, f"{count} sizes of at least 0")
        sizes[LIMIT_KEYS[key]] = values
    rings = [RingLimits(*of_ring) for of_ring in zip(*sizes.values(), strict=True)]
    return _Head(
        at,
        at.integer(record, "version", low=1, stop=VERSION + 1),
        at.integer(record, "total"),
        at.integer(record, "dropped", stop=_INT32_STOP),
        at.flag(record, "fatal"),
        tuple(rings),
        at.integer(record, TENSORMAP_LIMIT_KEY, low=NO_COUNT, default=NO_COUNT),
    )


class _Samples:
    """The lines after the first, one by one."""

    def __init__(self, head: _Head, clock: TickClock | None, inspector: Inspector) -> None:
        self._head, self._clock, self._inspector = head, clock, inspector
        self.pairs = ScopePairs()
        self.rows: list[tuple[int, ...]] = []
        self.count = 0
        self.keys: tuple[str, ...] = ()
        """What the samples hold; the first of them decides."""
        self._before: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self._last_ps = NO_TIME

    def read(self, at: Place, line: bytes) -> None:
        """One sample."""
        self.count += 1
        record = at.record_of(parse_json(line, at.path))
        phase = record.get("phase")
        if not isinstance(phase, str) or phase not in _EVENTS:
            at.fail("phase", phase, f"one of {', '.join(_EVENTS)}")
        event = _EVENTS[phase]
        scope = RingScope(
            at.text(record, "site", default=""),
            at.integer(record, "depth", stop=_INT32_STOP),
            at.integer(record, "ring", stop=len(self._head.limits)),
        )
        counts = self._counts(record, scope.ring, at)
        time_ps = self._time(record, at)
        index = self._paired(scope, event, at)
        if index is not None:
            columns = (counts.get(key, NO_COUNT) for key in SAMPLE_KEYS)
            self.rows.append((time_ps, scope.ring, index, event, *columns))
            self._before[scope.ring], self._last_ps = counts, time_ps

    def _counts(self, record: dict[str, Any], ring: int, at: Place) -> dict[str, int]:
        if not self.keys:
            has_heap = self._head.version >= FIRST_WITH_WHOLE_HEAP
            readable = [key for key in SAMPLE_KEYS if has_heap or key not in _HEAP_KEYS]
            self.keys = tuple(key for key in readable if key in record)
        counts = {key: at.integer(record, key) for key in self.keys}
        for key, value in counts.items():
            least = self._before[ring].get(key, 0)
            if value < least and key != TENSORMAP_KEY:
                at.fail(key, value, f"no less than the {least} of this ring before")
        for freed, taken in RING_COUNTERS:
            start, stop = _KEY_OF[freed], _KEY_OF[taken]
            if start in counts and stop in counts and counts[start] > counts[stop]:
                at.fail(start, counts[start], f"no more than {stop}, {counts[stop]}")
        return counts

    def _time(self, record: dict[str, Any], at: Place) -> int:
        if TICK_KEY not in record or self._clock is None:
            return NO_TIME
        tick = at.integer(record, TICK_KEY, low=self._clock.origin_ticks)
        time_ps = self._clock.ps(tick)
        if not self._last_ps <= time_ps < INT64_STOP:
            at.fail(TICK_KEY, tick, "no less than in the sample before, and a time of this run")
        return time_ps

    def _paired(self, scope: RingScope, event: RingEvent, at: Place) -> int | None:
        if event is RingEvent.BEGIN:
            return self.pairs.begin(scope)
        index = self.pairs.end(scope)
        if index is None and not self._head.is_torn:
            expected = "the end of a scope that is open"
            self._inspector.refuse(at, "phase", "end", expected, _UNPAIRED)
        return index


def _joined(head: _Head, samples: _Samples, inspector: Inspector) -> ScopeStats:
    samples.pairs.finish()
    total = samples.count + head.dropped
    if head.total != total:
        expected = f"{total}, the samples that follow and those dropped"
        repair = "scope_stats: total wrong, not used"
        inspector.refuse(head.at, "total", head.total, expected, repair)
    if samples.pairs.torn and not head.is_torn:
        expected = f"as many ends as begins, {samples.pairs.torn} lack the other"
        inspector.refuse(head.at, "total", head.total, expected, _UNPAIRED)
    rows = np.array(samples.rows, RING_DTYPE)
    if (rows["time_ps"] == NO_TIME).any():
        rows["time_ps"] = NO_TIME
    parameters: dict[str, Any] = {}
    if head.dropped:
        parameters[DROPPED_PARAMETER] = head.dropped
    if head.is_fatal:
        parameters[FATAL_PARAMETER] = True
    scopes = tuple(samples.pairs.scopes)
    rings = RingUse(head.limits, scopes, rows, head.tensormap_limit)
    return ScopeStats(rings, parameters, tuple(_notes(head, samples, rows)))


def _notes(head: _Head, samples: _Samples, rows: Any) -> Iterator[str]:
    if head.dropped:
        yield f"scope_stats: {head.dropped} samples dropped by the device"
    if head.is_fatal:
        yield "scope_stats: the run failed; what follows the failure means little"
    if not len(rows):
        return
    if head.version < FIRST_WITH_WHOLE_HEAP:
        yield f"scope_stats: heap of version {head.version} starts anew where it is full: left out"
    missing = [key for key in SAMPLE_KEYS if key not in (*samples.keys, *_HEAP_KEYS)]
    if missing:
        yield f"scope_stats: no {', '.join(missing)}"
    if rows["time_ps"][0] == NO_TIME:
        yield "scope_stats: samples have no times: nothing over time"

"""AICPU phases of a merged trace, as the records that they were drawn from."""

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass
from functools import partial
from typing import Any

from npusim.formats.inspector import Inspector
from npusim.formats.layout import ORCHESTRATOR_STREAM, SCHEDULER_STREAM
from npusim.formats.merged_events import MergedEvents, marker_kind, span_of, thread_of
from npusim.formats.phase_reader import Dialect, PhaseTable, read_phases

_DIALECT = Dialect("phase", "start_ns", "end_ns", is_ns=True, has_counts=False)
_FIRST_ORCHESTRATOR_TID = 4000
_FIRST_MARKER_TID = 19_000
_MAX_THREADS = 64
_DEPTHS = {f"shared_at_{end} (aic,aiv,mix)": f"shared_at_{end}" for end in ("start", "end")}

_Streams = defaultdict[int, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Tracks:
    """Tracks that are numbered from a thread id on."""

    first_tid: int
    owner: str
    numbers: Container[int]
    has_length: bool = True
    """Off where a bar is only drawn wide enough to be seen."""

    def add(
        self, events: MergedEvents, position: int, event: dict[str, Any], streams: _Streams
    ) -> None:
        """Append the record of a bar to the stream of its track."""
        at = events.at(position)
        number = thread_of(at, event)[1] - self.first_tid
        if number not in self.numbers:
            at.fail("tid", event["tid"], f"{self.first_tid} plus the number of {self.owner}")
        record = _record(events, position, event)
        end = "end_ns" if self.has_length else "start_ns"
        streams[number].append(record | {"end_ns": record[end]})


_LANES = _Tracks(_FIRST_ORCHESTRATOR_TID, "a lane", range(_MAX_THREADS))


def read_merged_phases(events: MergedEvents, inspector: Inspector) -> PhaseTable:
    """The phases that ``events`` show.

    Raises:
        FileFormatError: If one is malformed.
    """
    streams: _Streams = defaultdict(list)
    for position, event in events.schedulers:
        inspector.attempt("phases", partial(_scheduler, events, position, event, streams))
    threads = frozenset(streams)
    markers = _Tracks(_FIRST_MARKER_TID, "a scheduler thread", threads, has_length=False)
    for position, event in (one for one in events.worker if threads and _is_marker(one[1])):
        inspector.attempt("phases", partial(markers.add, events, position, event, streams))
    submits: _Streams = defaultdict(list)
    for position, event in events.orchestrators:
        inspector.attempt("submits", partial(_LANES.add, events, position, event, submits))
    document = {
        SCHEDULER_STREAM: _listed(streams),
        ORCHESTRATOR_STREAM: _listed(submits),
    }
    return read_phases(document, events.place, inspector, _DIALECT)


def _is_marker(event: dict[str, Any]) -> bool:
    args = event.get("args")
    return isinstance(args, dict) and bool(marker_kind(args))


def _listed(streams: _Streams) -> list[list[dict[str, Any]]]:
    return [streams.get(index, []) for index in range(1 + max(streams, default=-1))]


def _record(events: MergedEvents, position: int, event: dict[str, Any]) -> dict[str, Any]:
    at = events.at(position)
    args = at.record_of(event.get("args", {}))
    start, end = span_of(at, event)
    named = {_DEPTHS.get(key, key): value for key, value in args.items()}
    kind = {"phase": marker_kind(args)} if marker_kind(args) else {}
    return named | kind | {"start_ns": start, "end_ns": end}


def _scheduler(
    events: MergedEvents,
    position: int,
    event: dict[str, Any],
    streams: _Streams,
) -> None:
    at = events.at(position)
    key = thread_of(at, event)
    kind, number = events.threads.get(key, ("", -1))
    if kind != "Sched" or number >= _MAX_THREADS:
        at.fail("tid", key[1], "a thread that is called Sched_<thread>")
    streams[number].append(_record(events, position, event))

"""AICPU phases of a merged trace, as the records that they were drawn from."""

from collections import defaultdict
from functools import partial
from typing import Any

from npusim.formats.inspector import Inspector
from npusim.formats.layout import DUMMY_MARKER
from npusim.formats.merged_events import MergedEvents, span_of, thread_of
from npusim.formats.phase_reader import Dialect, PhaseTable, read_phases

_DIALECT = Dialect("phase", "start_ns", "end_ns", is_ns=True, has_counts=False)
_FIRST_ORCHESTRATOR_TID = 4000
_FIRST_MARKER_TID = 19_000
_MAX_THREADS = 64
_DEPTHS = {f"shared_at_{end} (aic,aiv,mix)": f"shared_at_{end}" for end in ("start", "end")}


def read_merged_phases(events: MergedEvents, inspector: Inspector) -> PhaseTable:
    """The phases that ``events`` show.

    Raises:
        FileFormatError: If one is malformed.
    """
    streams: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for position, event in events.schedulers:
        inspector.attempt("phases", partial(_scheduler, events, position, event, streams))
    markers = [(p, e) for p, e in events.worker if _is_dummy(e)]
    for position, event in markers if streams else ():
        inspector.attempt("phases", partial(_marker, events, position, event, streams))
    submits: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for position, event in events.orchestrators:
        inspector.attempt("submits", partial(_submit, events, position, event, submits))
    document = {
        "aicpu_scheduler_phases": _listed(streams),
        "aicpu_orchestrator_phases": _listed(submits),
    }
    return read_phases(document, events.place, inspector, _DIALECT)


def _is_dummy(event: dict[str, Any]) -> bool:
    args = event.get("args")
    return isinstance(args, dict) and "task_id" in args and args.get("phase") == DUMMY_MARKER


def _listed(streams: dict[int, list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    return [streams.get(index, []) for index in range(1 + max(streams, default=-1))]


def _record(events: MergedEvents, position: int, event: dict[str, Any]) -> dict[str, Any]:
    at = events.at(position)
    args = at.record_of(event.get("args", {}))
    start, end = span_of(at, event)
    named = {_DEPTHS.get(key, key): value for key, value in args.items()}
    return named | {"start_ns": start, "end_ns": end}


def _scheduler(
    events: MergedEvents,
    position: int,
    event: dict[str, Any],
    streams: dict[int, list[dict[str, Any]]],
) -> None:
    at = events.at(position)
    key = thread_of(at, event)
    kind, number = events.threads.get(key, ("", -1))
    if kind != "Sched" or number >= _MAX_THREADS:
        at.fail("tid", key[1], "a thread that is called Sched_<thread>")
    streams[number].append(_record(events, position, event))


def _marker(
    events: MergedEvents,
    position: int,
    event: dict[str, Any],
    streams: dict[int, list[dict[str, Any]]],
) -> None:
    at = events.at(position)
    number = thread_of(at, event)[1] - _FIRST_MARKER_TID
    if number not in streams:
        at.fail("tid", event["tid"], f"{_FIRST_MARKER_TID} plus the number of a scheduler thread")
    record = _record(events, position, event)
    # Drawn wide enough to be seen; it has no length.
    streams[number].append(record | {"end_ns": record["start_ns"]})


def _submit(
    events: MergedEvents,
    position: int,
    event: dict[str, Any],
    submits: dict[int, list[dict[str, Any]]],
) -> None:
    at = events.at(position)
    number = thread_of(at, event)[1] - _FIRST_ORCHESTRATOR_TID
    if not 0 <= number < _MAX_THREADS:
        at.fail("tid", event["tid"], f"{_FIRST_ORCHESTRATOR_TID} plus the number of a lane")
    submits[number].append(_record(events, position, event))

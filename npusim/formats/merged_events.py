"""The events of a merged trace by what they are."""

import re
from dataclasses import dataclass, field
from typing import Any

from npusim.formats.fields import Place
from npusim.formats.layout import DUMMY_MARKER, SKIP_MARKER

_WORKER_VIEWS = ("Worker View", "AICore View")
_SCHEDULER_VIEWS = ("Scheduler View", "AICPU View")
_SCHEDULERS = "AICPU Scheduler"
_ORCHESTRATOR = re.compile(r"AICPU (?!Scheduler$|View$|Orchestrator$)(.+)")
_THREAD = re.compile(r"([A-Za-z]+)_(\d{1,4})")
_CORE_STRIDE, _FIRST_CORE_TID = 10, 10_000
_INT32_STOP = 1 << 31

Indexed = tuple[int, dict[str, Any]]
"""Position in ``traceEvents``, and the event."""


@dataclass(slots=True)
class MergedEvents:
    """Events of one merged trace, sorted into kinds; positions are those in the file."""

    place: Place
    worker: list[Indexed] = field(default_factory=list)
    """Bars of cores, setup bars, dummies and allocations."""
    scheduler_view: list[Indexed] = field(default_factory=list)
    schedulers: list[Indexed] = field(default_factory=list)
    orchestrators: list[Indexed] = field(default_factory=list)
    arrows: list[Indexed] = field(default_factory=list)
    """Ends of dependency arrows between worker bars."""
    threads: dict[tuple[int, int], tuple[str, int]] = field(default_factory=dict)
    """(pid, tid) -> kind and number of a thread name such as ``AIC_3``."""
    orchestrator_name: str = ""

    def at(self, position: int) -> Place:
        """Where an event is, for messages."""
        return self.place.at(f"[{position}]")

    def core_of(self, position: int, event: dict[str, Any]) -> tuple[int, str]:
        """Core id and type of a bar in one of the core views.

        Raises:
            FileFormatError: If its thread is no core.
        """
        at, key = self.at(position), thread_of(self.at(position), event)
        kind, number = self.threads.get(key, ("", -1))
        if kind.lower() not in ("aic", "aiv"):
            # Overflow lanes have no name of their own: they stand beside the core's lane.
            base = key[1] - (key[1] - _FIRST_CORE_TID) % _CORE_STRIDE
            kind, number = self.threads.get((key[0], base), ("", -1))
        if kind.lower() not in ("aic", "aiv"):
            at.fail("tid", key[1], "a thread that is called AIC_<core> or AIV_<core>")
        return number, kind.lower()

    @classmethod
    def of_document(cls, document: dict[str, Any], place: Place) -> "MergedEvents":
        """The events of ``document``, sorted.

        Raises:
            FileFormatError: If it has no core view, or an event is malformed.
        """
        at = place.at("traceEvents")
        events = [
            (position, at.at(f"[{position}]").record_of(event))
            for position, event in enumerate(place.listed(document, "traceEvents"))
        ]
        found = cls(at)
        processes = found._read_names(events)
        views = {pid for pid, name in processes.items() if name in _WORKER_VIEWS}
        if not views:
            expected = f"a process called {' or '.join(_WORKER_VIEWS)}"
            at.fail("process_name", sorted(processes.values()), expected)
        for position, event in events:
            found._sort(position, event, processes, views)
        return found

    def _read_names(self, events: list[Indexed]) -> dict[int, str]:
        processes: dict[int, str] = {}
        for position, event in events:
            if event.get("ph") != "M" or event.get("name") not in ("process_name", "thread_name"):
                continue
            at = self.at(position)
            name = at.text(at.record_of(event.get("args")), "name", default="")
            if event["name"] == "process_name":
                processes[at.integer(event, "pid", stop=_INT32_STOP)] = name
            elif match := _THREAD.fullmatch(name):
                self.threads[thread_of(at, event)] = (match[1], int(match[2]))
        for name in processes.values():
            if match := _ORCHESTRATOR.fullmatch(name):
                self.orchestrator_name = match[1]
        return processes

    def _sort(
        self, position: int, event: dict[str, Any], processes: dict[int, str], views: set[int]
    ) -> None:
        pid = event.get("pid")
        if not isinstance(pid, int):
            return
        phase, category = event.get("ph"), event.get("cat")
        if phase in ("s", "f") and pid in views:
            if event.get("name") in ("dependency", "hb_violation"):
                self.arrows.append((position, event))
        elif phase != "X":
            return
        elif category == "orchestrator":
            self.orchestrators.append((position, event))
        elif category == "scheduler" and processes.get(pid) == _SCHEDULERS:
            self.schedulers.append((position, event))
        elif pid in views:
            self.worker.append((position, event))
        elif processes.get(pid) in _SCHEDULER_VIEWS:
            self.scheduler_view.append((position, event))


def marker_kind(args: dict[str, Any]) -> str:
    """Which record a bar without a kernel was drawn from; empty for any other bar."""
    if "task_id" not in args:  # a dummy before 2026-07-16: which one is not said
        return ""
    if args.get("phase") == DUMMY_MARKER:
        return DUMMY_MARKER
    return SKIP_MARKER if args.get("predicated_pass") is False else ""


def thread_of(at: Place, event: dict[str, Any]) -> tuple[int, int]:
    """(pid, tid) of an event."""
    return (
        at.integer(event, "pid", stop=_INT32_STOP),
        at.integer(event, "tid", stop=_INT32_STOP),
    )


def span_of(at: Place, event: dict[str, Any]) -> tuple[int, int]:
    """Start and end of a complete event, in ns."""
    start = at.nanoseconds(event, "ts")
    end = round((event["ts"] + at.nanoseconds(event, "dur") / 1000) * 1000)
    if start < 0 or end < start:
        at.fail("ts", event["ts"], "a time of at least 0, and dur too")
    return start, end

"""Dispatches, kernels and edges of a merged trace, from the bars and arrows of its core views."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from npusim.formats.inspector import Inspector
from npusim.formats.layout import DUMMY_MARKER
from npusim.formats.merged_events import MergedEvents, marker_kind, span_of, thread_of
from npusim.formats.observed_graph import ObservedKernels
from npusim.formats.row_table import RowTable
from npusim.trace import NO_TIME

_BAR_NAME = re.compile(r"(.*?)(?:_spmd)?\((?:r\d+)?t\d+\)", re.DOTALL)
_HINTED_FUNC = re.compile(r"FuncId:(\d{1,9})\b")
_SETUP = "setup"
_UNNAMED = re.compile(r"task|func_.*")


@dataclass(slots=True)
class Bars:
    """What the core views show; ``rows.position`` are positions in ``traceEvents``."""

    rows: RowTable
    core_types: dict[int, str]
    funcs: dict[int, int]
    """Callable id by position."""
    kernels: ObservedKernels
    edges: list[tuple[int, int]]
    dummies: dict[int, str]
    has_scheduler_times: bool


@dataclass(slots=True)
class _Collected:
    rows: list[tuple[int, ...]] = field(default_factory=list)
    core_types: dict[int, str] = field(default_factory=dict)
    names: dict[int, str | None] = field(default_factory=dict)
    hinted: dict[int, int] = field(default_factory=dict)
    token_of_event: dict[Any, int] = field(default_factory=dict)
    on_thread: defaultdict[tuple[int, int], list[tuple[int, int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """(start, end, token) of the bars by thread, for arrows that name no bar."""
    setup: dict[tuple[int, int, int], int] = field(default_factory=dict)
    """(pid, tid, end) -> start of setup bars."""
    dummies: dict[int, str] = field(default_factory=dict)


def read_bars(events: MergedEvents, inspector: Inspector) -> Bars:
    """The dispatches of ``events``, joined with their scheduler times.

    Raises:
        FileFormatError: If a bar is malformed, or there is none.
    """
    found = _Collected()
    for position, event in events.worker:
        if event.get("name") == _SETUP:
            inspector.attempt("bars", partial(_read_setup, events, position, event, found))
    for position, event in events.worker:
        if event.get("name") != _SETUP:
            inspector.attempt("bars", partial(_read_bar, events, position, event, found))
    if not found.rows:
        events.place.fail("", "without bars of tasks", "at least one in the view of the cores")
    table = np.array(found.rows, np.int64).T
    core, token, receive, start, end, position_column = table
    dispatch, finish = _scheduler_times(events, core, token, start, inspector)
    kernels = ObservedKernels({}, {})
    funcs = {}
    for row in found.rows:
        position = row[-1]
        funcs[position] = kernels.of(found.hinted.get(position, -1), found.names[position])
    return Bars(
        RowTable(core, token, dispatch, receive, start, end, finish, position_column),
        found.core_types,
        funcs,
        kernels,
        _edges(events, found, inspector),
        found.dummies,
        bool(events.scheduler_view),
    )


def _read_setup(
    events: MergedEvents, position: int, event: dict[str, Any], found: _Collected
) -> None:
    at = events.at(position)
    start, end = span_of(at, event)
    found.setup[*thread_of(at, event), end] = start


def _read_bar(
    events: MergedEvents, position: int, event: dict[str, Any], found: _Collected
) -> None:
    at = events.at(position)
    args = at.record_of(event.get("args", {}))
    start, end = span_of(at, event)
    key = thread_of(at, event)
    name = at.text(event, "name", default="")
    is_marker = "taskId" not in args
    if is_marker and "task_id" not in args:  # a dummy before 2026-07-16: which one is not said
        return
    token = at.identity(args, "task_id" if is_marker else "taskId")
    if "id" in event:
        found.token_of_event[at.integer(event, "id")] = token
    found.on_thread[key].append((start, end, token))
    if is_marker:
        if kind := marker_kind(args):
            found.dummies[token] = "dummy" if kind == DUMMY_MARKER else _kernel_name(name) or "task"
        return
    core, core_type = events.core_of(position, event)
    if found.core_types.setdefault(core, core_type) != core_type:
        at.fail("tid", key[1], f"a core of type {found.core_types[core]}, as its other bars")
    receive = found.setup.get((*key, start), NO_TIME)
    if "local_setup_us" in args:
        receive, start = start, start + at.nanoseconds(args, "local_setup_us")
    found.names[position] = _kernel_name(name)
    if hint := _HINTED_FUNC.search(at.text(args, "event-hint", default="")):
        found.hinted[position] = int(hint[1])
    found.rows.append((core, token, receive, start, end, position))


def _kernel_name(bar: str) -> str | None:
    """The kernel that a bar is called after; None where the converter did not know it."""
    kernel = _BAR_NAME.fullmatch(bar)
    return kernel[1] if kernel and not _UNNAMED.fullmatch(kernel[1]) else None


def _scheduler_times(
    events: MergedEvents, core: Any, token: Any, start: Any, inspector: Inspector
) -> tuple[Any, Any]:
    """Dispatch and finish per row: the k-th bar of a task on a core in both views is the same."""
    spans: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for position, event in events.scheduler_view:
        inspector.attempt("bars", partial(_read_view, events, position, event, spans))
    dispatch = np.full(len(core), NO_TIME, np.int64)
    finish = dispatch.copy()
    for times in spans.values():
        times.sort(reverse=True)  # the earliest is popped first
    for row in np.argsort(start, kind="stable").tolist():
        waiting = spans[int(core[row]), int(token[row])]
        if waiting:
            dispatch[row], finish[row] = waiting.pop()
    return dispatch, finish


def _read_view(
    events: MergedEvents,
    position: int,
    event: dict[str, Any],
    spans: dict[tuple[int, int], list[tuple[int, int]]],
) -> None:
    at = events.at(position)
    core, _ = events.core_of(position, event)
    token = at.identity(at.record_of(event.get("args", {})), "taskId")
    spans[core, token].append(span_of(at, event))


def _edges(events: MergedEvents, found: _Collected, inspector: Inspector) -> list[tuple[int, int]]:
    """Pairs of tokens that an arrow connects, in file order, each once."""
    tails: dict[int, int | None] = {}
    pairs: dict[tuple[int, int], None] = {}
    for position, event in events.arrows:
        at = events.at(position)
        number = inspector.attempt("arrows", partial(at.integer, event, "id"))
        if number is None:
            continue
        token = inspector.attempt("arrows", partial(_end_of, events, position, event, found))
        if event["ph"] == "s":
            tails[number] = token
        elif token is not None and (tail := tails.get(number)) is not None and tail != token:
            pairs[tail, token] = None
    return list(pairs)


def _end_of(
    events: MergedEvents, position: int, event: dict[str, Any], found: _Collected
) -> int | None:
    """The task of the bar that an arrow ends at; None if there is no such bar."""
    at = events.at(position)
    if "bind_id" in event:
        return found.token_of_event.get(at.integer(event, "bind_id"))
    time = at.nanoseconds(event, "ts")
    bars = found.on_thread.get(thread_of(at, event), [])
    return next((token for start, end, token in bars if start <= time <= end), None)

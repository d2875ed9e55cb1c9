"""Read a records file of the layouts P and A: rows joined by the recorder, times in µs."""

from functools import partial
from typing import Any

import numpy as np

from npusim.formats.capture_parts import CaptureHeader, CaptureParts
from npusim.formats.dependency_reader import read_dependencies, read_name_map
from npusim.formats.fields import Place
from npusim.formats.inspector import Inspector
from npusim.formats.layout import (
    CHIPS_BY_COUNTER_MHZ,
    CORE_TYPES,
    LEVEL_KEYS,
    ORCHESTRATOR_STREAM,
    Layout,
)
from npusim.formats.observed_cores import observed_lanes
from npusim.formats.observed_graph import observed_graph, with_observed_kernels
from npusim.formats.phase_reader import Dialect, PhaseTable, read_phases
from npusim.formats.raw_layout import level_of
from npusim.formats.row_table import RowTable, check_rows
from npusim.formats.tick_clock import NS_CLOCK_MHZ, TickClock, guessed_counter_mhz
from npusim.trace import NO_TIME

_DIALECT = Dialect("phase", "start_time_us", "end_time_us", is_us=True, has_counts=False)
_MAX_CORES = 4096
"""Far above any chip; a core id beyond it is a wrong number, and each costs a lane."""
_SUBMIT = "orch_submit"
_INT32_STOP = 1 << 31

_Row = tuple[int, int, int, int, int, int, int, str, tuple[int, ...]]


def read_joined(document: dict[str, Any], place: Place, inspector: Inspector) -> CaptureParts:
    """The parts of a records file with ``tasks``, and of the files beside it.

    Raises:
        FileFormatError: If the file contradicts its layout or itself.
    """
    layout = Layout.A if LEVEL_KEYS[1] in document else Layout.P
    level, at = level_of(document, place), place.at("tasks")
    records = place.listed(document, "tasks")
    if not records:
        at.fail("", records, "at least one row")
    found = [
        (position, row)
        for position, value in enumerate(records)
        if (row := inspector.attempt("rows", partial(_row, value, at.at(f"[{position}]"), level)))
    ]
    core_types = _core_types(found, at, inspector)
    found = [(p, row) for p, row in found if core_types[row[0]] == row[7]]
    threads = _threads(document, place)
    lanes, notes = observed_lanes(core_types, threads)
    columns = np.array([(*row[:6], p) for p, row in found], np.int64).reshape(-1, 7).T
    core, token, start, end, dispatch, finish, position = columns
    unknown = np.full(len(core), NO_TIME, np.int64)
    rows = RowTable(core, token, dispatch, unknown, start, end, finish, position)
    funcs = {p: row[6] for p, row in found}
    fanout = [(row[1], succ) for _, row in found for succ in row[8]]
    rows = check_rows(rows, at, inspector, core_count=len(lanes))
    phases = _phases(document, place, inspector)
    graph = read_dependencies(place.path.parent, inspector)
    names = read_name_map(place.path.parent, inspector)
    row_funcs = [funcs[p] for p in rows.position.tolist()]
    if graph is not None:
        graph = with_observed_kernels(graph, rows, row_funcs, lanes)
    else:
        submitted = [phase.token for phase in phases.orchestrator]
        ran = set(rows.token.tolist())
        edges = [(pred, succ) for pred, succ in fanout if succ in ran and pred in ran]
        graph = observed_graph(rows, row_funcs, lanes, edges, {}, submitted, place.path)
        what = "edges are those of fanout" if fanout else "edges are unknown"
        notes.append(f"deps.json: dummies are unknown, {what}")
    counter_mhz = guessed_counter_mhz(rows)
    header = CaptureHeader(
        layout,
        level,
        counter_mhz,
        names.orchestrator if names else "",
        chip=CHIPS_BY_COUNTER_MHZ.get(counter_mhz, "unknown"),
    )
    return CaptureParts(
        place, at, header, lanes, rows, phases, graph, names, TickClock(NS_CLOCK_MHZ, 0),
        notes=tuple(notes),
    )  # fmt: skip


def _row(value: object, at: Place, level: int) -> _Row:
    record = at.record_of(value)
    core_type = at.text(record, "core_type", default="")
    if core_type not in CORE_TYPES:
        at.fail("core_type", core_type, " or ".join(CORE_TYPES))
    start, end = at.nanoseconds(record, "start_time_us"), at.nanoseconds(record, "end_time_us")
    if start < 0:
        at.fail("start_time_us", record["start_time_us"], "a time of at least 0")
    dispatch = finish = NO_TIME
    if level >= 2:
        dispatch = at.nanoseconds(record, "dispatch_time_us")
        finish = at.nanoseconds(record, "finish_time_us")
        if finish <= 0 or dispatch < 0:  # the recorder missed the event
            dispatch = finish = NO_TIME
    fanout = at.listed(record, "fanout", default=[])
    wanted = [at.identity({"fanout": succ}, "fanout") for succ in fanout]
    return (
        at.integer(record, "core_id", stop=_MAX_CORES),
        at.identity(record, "task_id"),
        start,
        end,
        dispatch,
        finish,
        at.integer(record, "func_id", low=-1, stop=_INT32_STOP, default=-1),
        core_type,
        tuple(wanted),
    )


def _core_types(found: list[tuple[int, _Row]], at: Place, inspector: Inspector) -> dict[int, str]:
    """Type by core id; the first row of a core decides."""
    types: dict[int, str] = {}
    for position, row in found:
        known = types.setdefault(row[0], row[7])
        if known != row[7]:
            inspector.refuse(
                at.at(f"[{position}]"), "core_type", row[7],
                f"{known}, as core {row[0]} has in an earlier row",
                "core of two types: rows left out",
            )  # fmt: skip
    return types


def _threads(document: dict[str, Any], place: Place) -> list[int]:
    threads = place.listed(document, "core_to_thread", default=[])
    if len(threads) > _MAX_CORES:
        place.fail("core_to_thread", threads, f"at most {_MAX_CORES} cores")
    for core, thread in enumerate(threads):
        if type(thread) is not int or not -1 <= thread < _MAX_CORES:
            place.fail(f"core_to_thread[{core}]", thread, "a thread number, or -1 for none")
    return threads


def _phases(document: dict[str, Any], place: Place, inspector: Inspector) -> PhaseTable:
    """Phases; the six sub-steps that layout P splits a submit into become one record."""
    name = ORCHESTRATOR_STREAM
    streams = place.listed(document, name, default=[])
    whole = []
    for index, stream in enumerate(streams):
        at = place.at(f"{name}[{index}]")
        records = stream if isinstance(stream, list) else at.fail("", stream, "a list of records")
        submits: dict[int, dict[str, Any]] = {}
        for position, value in enumerate(records):
            where = at.at(f"[{position}]")
            record = where.record_of(value)
            if record.get("phase") == _SUBMIT:
                number = -1 - position  # every whole record on its own, so that twins are seen
            else:
                number = where.integer(record, "submit_idx", stop=_INT32_STOP)
            span = (
                where.nanoseconds(record, "start_time_us"),
                where.nanoseconds(record, "end_time_us"),
            )
            known = submits.setdefault(number, dict(record))
            if known is not record and span[1] > where.nanoseconds(known, "end_time_us"):
                known["end_time_us"] = record["end_time_us"]
        whole.append(list(submits.values()))
    return read_phases(document | {name: whole}, place, inspector, _DIALECT)

"""Read the device profile of hicann/pypto: what ran on which core, and a topology beside it."""

from functools import partial
from typing import Any

import numpy as np

from npusim.formats.capture_parts import CaptureHeader, CaptureParts
from npusim.formats.fields import Place
from npusim.formats.hicann_layout import (
    CLOCK_KEY,
    SEQUENCE_SHIFT,
)
from npusim.formats.hicann_topology import read_topology
from npusim.formats.inspector import Inspector
from npusim.formats.layout import CHIPS_BY_COUNTER_MHZ, CORE_TYPES, DEFAULT_COUNTER_MHZ
from npusim.formats.observed_cores import observed_lanes
from npusim.formats.observed_graph import ObservedKernels, observed_graph, observed_names
from npusim.formats.phase_reader import PhaseTable
from npusim.formats.row_table import RowTable, check_rows
from npusim.formats.tick_clock import TickClock, check_span
from npusim.trace import NO_TIME

LAYOUT_NAME = "hicann"
_MAX_CORES = 4096
_MAX_CLOCK_MHZ = 100_000
_INT31_STOP = 1 << 31

_Row = tuple[int, int, int, int, int]


def read_hicann(document: list[Any], place: Place, inspector: Inspector) -> CaptureParts:
    """The parts of a device profile: a list of cores with their tasks.

    Raises:
        FileFormatError: If the profile or its topology contradicts itself.
    """
    rows: list[_Row] = []
    core_types: dict[int, str] = {}
    for index, value in enumerate(document):
        at = place.at(f"cores[{index}]")
        inspector.attempt("cores", partial(_core, value, at, inspector, rows, core_types))
    if not rows:
        place.fail("cores", "without tasks", "at least one task on one core")
    rows = _unique(rows, place, inspector)
    topology = read_topology(place.path, inspector)
    lanes, notes = observed_lanes(core_types, ())
    table = _table(rows)
    kernels = ObservedKernels({}, {})
    func_of = {
        row[1]: kernels.of(row[4], topology.name_of(row[1], row[4]) if topology else None)
        for row in rows
    }
    at = place.at("tasks")
    table = check_rows(table, at, inspector, core_count=len(lanes))
    funcs = [func_of[token] for token in table.token.tolist()]
    edges = topology.edges_between(set(table.token.tolist())) if topology else []
    graph = observed_graph(table, funcs, lanes, edges, {}, (), place.path)
    notes += topology.notes if topology else ["topology file: edges and names are unknown"]
    counter_mhz, clock_notes = _clock_mhz(document, place)
    first = int(table.start.min()) if len(table.start) else 0
    last = int(table.end.max()) if len(table.end) else 0
    check_span(place, counter_mhz, first, last)
    header = CaptureHeader(
        LAYOUT_NAME, 1, counter_mhz, chip=CHIPS_BY_COUNTER_MHZ.get(counter_mhz, "unknown")
    )
    return CaptureParts(
        place, at, header, lanes, table, PhaseTable(), graph,
        observed_names(kernels, "", place.path), TickClock(counter_mhz, first),
        notes=(*notes, *clock_notes),
    )  # fmt: skip


def _core(
    value: object, at: Place, inspector: Inspector, rows: list[_Row], core_types: dict[int, str]
) -> None:
    record = at.record_of(value)
    core = at.integer(record, "blockIdx", stop=_MAX_CORES)
    label = at.text(record, "coreType", default="")
    core_type = label.partition("_")[0].lower()
    if core_type not in CORE_TYPES:
        at.fail("coreType", label, "a name such as AIC_0 or AIV_24")
    if core in core_types:
        at.fail("blockIdx", core, "a core that was not listed before")
    core_types[core] = core_type
    for index, task in enumerate(at.listed(record, "tasks")):
        where = at.at(f".tasks[{index}]")
        row = inspector.attempt("rows", partial(_row, task, core, where))
        if row is not None:
            rows.append(row)


def _row(value: object, core: int, at: Place) -> _Row:
    record = at.record_of(value)
    sequence = at.integer(record, "seqNo", stop=_INT31_STOP, default=0)
    task = at.integer(record, "taskId", stop=1 << SEQUENCE_SHIFT)
    start = at.integer(record, "execStart")
    end = at.integer(record, "execEnd", low=start)
    kernel = at.integer(record, "subGraphId", low=-1, stop=_INT31_STOP, default=-1)
    return core, sequence << SEQUENCE_SHIFT | task, start, end, kernel


def _unique(rows: list[_Row], place: Place, inspector: Inspector) -> list[_Row]:
    seen: set[int] = set()
    kept = []
    for row in rows:
        if row[1] in seen:
            inspector.refuse(
                place.at("tasks"), "taskId", row[1], "an identity (seqNo << 32 | taskId) used once",
                "task given twice: rows left out",
            )  # fmt: skip
            continue
        seen.add(row[1])
        kept.append(row)
    return kept


def _table(rows: list[_Row]) -> RowTable:
    core, token, start, end, _ = np.array(rows, np.int64).reshape(-1, 5).T
    unknown = np.full(len(core), NO_TIME, np.int64)
    return RowTable(core, token, unknown, unknown, start, end, unknown, np.arange(len(core)))


def _clock_mhz(document: list[Any], place: Place) -> tuple[int, list[str]]:
    first = document[0] if document and isinstance(document[0], dict) else {}
    at = place.at("cores[0]")
    if CLOCK_KEY not in first:
        note = f"counter rate: not in the files, taken as {DEFAULT_COUNTER_MHZ} MHz"
        return DEFAULT_COUNTER_MHZ, [note]
    return at.integer(first, CLOCK_KEY, low=1, stop=_MAX_CLOCK_MHZ), []

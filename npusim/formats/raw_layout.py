"""Read a records file of the layouts B to E: raw counter ticks, joined here."""

from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.formats.capture_parts import CaptureHeader, CaptureParts
from npusim.formats.dependency_reader import read_dependencies, read_name_map
from npusim.formats.fields import Place
from npusim.formats.host_submits import with_host_submits
from npusim.formats.inspector import Inspector
from npusim.formats.layout import (
    CHIPS_BY_COUNTER_MHZ,
    CORE_TYPES,
    LEVEL_KEYS,
    ORCHESTRATOR_STREAM,
    ROW_BLOCKS_KEY,
    SCHEDULER_STREAM,
    Layout,
)
from npusim.formats.phase_reader import Dialect, PhaseTable, read_phases
from npusim.formats.row_reader import AICORE_FIELDS, read_rows
from npusim.formats.scheduler_streams import flattened_streams
from npusim.formats.tick_clock import TickClock
from npusim.trace import Lane, LaneKind

_RUNTIMES = ("tensormap_and_ringbuffer", "host_build_graph")
_INT32_STOP = 1 << 31
_UPLOADS = "host_device_uploads"


def read_raw(document: dict[str, Any], place: Place, inspector: Inspector) -> CaptureParts:
    """The parts of a records file with ``aicore_tasks``, and of the files beside it.

    Raises:
        FileFormatError: If the file contradicts its layout or itself.
    """
    layout, level = _layout(document), level_of(document, place)
    at = place.at("metadata")
    metadata = at.record_of(document.get("metadata"))
    document, notes = flattened_streams(document, place)
    document = _of_level(document, level, place, inspector)
    has_host = metadata.get("orchestrator_source") == "host"
    if has_host and document.get(ORCHESTRATOR_STREAM):
        at.fail("orchestrator_source", "host", f"no {ORCHESTRATOR_STREAM} beside it")
    document, host_notes = with_host_submits(document, metadata, place, inspector)
    dialect = Dialect(
        has_counts=layout is not Layout.E, may_omit_dummies=layout in (Layout.B, Layout.C)
    )
    phases = read_phases(document, place, inspector, dialect)
    _check_streams(phases, level, place, inspector, has_host=has_host)
    lanes = _core_lanes(metadata, at, level, phases, inspector)
    if layout is Layout.E and metadata.get("runtime") not in _RUNTIMES:
        expected = f"one of {', '.join(_RUNTIMES)}"
        inspector.refuse(at, "runtime", metadata.get("runtime"), expected, "runtime unknown")
    rows = read_rows(document, place, inspector, core_count=len(lanes), level=level)
    directory = place.path.parent
    names = read_name_map(directory, inspector)
    clock = TickClock.of_capture(metadata, at, rows, phases)
    notes += host_notes
    if document.get(_UPLOADS):
        notes.append(f"{_UPLOADS}: left out, a trace has no lane for transfers of the host")
    return CaptureParts(
        place,
        place.at("aicore_tasks"),
        CaptureHeader(
            layout,
            level,
            clock.counter_mhz,
            at.text(metadata, "kernel", default=names.orchestrator if names else ""),
            at.text(metadata, "variant", default=""),
            at.text(
                metadata, "chip", default=CHIPS_BY_COUNTER_MHZ.get(clock.counter_mhz, "unknown")
            ),
            {
                key: at.text(metadata, key, default="")
                for key in ("generator", "runtime")
                if key in metadata
            },
            is_raw=True,
        ),
        lanes,
        rows,
        phases,
        read_dependencies(directory, inspector),
        names,
        clock,
        _blocks(metadata, at),
        len(document["aicore_tasks"]),
        tuple(notes),
    )


def _blocks(metadata: dict[str, Any], at: Place) -> npt.NDArray[np.int64] | None:
    """Block of each row, which npusim writes and a device does not."""
    if ROW_BLOCKS_KEY not in metadata:
        return None
    blocks = at.listed(metadata, ROW_BLOCKS_KEY)
    for index, block in enumerate(blocks):
        if type(block) is not int or not 0 <= block < _INT32_STOP:
            at.fail(f"{ROW_BLOCKS_KEY}[{index}]", block, "a block number of at least 0")
    return np.array(blocks, np.int64)


def level_of(document: dict[str, Any], place: Place) -> int:
    """The swimlane level that a records file names, 1 to 4.

    Raises:
        FileFormatError: If it names none, an unknown one, or two.
    """
    levels = {
        key: place.integer(document, key, low=1, stop=5) for key in LEVEL_KEYS if key in document
    }
    if not levels:
        place.fail("chip_swimlane_level", None, f"one of the keys {', '.join(LEVEL_KEYS)}")
    (first, level), *others = levels.items()
    for key, other in others:
        if other != level:
            place.fail(key, other, f"the {level} of {first}")
    return level


def _layout(document: dict[str, Any]) -> Layout:
    rows = document.get("aicore_tasks")
    width = len(rows[0]) if isinstance(rows, list) and rows and isinstance(rows[0], list) else 0
    if width == len(AICORE_FIELDS) or {"scheduler_tasks", "scheduler_records"} & document.keys():
        return Layout.E
    if LEVEL_KEYS[0] in document:
        return Layout.D
    return Layout.C if width == len(AICORE_FIELDS) - 1 else Layout.B


def _of_level(
    document: dict[str, Any], level: int, place: Place, inspector: Inspector
) -> dict[str, Any]:
    """``document`` without the streams that its level does not have."""
    allowed = {"aicpu_tasks": 2, SCHEDULER_STREAM: 3, ORCHESTRATOR_STREAM: 4}
    for name, least in allowed.items():
        if level < least and document.get(name):
            inspector.refuse(
                place, name, f"of level {least}", f"none at level {level}",
                f"{name} beyond the level: left out",
            )  # fmt: skip
            document = document | {name: []}
    return document


def _check_streams(
    phases: PhaseTable, level: int, place: Place, inspector: Inspector, *, has_host: bool
) -> None:
    found = {
        SCHEDULER_STREAM: (3, phases.scheduler_count),
        ORCHESTRATOR_STREAM: (4, len(phases.orchestrator)),
    }
    for name, (least, count) in found.items():
        if level >= least and not count and not (has_host and least == 4):
            expected = f"records, as level {level} has"
            inspector.refuse(place, name, [], expected, f"{name} missing: level lowered in effect")


def _core_lanes(
    metadata: dict[str, Any], at: Place, level: int, phases: PhaseTable, inspector: Inspector
) -> tuple[Lane, ...]:
    core_types = at.listed(metadata, "core_types")
    if metadata.get("num_cores") != len(core_types):
        inspector.refuse(
            at, "num_cores", metadata.get("num_cores"), f"{len(core_types)}, as core_types has",
            "num_cores wrong: not used",
        )  # fmt: skip
    if level < 3 and "core_to_thread" not in metadata:
        metadata = metadata | {"core_to_thread": [-1] * len(core_types)}
    threads = at.listed(metadata, "core_to_thread")
    if len(threads) != len(core_types):
        at.fail("core_to_thread", threads, f"one thread for each of {len(core_types)} cores")
    stop = phases.scheduler_count if level >= 3 else len(core_types) + 1
    counts = dict.fromkeys(CORE_TYPES, 0)
    lanes = []
    for core_id, (core_type, thread) in enumerate(zip(core_types, threads, strict=True)):
        if core_type not in CORE_TYPES:
            at.fail(f"core_types[{core_id}]", core_type, " or ".join(CORE_TYPES))
        owner = thread
        if type(owner) is not int or not -1 <= owner < stop:
            expected = f"a thread from 0 to {stop - 1}, or -1 for none"
            inspector.refuse(
                at, f"core_to_thread[{core_id}]", owner, expected, "thread of a core unknown"
            )
            owner = -1
        name = f"{core_type.upper()}[{counts[core_type]}]"
        counts[core_type] += 1
        lanes.append(Lane(name, LaneKind(core_type), core_id, owner))
    return tuple(lanes)

"""Read a chip capture, layout C or D, back into a trace.

Only the records file is required. What else is missing costs what it would have told, and
``info.parameters["missing_parts"]`` lists it by name.
"""

from pathlib import Path
from typing import Any

import numpy as np

from npusim.errors import FileFormatError, TraceError
from npusim.formats.capture_arrays import edge_array, phase_array, slice_array
from npusim.formats.capture_parts import CaptureParts
from npusim.formats.capture_tasks import build_tasks
from npusim.formats.dependency_reader import read_dependencies, read_name_map
from npusim.formats.document import read_document
from npusim.formats.fields import Place
from npusim.formats.layout import CORE_TYPES, LEVEL_KEYS, RECORDS_FILES
from npusim.formats.phase_reader import read_phases
from npusim.formats.row_reader import read_rows
from npusim.formats.tick_clock import TickClock
from npusim.trace import WAIT_DTYPE, Lane, LaneKind, Trace, TraceInfo

_SNIFF_BYTES = 1 << 16
_OTHER_LAYOUT_KEYS = ("tasks", "scheduler_tasks", "scheduler_records")
"""Joined µs records before 2026-06-04, and the streams that replaced ``aicpu_tasks`` later."""
_CHIPS_BY_COUNTER_MHZ = {50: "a2a3", 1000: "a5"}
"""Counter rates of the chips; simpler, ``metadata.clock_freq_hz`` at commit 6ebaf7715."""


def is_capture(path: Path) -> bool:
    """True if ``path`` is a directory with a records file, or looks like a records file itself."""
    if path.is_dir():
        return any((path / name).is_file() for name in RECORDS_FILES)
    if path.suffix != ".json" or not path.is_file():
        return False
    with path.open("rb") as handle:
        head = handle.read(_SNIFF_BYTES)
    return any(f'"{key}"'.encode() in head for key in LEVEL_KEYS)


def read_capture(path: Path) -> Trace:
    """The capture at ``path``: a directory, or a records file with its siblings.

    Times are picoseconds from the origin that the capture names, else from its smallest tick, which
    moves with the swimlane level. ``waits`` is empty: the analysis infers them. Rows do not name
    their block, so blocks are numbered in dispatch order. Edges of hidden allocations, which have
    no task, are left out.

    Raises:
        FileFormatError: If a file is missing, corrupt, foreign, or inconsistent.
    """
    records_path = _records_path(path)
    directory = records_path.parent
    document, place = read_document(records_path), Place(records_path)
    level = _level(document, place)
    at = place.at("metadata")
    metadata = at.record_of(document.get("metadata"))
    lanes = _core_lanes(metadata, at)
    rows = read_rows(document, place, core_count=len(lanes))
    phases = read_phases(document, place)
    parts = CaptureParts(
        directory, level, lanes, rows, phases, read_dependencies(directory),
        read_name_map(directory), TickClock.of_capture(metadata, at, rows, phases),
    )  # fmt: skip
    tasks = build_tasks(parts)
    index_of = {task.task_id: index for index, task in enumerate(tasks)}
    try:
        return Trace(
            info=_info(metadata, at, parts, parts.missing_parts(document, index_of)),
            lanes=(*lanes, *_thread_lanes(parts)),
            tasks=tasks,
            slices=slice_array(parts, tasks, index_of),
            waits=np.empty(0, WAIT_DTYPE),
            phases=phase_array(parts, index_of),
            edges=edge_array(parts, index_of),
        )
    except TraceError as error:
        msg = f"{records_path}: the records contradict each other ({error}); record it again"
        raise FileFormatError(msg) from error


def _records_path(path: Path) -> Path:
    if not path.is_dir():
        return path
    for name in RECORDS_FILES:
        if (path / name).is_file():
            return path / name
    msg = f"{path}: no capture in this directory; expected {' or '.join(RECORDS_FILES)}"
    raise FileFormatError(msg)


def _level(document: dict[str, Any], place: Place) -> int:
    levels = [place.integer(document, key, low=1, stop=5) for key in LEVEL_KEYS if key in document]
    if not levels:
        expected = " or ".join(LEVEL_KEYS)
        msg = f"{place.path}: not a swimlane records file; expected the key {expected}"
        raise FileFormatError(msg)
    if len(set(levels)) > 1:
        place.fail(LEVEL_KEYS[1], levels[1], f"the {levels[0]} of {LEVEL_KEYS[0]}")
    for other in _OTHER_LAYOUT_KEYS:
        if other in document:
            msg = (
                f"{place.path}: has {other}, so it is of an older or newer layout; expected "
                "aicore_tasks and aicpu_tasks in ticks; record it with simpler 83728d2f3..6ebaf7715"
            )
            raise FileFormatError(msg)
    return levels[0]


def _core_lanes(metadata: dict[str, Any], at: Place) -> tuple[Lane, ...]:
    core_types = at.listed(metadata, "core_types")
    threads = at.listed(metadata, "core_to_thread", default=[-1] * len(core_types))
    if len(threads) != len(core_types):
        at.fail("core_to_thread", threads, f"one thread for each of {len(core_types)} cores")
    counts = dict.fromkeys(CORE_TYPES, 0)
    lanes = []
    for core_id, (core_type, thread) in enumerate(zip(core_types, threads, strict=True)):
        if core_type not in CORE_TYPES:
            at.fail(f"core_types[{core_id}]", core_type, " or ".join(CORE_TYPES))
        if type(thread) is not int or thread < -1:
            at.fail(f"core_to_thread[{core_id}]", thread, "a thread number, or -1 for none")
        name = f"{core_type.upper()}[{counts[core_type]}]"
        counts[core_type] += 1
        lanes.append(Lane(name, LaneKind(core_type), core_id, thread))
    return tuple(lanes)


def _thread_lanes(parts: CaptureParts) -> list[Lane]:
    schedulers = range(parts.phases.scheduler_count)
    orchestrators = range(parts.phases.orchestrator_count)
    return [
        *(Lane(f"Sched[{i}]", LaneKind.SCHEDULER, thread=i) for i in schedulers),
        *(
            Lane(f"Orch[{i}]", LaneKind.ORCHESTRATOR, thread=len(schedulers) + i)
            for i in orchestrators
        ),
    ]


def _info(
    metadata: dict[str, Any], at: Place, parts: CaptureParts, missing_parts: list[str]
) -> TraceInfo:
    counter_mhz = parts.clock.counter_mhz
    parameters: dict[str, Any] = {
        key: metadata[key] for key in ("generator", "runtime") if key in metadata
    }
    return TraceInfo(
        kernel=at.text(metadata, "kernel", default=parts.names.orchestrator if parts.names else ""),
        variant=at.text(metadata, "variant", default=""),
        chip=at.text(metadata, "chip", default=_CHIPS_BY_COUNTER_MHZ.get(counter_mhz, "unknown")),
        source="captured",
        counter_mhz=counter_mhz,
        swimlane_level=parts.level,
        cause_from="inferred",
        parameters=parameters | {"missing_parts": missing_parts},
    )

"""Write a run as the swimlane capture that the chip itself would have left behind.

Three files: the records, ``deps.json`` and one name map. Each swimlane level is a superset of the
one below: 1 kernel times, 2 scheduler times, 3 scheduler phases, 4 submits.
"""

from pathlib import Path
from typing import Any

from npusim import __version__
from npusim.errors import OutputError, UsageError
from npusim.formats.callables import assign_callables
from npusim.formats.dependency_file import build_dependencies
from npusim.formats.document import make_directory, write_document
from npusim.formats.layout import (
    DEFAULT_RUNTIME,
    DEPS_FILE,
    HZ_PER_MHZ,
    LEVEL_KEYS_OF,
    NAME_MAP_FILE,
    NAME_MAP_GLOB,
    ORCHESTRATOR_STREAM,
    RECORDS_FILE_OF,
    ROW_BLOCKS_KEY,
    SCHEDULER_KINDS,
    SCHEDULER_KINDS_OF_B,
    SCHEDULER_STREAM,
    TIME_ORIGIN_KEY,
    TIME_ORIGIN_TICKS,
    Layout,
)
from npusim.formats.phase_records import core_to_stream, orchestrator_streams, scheduler_streams
from npusim.formats.task_rows import build_task_rows, core_lanes
from npusim.program import Program
from npusim.trace import Trace

LEVELS = (1, 2, 3, 4)


WRITTEN_LAYOUTS = tuple(RECORDS_FILE_OF)
_ROW_WIDTH_B = 5


def write_capture(
    directory: Path,
    trace: Trace,
    program: Program | None,
    *,
    level: int,
    layout: Layout = Layout.D,
) -> None:
    """Write ``trace`` as a chip capture.

    Layout D is for the tools from 2026-08-04 on, C for those from 2026-06-22, B for those from
    2026-06-04; C differs from D in the names of file and key, B also in that rows have no receive
    time. Times become ticks of the trace's counter, rounded down. The same input gives the same
    bytes.

    Args:
        directory: Made if missing; the three files in it are replaced.
        trace: The run.
        program: Its recording, for the arguments and tensors of ``deps.json``.
        level: Swimlane level, 1 to 4.
        layout: B, C or D.

    Raises:
        UsageError: If ``level`` or ``layout`` is unknown, or ``level`` needs more than the trace
            holds.
        TraceError: If a task has an unknown core type or two cores have one id.
        OutputError: If a file cannot be written, or another name map is in the way.
    """
    if level not in LEVELS:
        msg = f"write_capture: level is {level!r}; expected one of 1, 2, 3, 4 (0 writes no files)"
        raise UsageError(msg)
    if layout not in WRITTEN_LAYOUTS:
        known = ", ".join(WRITTEN_LAYOUTS)
        msg = f"write_capture: layout is {layout}; expected one of {known} (others are only read)"
        raise UsageError(msg)
    callables = assign_callables(trace)
    documents: dict[str, Any] = {
        RECORDS_FILE_OF[layout]: _records(trace, level, layout),
        DEPS_FILE: build_dependencies(trace, program, callables),
        NAME_MAP_FILE: {
            "level": 2,
            "orchestrator_name": trace.info.kernel,
            "callable_id_to_name": {str(key): name for key, name in callables.names.items()},
        },
    }
    make_directory(directory)
    _refuse_other_name_maps(directory)
    for name, document in documents.items():
        write_document(directory / name, document)


def _records(trace: Trace, level: int, layout: Layout) -> dict[str, Any]:
    rows = build_task_rows(
        trace, has_scheduler_times=level >= 2, gate_margin_ticks=1 if layout is Layout.C else 0
    )
    document: dict[str, Any] = dict.fromkeys(LEVEL_KEYS_OF[layout], level)
    document["metadata"] = _metadata(trace) | {ROW_BLOCKS_KEY: rows.blocks}
    width = _ROW_WIDTH_B if layout is Layout.B else None
    document["aicore_tasks"] = [row[:width] for row in rows.aicore]
    document["aicpu_tasks"] = rows.aicpu
    if level >= 3:
        kinds = SCHEDULER_KINDS_OF_B if layout is Layout.B else SCHEDULER_KINDS
        streams = scheduler_streams(trace, kinds)
        document[SCHEDULER_STREAM] = _required(streams, "scheduler", level)
    if level >= 4:
        document[ORCHESTRATOR_STREAM] = _required(orchestrator_streams(trace), "submit", level)
    return document


def _metadata(trace: Trace) -> dict[str, Any]:
    lanes = [trace.lanes[index] for index in core_lanes(trace)]
    runtime = trace.info.parameters.get("runtime")
    return {
        "clock_freq_hz": trace.info.counter_mhz * HZ_PER_MHZ,
        "num_cores": len(lanes),
        "core_types": [lane.kind.value for lane in lanes],
        "core_to_thread": core_to_stream(trace),
        "runtime": runtime if isinstance(runtime, str) else DEFAULT_RUNTIME,
        TIME_ORIGIN_KEY: TIME_ORIGIN_TICKS,
        "generator": f"npusim {__version__}",
        "chip": trace.info.chip,
        "kernel": trace.info.kernel,
        "variant": trace.info.variant,
    }


def _required(streams: list[list[dict[str, Any]]], what: str, level: int) -> list[Any]:
    if not any(streams):
        msg = (
            f"write_capture: level is {level} but the trace has no {what} phases; "
            f"expected some; write level {level - 1} or simulate with a higher swimlane level"
        )
        raise UsageError(msg)
    return streams


def _refuse_other_name_maps(directory: Path) -> None:
    # With two maps upstream's converter drops every name and its critical path takes the newest.
    others = sorted(path.name for path in directory.glob(NAME_MAP_GLOB))
    others = [name for name in others if name != NAME_MAP_FILE]
    if others:
        msg = (
            f"{directory}: holds {', '.join(others)} of another capture; expected no name map "
            f"but {NAME_MAP_FILE}; remove it or choose another directory"
        )
        raise OutputError(msg)

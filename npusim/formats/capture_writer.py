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
    LEVEL_KEYS,
    NAME_MAP_FILE,
    NAME_MAP_GLOB,
    RECORDS_FILES,
    TIME_ORIGIN_KEY,
    TIME_ORIGIN_TICKS,
)
from npusim.formats.phase_records import core_to_stream, orchestrator_streams, scheduler_streams
from npusim.formats.task_rows import build_task_rows, core_lanes
from npusim.program import Program
from npusim.trace import Trace

LEVELS = (1, 2, 3, 4)


def write_capture(directory: Path, trace: Trace, program: Program | None, *, level: int) -> None:
    """Write ``trace`` as a chip capture (layout D, readable by layout C tools but for its name).

    Times become ticks of the trace's counter, rounded down. The same input gives the same bytes.

    Args:
        directory: Made if missing; the three files in it are replaced.
        trace: The run.
        program: Its recording, for the arguments and tensors of ``deps.json``.
        level: Swimlane level, 1 to 4.

    Raises:
        UsageError: If ``level`` is unknown or needs more than the trace holds.
        TraceError: If a task has an unknown core type or the core ids have gaps.
        OutputError: If a file cannot be written, or another name map is in the way.
    """
    if level not in LEVELS:
        msg = f"write_capture: level is {level!r}; expected one of 1, 2, 3, 4 (0 writes no files)"
        raise UsageError(msg)
    callables = assign_callables(trace)
    documents: dict[str, Any] = {
        RECORDS_FILES[0]: _records(trace, level),
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


def _records(trace: Trace, level: int) -> dict[str, Any]:
    rows = build_task_rows(trace, has_scheduler_times=level >= 2)
    document: dict[str, Any] = dict.fromkeys(LEVEL_KEYS, level)
    document["metadata"] = _metadata(trace)
    document["aicore_tasks"] = rows.aicore
    document["aicpu_tasks"] = rows.aicpu
    if level >= 3:
        document["aicpu_scheduler_phases"] = _required(scheduler_streams(trace), "scheduler", level)
    if level >= 4:
        document["aicpu_orchestrator_phases"] = _required(
            orchestrator_streams(trace), "submit", level
        )
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

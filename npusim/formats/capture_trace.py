"""The parts of a capture as a trace, whatever layout they came from."""

from typing import Any

import numpy as np

from npusim.errors import FileFormatError, TraceError
from npusim.formats.capture_arrays import edge_array, phase_array, slice_array
from npusim.formats.capture_checks import check_parts
from npusim.formats.capture_parts import CaptureParts
from npusim.formats.capture_tasks import build_tasks
from npusim.formats.inspector import Inspector
from npusim.formats.scope_stats_reader import ScopeStats, read_scope_stats
from npusim.trace import WAIT_DTYPE, Lane, LaneKind, Trace, TraceInfo


def build_trace(parts: CaptureParts, inspector: Inspector) -> Trace:
    """The trace of ``parts``, after they were checked against each other.

    Raises:
        FileFormatError: If they contradict each other and the inspector does not repair it.
    """
    parts = check_parts(parts, inspector)
    tasks = build_tasks(parts)
    clock = parts.clock if parts.header.is_raw else None
    scope_stats = read_scope_stats(parts.place.path.parent, clock, inspector)
    index_of = {task.task_id: index for index, task in enumerate(tasks)}
    try:
        return Trace(
            info=_info(parts, parts.missing_parts(index_of), scope_stats, inspector.lines()),
            lanes=(*parts.lanes, *_thread_lanes(parts)),
            tasks=tasks,
            slices=slice_array(parts, tasks, index_of),
            waits=np.empty(0, WAIT_DTYPE),
            phases=phase_array(parts, index_of),
            edges=edge_array(parts, index_of),
            rings=scope_stats.rings,
        )
    except TraceError as error:
        msg = f"{parts.place.path}: the records contradict each other ({error}); record it again"
        raise FileFormatError(msg) from error


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
    parts: CaptureParts, missing_parts: list[str], scope_stats: ScopeStats, repairs: list[str]
) -> TraceInfo:
    header = parts.header
    parameters: dict[str, Any] = {**header.parameters, **scope_stats.parameters}
    missing_parts += scope_stats.notes
    parameters |= {"layout": str(header.layout), "missing_parts": missing_parts}
    if repairs:
        parameters["repairs"] = repairs
    return TraceInfo(
        kernel=header.kernel,
        variant=header.variant,
        chip=header.chip,
        source="captured",
        counter_mhz=header.counter_mhz,
        swimlane_level=header.level,
        cause_from="inferred",
        parameters=parameters,
    )

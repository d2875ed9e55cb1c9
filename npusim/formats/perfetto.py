"""Write a trace as a Chrome-trace JSON file that the Perfetto viewer opens.

One process per kind of lane, one track per lane, and under each core or pipe lane a track with its
waits. The pipes of a core follow the core::

    Cores   AIC[0]             [ qk_matmul ]        [ pv_matmul ]
            AIC[0] waits                   [ DEPENDENCY ]
            AIC[0].MTE2        [load][load]
            AIC[0].MTE2 waits
            GM traffic      counter of the cores whose pipes are shown
            AIC[0] L1 bytes, ...      counters of their buffers
    AICPU   Sched[0]        [ dispatch ]  [ complete ]
            ready queue     AIC, AIV, MIX counters
            ring 0 heap bytes, ...    counters, where the run watched its rings
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from npusim import __version__
from npusim.formats.document import write_document
from npusim.formats.perfetto_counters import (
    buffer_events,
    queue_depth_events,
    ring_events,
    traffic_events,
)
from npusim.formats.perfetto_flows import flow_events
from npusim.formats.perfetto_time import text_us, viewer_us, whole_ns
from npusim.trace import NO_TIME, PhaseKind, Trace, WaitReason, core_of_pipe

Event = dict[str, Any]

_OTHER = "otherData"
_GENERATOR = "npusim"
CORE_PID = 1
AICPU_PID = 2
_SLICE_TIMES = ("dispatch", "receive", "finish")
_NO_TASK = -1


def write_perfetto(path: Path, trace: Trace, *, flow_limit: int | None = None) -> None:
    """Write ``trace`` for the Perfetto viewer; the same trace gives the same bytes.

    Times are µs, cut to the nanoseconds that the viewer counts in.

    Args:
        path: File to write.
        trace: The run.
        flow_limit: Dependency arrows to draw at most, one per distinct edge; four per task if left
            out, the latest predecessors first. ``otherData`` says how many there are and how many
            were left out.

    Raises:
        OutputError: If the file cannot be written.
    """
    flows, left_out = flow_events(trace, CORE_PID, flow_limit)
    events = [
        *_track_names(trace),
        *_slices(trace),
        *_instructions(trace),
        *_waits(trace),
        *_phases(trace),
        *queue_depth_events(trace, AICPU_PID),
        *ring_events(trace, AICPU_PID),
        *traffic_events(trace, CORE_PID),
        *buffer_events(trace, CORE_PID),
        *flows,
    ]
    info = trace.info
    other = {
        "generator": f"{_GENERATOR} {__version__}",
        "kernel": info.kernel,
        "variant": info.variant,
        "chip": info.chip,
        "source": info.source,
        "cause_from": info.cause_from,
        "flows": str(len(flows) // 2),
        "flows_left_out": str(left_out),
    }
    document = {"traceEvents": events, "displayTimeUnit": "ns", _OTHER: other}
    write_document(path, document)


def is_own_perfetto(document: dict[str, Any]) -> bool:
    """True for a document that ``write_perfetto`` made."""
    other = document.get(_OTHER)
    generator = other.get("generator") if isinstance(other, dict) else None
    return isinstance(generator, str) and generator.startswith(f"{_GENERATOR} ")


def slice_tid(lane: int) -> int:
    """Track of the slices of ``lane``; the track after it holds the waits."""
    return 2 * lane + 1


def _track_names(trace: Trace) -> Iterable[Event]:
    title = f"{trace.info.kernel} {trace.info.variant} on {trace.info.chip}"
    for pid, kind in ((CORE_PID, "Cores"), (AICPU_PID, "AICPU")):
        yield _meta(pid, 0, "process_name", {"name": f"{kind}: {title}"})
        yield _meta(pid, 0, "process_sort_index", {"sort_index": pid})
    position = 0
    for index in _display_order(trace):
        lane = trace.lanes[index]
        is_accounted = lane.kind.is_core or lane.kind.is_pipe
        pid = CORE_PID if is_accounted else AICPU_PID
        tracks = [(slice_tid(index), lane.name)]
        if is_accounted and len(trace.waits):
            tracks.append((slice_tid(index) + 1, f"{lane.name} waits"))
        for tid, name in tracks:
            position += 1
            yield _meta(pid, tid, "thread_name", {"name": name})
            yield _meta(pid, tid, "thread_sort_index", {"sort_index": position})


def _display_order(trace: Trace) -> list[int]:
    """Lanes in their order, but the pipes of a core right below it."""
    pipes: dict[int, list[int]] = {}
    for pipe, core in core_of_pipe(trace).items():
        pipes.setdefault(core, []).append(pipe)
    others = [index for index, lane in enumerate(trace.lanes) if not lane.kind.is_pipe]
    return [lane for index in others for lane in (index, *pipes.get(index, []))]


def _meta(pid: int, tid: int, name: str, args: dict[str, Any]) -> Event:
    return {"ph": "M", "pid": pid, "tid": tid, "name": name, "args": args}


def _slices(trace: Trace) -> Iterable[Event]:
    for row in _rows(trace.slices, ("start_ps", "end_ps")):
        task = trace.tasks[row["task"]]
        args: dict[str, Any] = {"task_id": task.task_id, "block": row["block"]}
        for time in _SLICE_TIMES:
            if row[f"{time}_ps"] != NO_TIME:
                args[f"{time}_us"] = text_us(row[f"{time}_ps"])
        args["stall_us"] = text_us(row["stall_ps"])
        tid = slice_tid(row["lane"])
        yield _complete(task.name, "kernel", CORE_PID, tid, row, args)


def _instructions(trace: Trace) -> Iterable[Event]:
    for row in _rows(trace.op_slices, ("start_ps", "end_ps")):
        task = trace.tasks[row["task"]]
        args = {
            "site": trace.op_sites[row["site"]],
            "task_id": task.task_id,
            "task_name": task.name,
            "block": row["block"],
            "nbytes": row["nbytes"],
        }
        name, tid = trace.op_names[row["op"]], slice_tid(row["lane"])
        yield _complete(name, "instruction", CORE_PID, tid, row, args)


def _waits(trace: Trace) -> Iterable[Event]:
    for row in _rows(trace.waits, ("start_ps", "end_ps")):
        args: dict[str, Any] = {}
        for key, task in (("before_task", row["task"]), ("blamed_task", row["blamed"])):
            if task != _NO_TASK:
                args[key] = trace.tasks[task].task_id
                args[f"{key}_name"] = trace.tasks[task].name
        name = WaitReason(row["reason"]).name
        yield _complete(name, "wait", CORE_PID, slice_tid(row["lane"]) + 1, row, args)


def _phases(trace: Trace) -> Iterable[Event]:
    for row in _rows(trace.phases, ("start_ps", "inner", "end_ps")):
        kind = PhaseKind(row["kind"])
        args: dict[str, Any] = {"count": row["count"], "loop_iter": row["loop_iter"]}
        if kind is PhaseKind.DISPATCH:
            args |= {"pop_hit": row["pop_hit"], "pop_miss": row["pop_miss"]}
        name = kind.name.lower()
        if row["task"] != _NO_TASK:
            task = trace.tasks[row["task"]]
            args["task_id"] = task.task_id
            name = f"{name} {task.name}"
        yield _complete(name, "aicpu", AICPU_PID, slice_tid(row["lane"]), row, args)


def _complete(
    name: str, category: str, pid: int, tid: int, row: dict[str, Any], args: dict[str, Any]
) -> Event:
    start_ps, end_ps = whole_ns(row["start_ps"]), whole_ns(row["end_ps"])
    return {
        "ph": "X",
        "pid": pid,
        "tid": tid,
        "name": name,
        "cat": category,
        "ts": viewer_us(start_ps),
        "dur": viewer_us(end_ps - start_ps),
        "args": args,
    }


def _rows(records: np.ndarray[Any, Any], order: tuple[str, ...]) -> list[dict[str, Any]]:
    """Records as dictionaries by lane, then by the columns of ``order``.

    The pseudo column ``inner`` puts a resolve phase after the complete phase that it lies in.
    """
    names = records.dtype.names or ()
    rows = [dict(zip(names, values, strict=True)) for values in records.tolist()]
    if "kind" in names:
        for row in rows:
            row["inner"] = row["kind"] == PhaseKind.RESOLVE
    rows.sort(key=lambda row: (row["lane"], *(row[column] for column in order)))
    return rows

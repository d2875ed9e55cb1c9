"""Phases of a trace as the AICPU records of a records file.

Scheduler threads have one stream each; idle time is never written, it is the gap between records.
"""

from collections.abc import Mapping
from typing import Any

from npusim.formats.layout import DUMMY_MARKER, SCHEDULER_KINDS
from npusim.formats.task_rows import Clock, core_lanes
from npusim.trace import LaneKind, PhaseKind, Trace

PhaseRecord = dict[str, Any]


def scheduler_streams(
    trace: Trace, kinds: Mapping[PhaseKind, str] = SCHEDULER_KINDS
) -> list[list[PhaseRecord]]:
    """One list of scheduler records per scheduler lane, in time order, outer before inner.

    Readers expect turns of the scheduler's loop. Of a capture that does not tell them, every record
    that lies in no other counts as one turn.

    Args:
        trace: The run.
        kinds: What the layout calls each kind; others are left out.
    """
    clock = Clock(trace.info.counter_mhz)
    position = {lane: i for i, lane in enumerate(trace.lane_indices(LaneKind.SCHEDULER))}
    streams: list[list[PhaseRecord]] = [[] for _ in position]
    for phase in _with_turns(_in_time_order(trace), set(position)):
        if phase["kind"] in kinds:
            stream = streams[position[phase["lane"]]]
            stream.append(_scheduler_record(phase, kinds[phase["kind"]], clock))
            if phase["kind"] == PhaseKind.DUMMY and phase["task"] >= 0:
                stream.append(_dummy_marker(phase, trace.tasks[phase["task"]].task_id, clock))
    return streams


def orchestrator_streams(trace: Trace) -> list[list[PhaseRecord]]:
    """One list of submit records per orchestrator lane that submitted a task."""
    clock = Clock(trace.info.counter_mhz)
    lanes = trace.lane_indices(LaneKind.ORCHESTRATOR)
    submits: dict[int, list[PhaseRecord]] = {lane: [] for lane in lanes}
    for phase in _in_time_order(trace):
        if phase["kind"] == PhaseKind.SUBMIT and phase["task"] >= 0 and phase["lane"] in submits:
            submits[phase["lane"]].append(phase)
    streams, submit_idx = [], 0
    for phases in submits.values():
        stream = []
        for phase in phases:
            stream.append(
                {
                    "submit_idx": submit_idx,
                    "task_id": trace.tasks[phase["task"]].task_id,
                    "start_cycles": clock.tick(phase["start_ps"]),
                    "end_cycles": clock.tick(phase["end_ps"]),
                }
            )
            submit_idx += 1
        if stream:
            streams.append(stream)
    return streams


def core_to_stream(trace: Trace) -> list[int]:
    """Position of the owning scheduler's stream per core id; -1 for a core nobody owns."""
    schedulers = trace.lane_indices(LaneKind.SCHEDULER)
    position = {trace.lanes[lane].thread: i for i, lane in enumerate(schedulers)}
    return [position.get(trace.lanes[index].thread, -1) for index in core_lanes(trace)]


def _in_time_order(trace: Trace) -> list[dict[str, Any]]:
    names = trace.phases.dtype.names or ()
    rows = [dict(zip(names, row, strict=True)) for row in trace.phases.tolist()]
    # A resolve phase lies inside a complete one and may start with it: the outer record leads.
    rows.sort(key=lambda row: (row["start_ps"], row["kind"] == PhaseKind.RESOLVE, row["end_ps"]))
    return rows


def _with_turns(phases: list[dict[str, Any]], lanes: set[int]) -> list[dict[str, Any]]:
    own = [phase for phase in phases if phase["lane"] in lanes]
    if any(phase["loop_iter"] for phase in own):
        return own
    turns = dict.fromkeys(lanes, 0)
    counted = []
    for phase in own:
        if phase["kind"] != PhaseKind.RESOLVE:
            turns[phase["lane"]] += 1
        counted.append({**phase, "loop_iter": turns[phase["lane"]]})
    return counted


def _scheduler_record(phase: dict[str, Any], kind: str, clock: Clock) -> PhaseRecord:
    record = {
        "kind": kind,
        "start_cycles": clock.tick(phase["start_ps"]),
        "end_cycles": clock.tick(phase["end_ps"]),
        "loop_iter": phase["loop_iter"],
        "tasks_processed": phase["count"],
    }
    if kind == SCHEDULER_KINDS[PhaseKind.DISPATCH]:
        record |= {"pop_hit": phase["pop_hit"], "pop_miss": phase["pop_miss"]}
    return record | _depths(phase)


def _dummy_marker(phase: dict[str, Any], task_id: int, clock: Clock) -> PhaseRecord:
    end = clock.tick(phase["end_ps"])
    return {
        "kind": DUMMY_MARKER,
        "start_cycles": end,
        "end_cycles": end,
        "loop_iter": phase["loop_iter"],
        "tasks_processed": 1,
        "task_id": task_id,
    } | _depths(phase)


def _depths(phase: dict[str, Any]) -> PhaseRecord:
    return {
        "shared_at_start": [int(depth) for depth in phase["ready_start"]],
        "shared_at_end": [int(depth) for depth in phase["ready_end"]],
    }

"""Slices of a trace as the dispatch rows of a records file.

One dispatch, in counter ticks; the scheduler stamps the outer times, the core the inner ones::

    scheduler  dispatch ----------------------------------------------- finish
    core                 receive -- start ================ end
                         |<- r2s ->|
"""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.errors import TraceError, UsageError
from npusim.formats.layout import TIME_ORIGIN_TICKS
from npusim.trace import NO_TIME, LaneKind, Trace
from npusim.units import ps_to_ticks


@dataclass(frozen=True, slots=True)
class TaskRows:
    """``aicore_tasks`` and ``aicpu_tasks`` of a records file, grouped by core id."""

    aicore: list[list[int]]
    aicpu: list[list[int]]
    blocks: list[int]
    """Block of each row of ``aicore``."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The counter of a capture: its rate, and the tick of simulated time 0."""

    counter_mhz: int
    origin_ticks: int = TIME_ORIGIN_TICKS

    def tick(self, time_ps: int) -> int:
        """Counter value at ``time_ps``; floors, so times keep their order."""
        return self.origin_ticks + ps_to_ticks(time_ps, self.counter_mhz)


def core_lanes(trace: Trace) -> list[int]:
    """Indices of the core lanes of ``trace`` by core id; the place in the list is the file's id.

    A records file numbers cores from 0 without gaps. A capture that shows some of the cores only,
    or counts from 1, is numbered anew: cores keep their order, and so the names of their lanes.

    Raises:
        TraceError: If two core lanes have one core id.
    """
    indices = trace.lane_indices(LaneKind.AIC, LaneKind.AIV)
    indices.sort(key=lambda index: trace.lanes[index].core_id)
    for before, after in itertools.pairwise(trace.lanes[index] for index in indices):
        if before.core_id == after.core_id:
            msg = (
                f"trace: lanes {before.name} and {after.name} have core id {after.core_id}; "
                "expected an id of its own for each core lane"
            )
            raise TraceError(msg)
    return indices


def build_task_rows(
    trace: Trace, *, has_scheduler_times: bool, gate_margin_ticks: int = 0
) -> TaskRows:
    """Rows of every slice, in dispatch order within each core.

    A receive that precedes the end of the core's previous slice or of a predecessor is moved there:
    a gated early dispatch re-stamps it when the gate opens, and so does the device.

    Args:
        trace: The run.
        has_scheduler_times: Also make the rows of the schedulers.
        gate_margin_ticks: How much later than the end of a predecessor a receive is at least, as
            far as the start of the kernel allows. Converters of mid 2026 compare the two as floats
            and take equal ones for a violation.

    Raises:
        UsageError: If scheduler times are asked for and a slice has none.
        TraceError: If two cores have one id or a slice is on a lane that is no core.
    """
    clock = Clock(trace.info.counter_mhz)
    lanes = core_lanes(trace)
    _refuse_other_lanes(trace, lanes)
    if has_scheduler_times:
        _refuse_missing_times(trace)
    gate_ps = _gates(trace)
    slices, receive_ps = trace.slices, _gated_receive(trace, gate_ps)
    core_of_lane = np.zeros(len(trace.lanes), np.int64)
    core_of_lane[lanes] = np.arange(len(lanes))
    cores = core_of_lane[slices["lane"]]
    rows, dispatched = TaskRows([], [], []), [0] * len(lanes)
    for index in np.lexsort((slices["end_ps"], slices["start_ps"], cores)).tolist():
        _, task, block, _, dispatch_ps, _, start_ps, end_ps, finish_ps, _ = slices[index].item()
        rows.blocks.append(block)
        core, token = int(cores[index]), trace.tasks[task].task_id
        reg_task_id = dispatched[core]
        dispatched[core] += 1
        start, receive = clock.tick(start_ps), clock.tick(int(receive_ps[index]))
        end = clock.tick(end_ps)
        if gate_margin_ticks and gate_ps[task] != NO_TIME:
            gate = clock.tick(int(gate_ps[task])) + gate_margin_ticks
            receive = min(max(receive, gate), start)
        rows.aicore.append([core, token, reg_task_id, start, end, start - receive])
        if has_scheduler_times:
            times = [clock.tick(dispatch_ps), clock.tick(finish_ps)]
            rows.aicpu.append([core, reg_task_id, *times])
    return rows


def _refuse_other_lanes(trace: Trace, lanes: list[int]) -> None:
    bad = np.flatnonzero(~np.isin(trace.slices["lane"], lanes))
    if len(bad):
        lane = trace.lanes[trace.slices["lane"][bad[0]]]
        msg = f"trace: slice {bad[0]} is on lane {lane.name}; expected a core lane"
        raise TraceError(msg)


def _refuse_missing_times(trace: Trace) -> None:
    slices = trace.slices
    bad = np.flatnonzero((slices["dispatch_ps"] == NO_TIME) | (slices["finish_ps"] == NO_TIME))
    if len(bad):
        task = trace.tasks[slices["task"][bad[0]]]
        msg = (
            f"write_capture: slice {bad[0]} of task {task.task_id} has no dispatch or finish time; "
            "expected both from level 2 on; write level 1"
        )
        raise UsageError(msg)


def _gates(trace: Trace) -> npt.NDArray[np.int64]:
    """Per task when its last predecessor ended, -1 without one that ran."""
    task_end = np.full(len(trace.tasks), NO_TIME, np.int64)
    np.maximum.at(task_end, trace.slices["task"], trace.slices["end_ps"])
    gate = np.full(len(trace.tasks), NO_TIME, np.int64)
    np.maximum.at(gate, trace.edges["succ"], task_end[trace.edges["pred"]])
    return gate


def _gated_receive(trace: Trace, gate: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    slices = trace.slices
    receive = np.where(slices["receive_ps"] == NO_TIME, slices["start_ps"], slices["receive_ps"])
    receive = np.maximum(receive, gate[slices["task"]])
    order = np.lexsort((slices["end_ps"], slices["start_ps"], slices["lane"]))
    before, after = order[:-1], order[1:]
    is_same_lane = slices["lane"][before] == slices["lane"][after]
    before, after = before[is_same_lane], after[is_same_lane]
    receive[after] = np.maximum(receive[after], slices["end_ps"][before])
    gated: npt.NDArray[np.int64] = np.minimum(receive, slices["start_ps"])
    return gated

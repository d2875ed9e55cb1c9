"""From the event log to the trace."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npusim.hardware.spec import ChipSpec
from npusim.program import CoreType, Program
from npusim.simulator.log import EventLog
from npusim.simulator.machine import Core
from npusim.simulator.options import SimulationOptions
from npusim.simulator.runtime_state import RuntimeState
from npusim.simulator.task_state import TaskState
from npusim.simulator.waits import list_waits
from npusim.trace import (
    EDGE_DTYPE,
    PHASE_DTYPE,
    SLICE_DTYPE,
    WAIT_DTYPE,
    Lane,
    LaneKind,
    Trace,
    TraceInfo,
    TraceTask,
)
from npusim.trace.model import Records

if TYPE_CHECKING:
    from npusim.dependencies import TaskGraph


def build_trace(
    state: RuntimeState, program: Program, graph: "TaskGraph", options: SimulationOptions
) -> Trace:
    """The trace of a finished simulation.

    Lanes are the cores in order of their number, then the scheduler threads, then the orchestrator.

    Raises:
        TraceError: If the log breaks an invariant of a trace, which is a defect of the simulator.
    """
    waits = list_waits(state.log.runs, state.cores, state.tasks)
    return Trace(
        info=_info(program, state.chip, options),
        lanes=build_lanes(state.cores, state.chip),
        tasks=_tasks(state.tasks),
        slices=_slices(state.log),
        waits=np.array(waits, dtype=WAIT_DTYPE),
        phases=_phases(state.log),
        edges=_edges(graph),
    )


def build_lanes(cores: Sequence[Core], chip: ChipSpec) -> tuple[Lane, ...]:
    """The lanes of a device."""
    kinds = {CoreType.AIC: LaneKind.AIC, CoreType.AIV: LaneKind.AIV}
    lanes = [
        Lane(core.lane_name, kinds[core.core_type], core.core_id, core.thread) for core in cores
    ]
    threads = chip.topology.scheduler_thread_count
    lanes += [Lane(f"Sched[{one}]", LaneKind.SCHEDULER, thread=one) for one in range(threads)]
    # The orchestrator is the last AICPU thread (HARDWARE.md section 1).
    lanes.append(Lane("Orch[0]", LaneKind.ORCHESTRATOR, thread=threads))
    return tuple(lanes)


def _info(program: Program, chip: ChipSpec, options: SimulationOptions) -> TraceInfo:
    return TraceInfo(
        kernel=program.kernel,
        variant=program.variant,
        chip=chip.name,
        source="simulated",
        counter_mhz=chip.clock.counter_mhz,
        swimlane_level=options.swimlane_level,
        parameters={
            **program.parameters,
            "deps_mode": options.deps_mode,
            "observer": options.observer,
        },
    )


def _tasks(states: Sequence[TaskState]) -> tuple[TraceTask, ...]:
    functions: dict[str, int] = {}
    return tuple(
        TraceTask(
            task_id=state.task.task_id,
            func_id=functions.setdefault(state.task.name, len(functions)),
            name=state.task.name,
            core_type=str(state.task.core_type),
            block_num=state.task.block_num,
            submit_start_ps=state.submit_start_ps,
            submit_end_ps=state.submit_end_ps,
            ready_ps=state.ready_ps,
            is_dummy=state.task.is_dummy,
            has_early_dispatch=False,
        )
        for state in states
    )


def _slices(log: EventLog) -> Records:
    runs = sorted(log.runs, key=lambda run: (run.start_ps, run.core.core_id, run.end_ps))
    rows = [
        (
            run.core.core_id,
            run.task,
            run.block,
            run.core.slot,
            run.dispatch_ps,
            run.receive_ps,
            run.start_ps,
            run.end_ps,
            run.finish_ps,
            run.stall_ps,
        )
        for run in runs
    ]
    return np.array(rows, dtype=SLICE_DTYPE)


def _phases(log: EventLog) -> Records:
    phases = sorted(log.phases, key=lambda one: (one.start_ps, one.lane, -one.end_ps))
    names = PHASE_DTYPE.names or ()
    rows = [tuple(getattr(phase, name) for name in names) for phase in phases]
    return np.array(rows, dtype=PHASE_DTYPE)


def _edges(graph: "TaskGraph") -> Records:
    edges = np.zeros(len(graph.edges), EDGE_DTYPE)
    if len(edges):
        edges["pred"], edges["succ"] = graph.edges[:, 0], graph.edges[:, 1]
        edges["source"] = graph.sources
    return edges

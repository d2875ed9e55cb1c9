"""From the log of a simulation to the trace."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from npusim.hardware.spec import ChipSpec
from npusim.program import CoreType
from npusim.simulator.log import PHASE_COLUMNS, RUN_COLUMNS, EventLog
from npusim.simulator.machine import Core
from npusim.simulator.options import ORCHESTRATOR_LEVEL, SCHEDULER_LEVEL, SimulationOptions
from npusim.simulator.task_state import TaskState
from npusim.simulator.waits import TaskTimes, list_waits
from npusim.simulator.work import IntArray, RuntimeWork
from npusim.trace import (
    EDGE_DTYPE,
    PHASE_DTYPE,
    SLICE_DTYPE,
    Lane,
    LaneKind,
    PhaseKind,
    RingUse,
    Trace,
    TraceInfo,
    TraceTask,
)
from npusim.trace.model import Records

_RUN_DTYPE = np.dtype([(name, np.int64) for name in RUN_COLUMNS])


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """What became of every task, one entry each."""

    submit_start_ps: IntArray
    submit_end_ps: IntArray
    ready_ps: IntArray
    end_ps: IntArray


def outcome_of(states: Sequence[TaskState]) -> TaskOutcome:
    """The times of tasks that a simulation has brought to their end."""

    def column(name: str) -> IntArray:
        return np.fromiter((getattr(one, name) for one in states), np.int64, len(states))

    return TaskOutcome(
        submit_start_ps=column("submit_start_ps"),
        submit_end_ps=column("submit_end_ps"),
        ready_ps=column("ready_ps"),
        end_ps=column("end_ps"),
    )


def build_trace(
    work: RuntimeWork,
    chip: ChipSpec,
    options: SimulationOptions,
    cores: Sequence[Core],
    outcome: TaskOutcome,
    log: EventLog,
    *,
    threads: int,
    rings: RingUse | None = None,
) -> Trace:
    """The trace of a finished simulation.

    Lanes are the cores in order of their number, then the scheduler threads, then the orchestrator.
    A run that did not watch its rings has none to give.

    Raises:
        TraceError: If the log breaks an invariant of a trace, which is a defect of the simulator.
    """
    runs = log.runs.view(_RUN_DTYPE)[:, 0]
    times = TaskTimes(
        end_ps=outcome.end_ps,
        submit_end_ps=outcome.submit_end_ps,
        ready_ps=outcome.ready_ps,
        is_mix=np.array([one is CoreType.MIX for one in work.core_types], np.bool_),
        is_cohort=work.sync_start & (work.block_num > 1),
    )
    phases = _phases(log)
    clusters = np.array([core.cluster for core in cores], np.int64)
    return Trace(
        info=_info(work, chip, options, _recorded_level(options, runs, phases)),
        lanes=build_lanes(cores, threads),
        tasks=_tasks(work, outcome),
        slices=_slices(runs),
        waits=list_waits(runs, clusters, times, work.edges),
        phases=phases,
        edges=_edges(work),
        rings=rings or RingUse(),
    )


def build_lanes(cores: Sequence[Core], threads: int) -> tuple[Lane, ...]:
    """The lanes of a device with that many scheduler threads."""
    kinds = {CoreType.AIC: LaneKind.AIC, CoreType.AIV: LaneKind.AIV}
    lanes = [
        Lane(core.lane_name, kinds[core.core_type], core.core_id, core.thread) for core in cores
    ]
    lanes += [Lane(f"Sched[{one}]", LaneKind.SCHEDULER, thread=one) for one in range(threads)]
    # The orchestrator is the last AICPU thread (HARDWARE.md section 1).
    lanes.append(Lane("Orch[0]", LaneKind.ORCHESTRATOR, thread=threads))
    return tuple(lanes)


def _recorded_level(options: SimulationOptions, runs: Records, phases: Records) -> int:
    """The level that was asked for, or less where a policy has no such threads to record."""
    level = options.swimlane_level
    kinds = set(phases["kind"].tolist())
    if not len(runs):
        return level
    if PhaseKind.SUBMIT not in kinds:
        level = min(level, ORCHESTRATOR_LEVEL - 1)
    if not kinds - {PhaseKind.SUBMIT}:
        level = min(level, SCHEDULER_LEVEL - 1)
    return level


def _info(
    work: RuntimeWork, chip: ChipSpec, options: SimulationOptions, swimlane_level: int
) -> TraceInfo:
    return TraceInfo(
        kernel=work.kernel,
        variant=work.variant,
        chip=chip.name,
        source="simulated",
        counter_mhz=chip.clock.counter_mhz,
        swimlane_level=swimlane_level,
        parameters={
            **work.parameters,
            "deps_mode": options.deps_mode,
            "observer": options.observer,
            **({} if options.swimlane_charged else {"swimlane_charged": False}),
            "policy": options.policy,
            **{f"policy_{name}": value for name, value in options.policy_parameters.items()},
        },
    )


def _tasks(work: RuntimeWork, outcome: TaskOutcome) -> tuple[TraceTask, ...]:
    functions: dict[str, int] = {}
    columns = zip(
        work.names,
        work.core_types,
        work.block_num.tolist(),
        outcome.submit_start_ps.tolist(),
        outcome.submit_end_ps.tolist(),
        outcome.ready_ps.tolist(),
        work.is_dummy.tolist(),
        work.allow_early_resolve.tolist(),
        work.is_predicated.tolist(),
        work.sync_start.tolist(),
        strict=True,
    )
    return tuple(
        TraceTask(
            task_id,
            functions.setdefault(name, len(functions)),
            name,
            core_type.value,
            block_num,
            submit_start_ps,
            submit_end_ps,
            ready_ps,
            is_dummy,
            is_flagged,
            is_predicated,
            is_cohort,
        )
        for task_id, (
            name,
            core_type,
            block_num,
            submit_start_ps,
            submit_end_ps,
            ready_ps,
            is_dummy,
            is_flagged,
            is_predicated,
            is_cohort,
        ) in enumerate(columns)
    )


def _slices(runs: Records) -> Records:
    slices = np.zeros(len(runs), SLICE_DTYPE)
    order = np.lexsort((runs["end_ps"], runs["lane"], runs["start_ps"]))
    for name in SLICE_DTYPE.names or ():
        slices[name] = runs[name][order]
    return slices


def _phases(log: EventLog) -> Records:
    rows = log.phases
    column = {name: rows[:, index] for index, name in enumerate(PHASE_COLUMNS)}
    order = np.lexsort((-column["end_ps"], column["lane"], column["start_ps"]))
    phases = np.zeros(len(rows), PHASE_DTYPE)
    for name in PHASE_DTYPE.names or ():
        if name not in {"ready_start", "ready_end"}:
            phases[name] = column[name][order]
    for axis, shape in enumerate(("aic", "aiv", "mix")):
        phases["ready_start"][:, axis] = column[f"{shape}_start"][order]
        phases["ready_end"][:, axis] = column[f"{shape}_end"][order]
    return phases


def _edges(work: RuntimeWork) -> Records:
    edges = np.zeros(len(work.edges), EDGE_DTYPE)
    edges["pred"], edges["succ"] = work.edges[:, 0], work.edges[:, 1]
    edges["source"] = work.sources
    return edges

"""A synthetic run on a small chip, with every kind of task, for the tests of npusim.formats.

A deterministic list schedule at picosecond times that are no multiple of a counter tick: single
AIC and AIV tasks, SPMD tasks that land several times on a core, MIX and SPMD MIX clusters, a dummy,
and a gated early dispatch.
"""

from dataclasses import dataclass

import numpy as np

from npusim.program import (
    ACCESS_DTYPE,
    BLOCK_DTYPE,
    OP_DTYPE,
    TILE_DTYPE,
    Argument,
    CoreType,
    Program,
    Task,
    TensorInfo,
    TensorRole,
)
from npusim.trace import (
    EDGE_DTYPE,
    PHASE_DTYPE,
    SLICE_DTYPE,
    WAIT_DTYPE,
    EdgeSource,
    Lane,
    LaneKind,
    PhaseKind,
    Trace,
    TraceInfo,
    TraceTask,
)
from npusim.units import us_to_ps

SLOTS = {"aic": (0,), "aiv": (1,), "mix": (0, 1, 2)}
DISPATCH_PS, RECEIVE_PS, SETUP_PS, FINISH_PS = 60_321, 320_777, 180_123, 900_457
SUBMIT_PS = 805_003


@dataclass(frozen=True)
class Job:
    name: str
    core_type: str
    blocks: int
    duration_us: float
    preds: tuple[int, ...] = ()
    is_dummy: bool = False
    is_early: bool = False


JOBS = (
    Job("rms_norm", "aiv", 6, 6.0, is_early=True),
    Job("q_proj", "aic", 5, 7.3, (0,)),
    Job("barrier", "aiv", 1, 0.0, (1,), is_dummy=True),
    Job("qk_matmul", "aic", 1, 9.1, (2,)),
    Job("qk_matmul", "aic", 1, 9.7, (2,)),
    Job("softmax", "aiv", 1, 7.2, (3,)),
    Job("softmax", "aiv", 1, 7.9, (4,)),
    Job("out_proj", "mix", 1, 11.0, (5, 6), is_early=True),
    Job("gate_up", "mix", 4, 16.0, (7,)),
    Job("down_proj", "aic", 2, 5.0, (8, 3)),
)


class ChipRun:
    """Schedules ``jobs`` on ``clusters`` clusters with two scheduler threads."""

    def __init__(self, jobs: tuple[Job, ...] = JOBS, clusters: int = 2) -> None:
        self.jobs, self.clusters = jobs, clusters
        self.lanes = [
            *(Lane(f"AIC[{i}]", LaneKind.AIC, i, i % 2) for i in range(clusters)),
            *(
                Lane(f"AIV[{i}]", LaneKind.AIV, clusters + i, i // 2 % 2)
                for i in range(2 * clusters)
            ),
            Lane("Sched[0]", LaneKind.SCHEDULER, thread=0),
            Lane("Sched[1]", LaneKind.SCHEDULER, thread=1),
            Lane("Orch[0]", LaneKind.ORCHESTRATOR, thread=2),
        ]
        self.free = [0] * (3 * clusters)
        self.slices: list[tuple[int, ...]] = []
        self.stamps: list[tuple[int, int, PhaseKind]] = []
        self.dummies: list[tuple[int, int]] = []
        self.finish: list[int] = []
        self.end: list[int] = []

    def build(self, counter_mhz: int = 50) -> Trace:
        tasks, phases = [], []
        for index, job in enumerate(self.jobs):
            submit = us_to_ps(1) + index * (SUBMIT_PS + 7)
            tasks.append(
                TraceTask(
                    10 + index,
                    [j.name for j in self.jobs].index(job.name),
                    job.name,
                    job.core_type,
                    job.blocks,
                    submit,
                    submit + SUBMIT_PS,
                    is_dummy=job.is_dummy,
                    has_early_dispatch=job.is_early,
                )
            )
            times = (submit, submit + SUBMIT_PS)
            counts = (0, 0, 0, 0, (0, 0, 0), (0, 0, 0))
            phases.append((self.lane("Orch[0]"), PhaseKind.SUBMIT, *times, index, *counts))
            self._run(index, job, submit + SUBMIT_PS)
        return Trace(
            TraceInfo("demo", "basic", "a2a3", "simulated", counter_mhz, 4),
            tuple(self.lanes),
            tuple(tasks),
            np.array(self.slices, SLICE_DTYPE),
            np.empty(0, WAIT_DTYPE),
            np.array(phases + self._scheduler_phases(), PHASE_DTYPE),
            np.array(
                [
                    (pred, index, EdgeSource.EXPLICIT if job.is_dummy else EdgeSource.TENSORMAP)
                    for index, job in enumerate(self.jobs)
                    for pred in job.preds
                ],
                EDGE_DTYPE,
            ),
        )

    def lane(self, name: str) -> int:
        return [lane.name for lane in self.lanes].index(name)

    def _run(self, index: int, job: Job, submitted: int) -> None:
        ready = max([submitted, *(self.finish[pred] for pred in job.preds)]) + 500_111
        gate = max([0, *(self.end[pred] for pred in job.preds)])
        if job.is_dummy:
            self.dummies.append((ready, index))
            self.finish.append(ready)
            self.end.append(ready)
            return
        is_gated = bool(job.preds) and all(self.jobs[pred].is_early for pred in job.preds)
        ends = [
            self._run_block(index, job, block, gate - 2_000_000 if is_gated else ready, gate)
            for block in range(job.blocks)
        ]
        self.end.append(max(ends))
        self.finish.append(max(ends) + FINISH_PS)

    def _run_block(self, index: int, job: Job, block: int, first: int, gate: int) -> int:
        clusters = self.clusters
        if job.core_type == "mix":
            c = min(range(clusters), key=lambda c: max(self.free[k] for k in self._cluster(c)))
            cores = self._cluster(c)
        else:
            pool = range(clusters) if job.core_type == "aic" else range(clusters, 3 * clusters)
            cores = [min(pool, key=lambda core: (self.free[core], core))]
        last = 0
        for slot, core in zip(SLOTS[job.core_type], cores, strict=True):
            dispatch = first + DISPATCH_PS * block
            # A gated task is seen by its core while the producer still runs.
            receive = max(dispatch + RECEIVE_PS, self.free[core])
            start = max(receive, gate) + SETUP_PS
            end = start + us_to_ps(job.duration_us) + 13_337 * block
            finish = end + FINISH_PS
            row = (core, index, block, slot, dispatch, receive, start, end, finish, 0)
            self.slices.append(row)
            thread = self.lanes[core].thread
            self.stamps += [(thread, dispatch, PhaseKind.DISPATCH)]
            self.stamps += [(thread, finish, PhaseKind.COMPLETE)]
            self.free[core] = end
            last = max(last, end)
        return last

    def _cluster(self, c: int) -> list[int]:
        return [c, self.clusters + 2 * c, self.clusters + 2 * c + 1]

    def _scheduler_phases(self) -> list[tuple[object, ...]]:
        """One record per run of equal stamps, each from just before its first to its last."""
        phases: list[tuple[object, ...]] = []
        for thread in (0, 1):
            stamps = sorted((time, kind) for t, time, kind in self.stamps if t == thread)
            stamps += [(t, PhaseKind.DUMMY) for t, _ in self.dummies if thread == 0]
            stamps.sort()
            lane, before, loop_iter = self.lane(f"Sched[{thread}]"), 0, 0
            while stamps:
                kind, count = stamps[0][1], 1
                most = 1 if kind is PhaseKind.DUMMY else 3
                while count < len(stamps) and stamps[count][1] == kind and count < most:
                    count += 1
                start = max(before, stamps[0][0] - 40_000)
                end = stamps[count - 1][0]
                before, loop_iter, stamps = end, loop_iter + 2, stamps[count:]
                task = dict(self.dummies)[end] if kind is PhaseKind.DUMMY else -1
                counts = (count, loop_iter, count if kind is PhaseKind.DISPATCH else 0, 1)
                depths = ((count, 0, 0), (0, 0, 0))
                phases.append((lane, kind, start, end, task, *counts, *depths))
                if kind is PhaseKind.COMPLETE:
                    inner = (start, start + (end - start) // 2)
                    resolve = (lane, PhaseKind.RESOLVE, *inner, -1, 1, loop_iter, 0, 0)
                    phases.append((*resolve, (0, 0, 0), (0, 0, 0)))
        return phases


def chip_program(jobs: tuple[Job, ...] = JOBS) -> Program:
    """A recording with the tasks of ``jobs``: each writes a tensor that its successors read."""
    tensors = tuple(
        TensorInfo(i, f"t{i}", (16, 64), "BF16", 2048, TensorRole.SCRATCH)
        for i, _ in enumerate(jobs)
    )

    def argument(tensor: int, *, is_written: bool) -> Argument:
        return Argument(tensor, 0, (16, 64), (64, 1), not is_written, is_written, is_written)

    tasks = tuple(
        Task(
            10 + index,
            job.name,
            CoreType(job.core_type),
            job.blocks,
            0,
            (
                *(argument(pred, is_written=False) for pred in job.preds),
                argument(index, is_written=True),
            ),
            (),
            is_dummy=job.is_dummy,
            is_manual=index == 0,
            allow_early_resolve=job.is_early,
        )
        for index, job in enumerate(jobs)
    )
    empty = (np.empty(0, dtype) for dtype in (OP_DTYPE, TILE_DTYPE, ACCESS_DTYPE, BLOCK_DTYPE))
    return Program("demo", "basic", {}, tensors, tasks, (), (), (), (), (), *empty)


def test_the_run_has_every_kind_of_task() -> None:
    trace = ChipRun().build()
    assert {task.core_type for task in trace.tasks} == {"aic", "aiv", "mix"}
    assert any(task.is_dummy for task in trace.tasks)
    rows_of_a_task_on_a_core = np.unique(trace.slices[["lane", "task"]], return_counts=True)[1]
    assert rows_of_a_task_on_a_core.max() == 3


def test_the_gated_task_is_received_before_its_producer_ends() -> None:
    trace = ChipRun().build()
    producer_end = trace.slices["end_ps"][trace.slices["task"] == 7].max()
    gated = trace.slices[trace.slices["task"] == 8]
    assert gated["receive_ps"].min() < producer_end <= gated["start_ps"].min()

"""Synthetic traces for tests: say what ran where and when, in microseconds.

    builder = TraceBuilder(aic=1, aiv=1)
    qk = builder.task("qk", "aic")
    softmax = builder.task("softmax", "aiv")
    builder.run(qk, "AIC[0]", 0, 10)
    builder.run(softmax, "AIV[0]", 12, 15, blamed=qk)   # the gap before it: waited for qk
    trace = builder.build()

The gap before a slice is one wait with the reason given to ``run``; the time after the last slice
of a lane is NO_WORK. So busy and waits add up to the span without saying so in every test.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
    WaitReason,
)
from npusim.units import us_to_ps

NO_TASK = -1


@dataclass(frozen=True)
class _Run:
    task: int
    lane: int
    block: int
    start_ps: int
    end_ps: int
    stall_ps: int
    reason: WaitReason
    blamed: int
    setup_ps: int
    """The last part of the gap before the slice, accounted as DISPATCH."""


@dataclass
class TraceBuilder:
    """Collects tasks, slices, phases and edges; ``build`` makes the trace."""

    aic: int = 1
    aiv: int = 2
    schedulers: int = 1
    has_waits: bool = True
    kernel: str = "demo"
    variant: str = "default"
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tasks: list[TraceTask] = []
        self._runs: list[_Run] = []
        self._phases: list[tuple[Any, ...]] = []
        self._edges: list[tuple[int, int, EdgeSource]] = []
        self.lanes = device_lanes(self.aic, self.aiv, self.schedulers)
        self._lane_index = {lane.name: index for index, lane in enumerate(self.lanes)}

    def task(self, name: str, core_type: str = "aiv", blocks: int = 1, **fields: Any) -> int:
        """Adds a task and returns its index; ``fields`` go to TraceTask."""
        names = list(dict.fromkeys([*(task.name for task in self.tasks), name]))
        task_id = len(self.tasks) + 100  # not the index, so that tests notice a mix-up
        task = TraceTask(task_id, names.index(name), name, core_type, blocks, **fields)
        self.tasks.append(task)
        return len(self.tasks) - 1

    def run(
        self,
        task: int,
        lane: str,
        start_us: float,
        end_us: float,
        *,
        block: int = 0,
        stall_us: float = 0,
        reason: WaitReason = WaitReason.DEPENDENCY,
        blamed: int = NO_TASK,
        setup_us: float = 0,
    ) -> None:
        """Adds one kernel execution; ``reason`` explains the gap before it, if there is one."""
        self._runs.append(
            _Run(
                task,
                self._lane_index[lane],
                block,
                us_to_ps(start_us),
                us_to_ps(end_us),
                us_to_ps(stall_us),
                reason,
                blamed,
                us_to_ps(setup_us),
            )
        )

    def phase(
        self, lane: str, kind: PhaseKind, start_us: float, end_us: float, task: int = NO_TASK
    ) -> None:
        """Adds one piece of work of an AICPU thread."""
        times = us_to_ps(start_us), us_to_ps(end_us)
        depths = (0, 0, 0)
        self._phases.append(
            (self._lane_index[lane], kind, *times, task, 1, 0, 0, 0, depths, depths)
        )

    def edge(self, pred: int, succ: int, source: EdgeSource = EdgeSource.TENSORMAP) -> None:
        """Adds one dependency edge between task indices."""
        self._edges.append((pred, succ, source))

    def build(self) -> Trace:
        """The trace; its invariants are checked by the constructor."""
        info = TraceInfo(
            self.kernel, self.variant, "a2a3", "simulated", 50, 4, "recorded", self.parameters
        )
        slices = [
            (r.lane, r.task, r.block, 0, *(r.start_ps,) * 3, r.end_ps, r.end_ps, r.stall_ps)
            for r in self._runs
        ]
        waits = list(self._waits()) if self.has_waits else []
        return Trace(
            info,
            tuple(self.lanes),
            tuple(self.tasks),
            np.array(slices, dtype=SLICE_DTYPE),
            np.array(waits, dtype=WAIT_DTYPE),
            np.array(self._phases, dtype=PHASE_DTYPE),
            np.array(self._edges, dtype=EDGE_DTYPE),
        )

    def _waits(self) -> Iterable[tuple[int, int, int, int, int, int]]:
        span_start = min((r.start_ps for r in self._runs), default=0)
        span_end = max((r.end_ps for r in self._runs), default=0)
        for index, lane in enumerate(self.lanes):
            if not lane.kind.is_core:
                continue
            now = span_start
            for r in sorted((r for r in self._runs if r.lane == index), key=lambda r: r.start_ps):
                split = max(now, r.start_ps - r.setup_ps)
                if split > now:
                    yield index, now, split, r.reason, r.task, r.blamed
                if r.start_ps > split:
                    yield index, split, r.start_ps, WaitReason.DISPATCH, r.task, NO_TASK
                now = r.end_ps
            if span_end > now:
                yield index, now, span_end, WaitReason.NO_WORK, NO_TASK, NO_TASK


def device_lanes(aic: int, aiv: int, schedulers: int) -> list[Lane]:
    """Cores, AIC first, then scheduler threads, then the orchestrator."""
    return [
        *(Lane(f"AIC[{i}]", LaneKind.AIC, core_id=i) for i in range(aic)),
        *(Lane(f"AIV[{i}]", LaneKind.AIV, core_id=aic + i) for i in range(aiv)),
        *(Lane(f"Sched[{i}]", LaneKind.SCHEDULER, thread=i) for i in range(schedulers)),
        Lane("Orch[0]", LaneKind.ORCHESTRATOR, thread=schedulers),
    ]


def layered_trace(
    scopes: dict[str, str],
    *,
    blocks: int = 16,
    aic: int = 24,
    aiv: int = 48,
    seed: int = 0,
    variant: str = "default",
    has_waits: bool = True,
) -> Trace:
    """A trace that looks like a kernel: each scope runs after the one before it has ended.

    ``scopes`` maps a name to ``aic``, ``aiv`` or ``mix``; each has ``blocks`` tasks of one block
    with random durations, put on the lanes of its type in turn. A MIX task runs on AIC[i], AIV[2i]
    and AIV[2i+1].
    """
    random = np.random.default_rng(seed)
    builder = TraceBuilder(aic, aiv, 3, has_waits, "layered", variant, {"blocks": blocks})
    free_us = {lane.name: 1.0 for lane in builder.lanes}
    layer_end_us, blamed = 1.0, NO_TASK
    for scope, core_type in scopes.items():
        nominal_us, ends_us = random.uniform(5, 40), []
        for number in range(blocks):
            task = builder.task(scope, core_type)
            lanes = _lanes_for(builder, core_type, number)
            start_us = max([layer_end_us + 2 + 0.3 * number, *(free_us[name] for name in lanes)])
            end_us = start_us + nominal_us * random.uniform(0.8, 1.3)
            for name in lanes:
                builder.run(task, name, start_us, end_us, blamed=blamed, setup_us=1.5)
                free_us[name] = end_us
            if blamed != NO_TASK:
                builder.edge(blamed, task)
            submit_us = free_us["Orch[0]"]
            builder.phase("Orch[0]", PhaseKind.SUBMIT, submit_us, submit_us + 0.8, task)
            free_us["Orch[0]"] = submit_us + 0.9
            ends_us.append(end_us)
            _dispatch(builder, f"Sched[{number % 3}]", start_us - 1, free_us)
        layer_end_us, blamed = max(ends_us), len(builder.tasks) - 1
    return builder.build()


def _lanes_for(builder: TraceBuilder, core_type: str, number: int) -> list[str]:
    if core_type == "mix":
        core = number % min(builder.aic, builder.aiv // 2)
        return [f"AIC[{core}]", f"AIV[{2 * core}]", f"AIV[{2 * core + 1}]"]
    count = builder.aic if core_type == "aic" else builder.aiv
    return [f"{core_type.upper()}[{number % count}]"]


def _dispatch(builder: TraceBuilder, lane: str, start_us: float, free_us: dict[str, float]) -> None:
    start_us = max(start_us, free_us[lane])
    builder.phase(lane, PhaseKind.COMPLETE, start_us, start_us + 0.6)
    builder.phase(lane, PhaseKind.RESOLVE, start_us + 0.1, start_us + 0.4)
    builder.phase(lane, PhaseKind.DISPATCH, start_us + 0.6, start_us + 1.0)
    free_us[lane] = start_us + 1.0

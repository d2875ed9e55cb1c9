"""Work with one known bubble, run by the real runtime model with fixed durations."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.analysis.causes import CAUSES, idle_causes
from npusim.hardware import load_chip
from npusim.program import CoreType
from npusim.simulator import SimulationOptions
from npusim.simulator.runtime import simulate_runtime
from npusim.simulator.work import RuntimeWork
from npusim.trace import Trace
from npusim.units import us_to_ps

AIC, AIV, MIX = CoreType.AIC, CoreType.AIV, CoreType.MIX
PS_PER_US = 1_000_000


def planted(
    tasks: Sequence[tuple[str, CoreType, float]],
    edges: Sequence[tuple[int, int]] = (),
    *,
    warm_up: bool = False,
    blocks: Sequence[int] | None = None,
    **columns: Any,
) -> Trace:
    """Name, core type and duration in us of each task, ``blocks`` of that length each."""
    counts = list(blocks or [1] * len(tasks))
    durations = [
        us_to_ps(task[2]) for task, count in zip(tasks, counts, strict=True) for _ in range(count)
    ]
    work = RuntimeWork.build(
        kernel="planted",
        names=[task[0] for task in tasks],
        core_types=[task[1] for task in tasks],
        block_num=counts,
        durations_ps=durations,
        edges=edges,
        **columns,
    )
    return simulate_runtime(work, load_chip("a2a3"), SimulationOptions(warm_up=warm_up))


def idle_us(trace: Trace, scope: str = "", needed: Any = None) -> dict[str, float]:
    """Lane time by cause before the kernels of a scope, or after the last kernels of the lanes."""
    found: dict[str, float] = {}
    for row in idle_causes(trace, None if needed is None else np.array(needed, np.int64)):
        name = trace.tasks[row["task"]].name if row["task"] >= 0 else ""
        if name == scope:
            cause = str(CAUSES[row["cause"]])
            length_us = int(row["end_ps"] - row["start_ps"]) / PS_PER_US
            found[cause] = found.get(cause, 0.0) + length_us
    return found

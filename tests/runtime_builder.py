"""Work for the runtime by hand: tasks of fixed durations, without kernels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npusim.hardware import ChipSpec
from npusim.program import CoreType
from npusim.simulator import RuntimeWork, SimulationOptions, simulate_runtime
from npusim.trace import Trace
from tests.program_builder import round_chip

NS = 1000
"""Picoseconds."""


def make_work(
    tasks: Sequence[tuple[str, CoreType, Sequence[float]]],
    *edges: tuple[int, int],
    **columns: Any,
) -> RuntimeWork:
    """Tasks as (name, shape, duration of each block in ns) with edges (pred, succ)."""
    return RuntimeWork.build(
        kernel="tiny",
        names=[name for name, _, _ in tasks],
        core_types=[shape for _, shape, _ in tasks],
        block_num=[len(blocks) for _, _, blocks in tasks],
        durations_ps=np.array(
            [round(one * NS) for _, _, blocks in tasks for one in blocks], np.int64
        ),
        edges=edges,
        **columns,
    )


def run(work: RuntimeWork, chip: ChipSpec | None = None, **options: Any) -> Trace:
    """The trace of that work on a small chip."""
    return simulate_runtime(work, chip or round_chip(), SimulationOptions(**options))


def quick_chip(**figures: Any) -> ChipSpec:
    """A small chip that submits at once."""
    submit = {"submit_fixed_ns": 1, "submit_user_code_ns": 1, "submit_per_edge_ns": 1}
    return round_chip(**{**submit, **figures})


def of_task(trace: Trace, task: int) -> Any:
    """The slices of one task, by block and core."""
    rows = trace.slices[trace.slices["task"] == task]
    return rows[np.lexsort((rows["lane"], rows["block"]))]


def gap_ns(trace: Trace, producer: int, consumer: int) -> float:
    """From the last end of one task to the first start of another."""
    end, start = (
        of_task(trace, producer)["end_ps"].max(),
        of_task(trace, consumer)["start_ps"].min(),
    )
    return float(start - end) / NS

"""The work for a runtime as a graph of blocks on the cores of a chip."""

import numpy as np

from npusim.analysis.work_graph import WorkGraph, graph_of_slices
from npusim.hardware.spec import ChipSpec
from npusim.program import CoreType
from npusim.simulator.work import RuntimeWork
from npusim.trace import SLICE_DTYPE, LaneKind
from npusim.trace.model import Records


def graph_of_work(work: RuntimeWork, chip: ChipSpec) -> WorkGraph:
    """``work`` on the cores of ``chip``; lanes are core numbers, AIC first.

    Raises:
        TraceError: If the dependencies run in a circle.
    """
    topology = chip.topology
    kinds = [LaneKind.AIC] * topology.aic_count + [LaneKind.AIV] * topology.aiv_count
    slices = work.captured if work.captured is not None else _unplaced(work, chip)
    return graph_of_slices(
        slices,
        task_ids=tuple(range(work.task_count)),
        edges=work.edges.astype(np.int64),
        lane_kinds=kinds,
    )


def _unplaced(work: RuntimeWork, chip: ChipSpec) -> Records:
    """One slice per part of each block, all on the first cores: only the core types count."""
    first_aiv = chip.topology.aic_count
    vectors = [(first_aiv + side, 1 + side) for side in range(chip.topology.aiv_per_cluster)]
    parts = {
        CoreType.AIC: [(0, 0)],
        CoreType.AIV: [(first_aiv, 1)],
        CoreType.MIX: [(0, 0), *vectors],
    }
    durations_ps = iter(() if work.durations_ps is None else work.durations_ps.tolist())
    rows = []
    for task, count in enumerate(work.block_num.tolist()):
        for block in range(count):
            end_ps = next(durations_ps)
            for lane, slot in parts[work.core_types[task]]:
                rows.append((lane, task, block, slot, 0, 0, 0, end_ps, end_ps, 0))
    return np.array(rows, SLICE_DTYPE)

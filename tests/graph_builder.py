"""Small task graphs for tests of bounds and schedules: say what runs where and who waits.

graph = tasks_graph([("aic", 10), ("aiv", 5)], edges=[(0, 1)], aic=1, aiv=2)
"""

import numpy as np

from npusim.analysis.work_graph import WorkGraph, graph_of_slices
from npusim.trace import SLICE_DTYPE, LaneKind

PARTS = {"aic": ((0, 0),), "aiv": ((1, 1),), "mix": ((0, 0), (1, 1), (1, 2)), "none": ()}
"""Core type -> (0 AIC or 1 AIV, sub-slot) of each part of a block."""


def tasks_graph(
    tasks: list[tuple[str, int]],
    edges: list[tuple[int, int]] | None = None,
    *,
    aic: int = 2,
    aiv: int = 4,
    blocks: list[int] | None = None,
    placed: list[tuple[int, ...]] | None = None,
    starts: list[int] | None = None,
) -> WorkGraph:
    """Tasks of one core type and one duration each.

    ``blocks`` are counts per task, 1 by default; ``placed`` the lanes of each task (one block),
    AIC lanes first, and ``starts`` its measured start.
    """
    rows = []
    for task, (shape, duration) in enumerate(tasks):
        start = starts[task] if starts else 0
        for block in range(blocks[task] if blocks else 1):
            for part, (kind, slot) in enumerate(PARTS[shape]):
                lane = placed[task][part] if placed else (aic if kind else 0)
                times = (start, start, start, start + duration, start + duration)
                rows.append((lane, task, block, slot, *times, 0))
    return graph_of_slices(
        np.array(rows, SLICE_DTYPE),
        task_ids=tuple(range(len(tasks))),
        edges=np.array(edges or [], np.int64).reshape(-1, 2),
        lane_kinds=[LaneKind.AIC] * aic + [LaneKind.AIV] * aiv,
    )

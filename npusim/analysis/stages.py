"""Question: how long does each stage wait between being ready and starting?

A stage is a scope: the tasks of one name. It is ready when the last predecessor that its tasks have
outside the stage has ended::

    predecessors  ====|   |== last ==|
    stage                            |-- ready to first start --|== task ==|
                                                                  |== task ==|
"""

import numpy as np

from npusim.analysis.accounting import scopes_by_task
from npusim.analysis.columns import count_column, run_name
from npusim.analysis.table import Cell, Column, Table
from npusim.trace import NO_TIME, Trace
from npusim.units import ps_to_us

_COLUMNS = (
    Column("stage"),
    count_column("tasks"),
    count_column("kernels"),
    *(
        Column(f"{name}_us", "us", ".2f")
        for name in ("mean", "min", "max", "preds_end", "first_start", "ready_to_first_start")
    ),
    Column("last_pred"),
)


def stage_table(trace: Trace) -> Table:
    """One row per scope, by first start; moments count from the begin of the run.

    Returns:
        A table with the columns stage, tasks, kernels; the mean, shortest and longest kernel
        duration; preds_end_us, when the last predecessor outside the stage had ended, and what
        stage it is of (last_pred); first_start_us; and the difference, ready_to_first_start_us,
        negative where the stage began while others of its predecessors still ran. Those of the
        predecessors are empty for a stage that depends on nothing that ran.
    """
    names, stage_of = scopes_by_task(trace)
    ends = np.full(len(trace.tasks), NO_TIME, np.int64)
    np.maximum.at(ends, trace.slices["task"], trace.slices["end_ps"])
    last: dict[int, tuple[int, int]] = {}
    for pred, succ in zip(trace.edges["pred"].tolist(), trace.edges["succ"].tolist(), strict=True):
        stage = int(stage_of[succ])
        if ends[pred] != NO_TIME and stage_of[pred] != stage:
            found = (int(ends[pred]), int(stage_of[pred]))
            last[stage] = max(last.get(stage, found), found)
    rows = [
        row
        for stage, name in enumerate(names)
        if (row := _row(trace, stage_of, stage, name, last, names)) is not None
    ]
    rows.sort(key=lambda row: (row[0], row[1][0]))
    return Table(f"Stages, {run_name(trace)}", _COLUMNS, tuple(cells for _, cells in rows))


def _row(
    trace: Trace,
    stage_of: np.ndarray[tuple[int], np.dtype[np.int64]],
    stage: int,
    name: str,
    last: dict[int, tuple[int, int]],
    names: tuple[str, ...],
) -> tuple[int, tuple[Cell, ...]] | None:
    own = trace.slices[stage_of[trace.slices["task"]] == stage]
    if not len(own):
        return None
    lengths = own["end_ps"] - own["start_ps"]
    first_ps = int(own["start_ps"].min())
    times: tuple[Cell, ...] = (None, ps_to_us(first_ps), None)
    if stage in last:
        ready_ps = last[stage][0]
        times = (
            ps_to_us(ready_ps),
            ps_to_us(first_ps),
            ps_to_us(first_ps - ready_ps),
        )
    return first_ps, (
        name,
        len(np.unique(own["task"])),
        len(own),
        ps_to_us(float(lengths.mean())),
        ps_to_us(int(lengths.min())),
        ps_to_us(int(lengths.max())),
        *times,
        names[last[stage][1]] if stage in last else None,
    )

"""Write a run as the pair of CSV files that ``read_csv_capture`` reads."""

from collections.abc import Iterator
from pathlib import Path

from npusim.formats.document import make_directory
from npusim.formats.kernel_edges import kernel_edges
from npusim.formats.summary import write_csv
from npusim.trace import NO_TIME, Trace
from npusim.units import PS_PER_US

CSV_TASKS, CSV_EDGES = "run_tasks.csv", "run_deps.csv"
_TIMES = ("dispatch", "receive", "finish")
TASK_COLUMNS = (
    "task_id", "kernel", "core_type", "core", "start_us", "dur_us",
    *(f"{name}_us" for name in _TIMES), "submit_start_us", "submit_end_us", "sched_thread",
    "block", "slot", "stall_us",
)  # fmt: skip
_OPTIONAL = {
    *(f"{name}_us" for name in _TIMES), "submit_start_us", "submit_end_us", "sched_thread",
}  # fmt: skip
EDGE_COLUMNS = ("pred", "succ")


def write_csv_pair(directory: Path, trace: Trace) -> None:
    """Write ``run_tasks.csv``, one line per kernel and core, and ``run_deps.csv``, one per edge.

    Times are µs since the run began, exact to the picosecond; one that the trace does not hold is
    an empty cell, and a column without any is left out. Tasks without kernels have no line, and
    dependencies lead past them. The same run gives the same bytes.

    Args:
        directory: Made if missing; the two files in it are replaced.
        trace: The run.

    Raises:
        OutputError: If a file cannot be written.
    """
    make_directory(directory)
    rows = list(_task_rows(trace))
    # A column that nobody filled says less than one that is not there.
    kept = [
        index
        for index, name in enumerate(TASK_COLUMNS)
        if name not in _OPTIONAL or any(row[index] is not None for row in rows)
    ]
    columns = [TASK_COLUMNS[index] for index in kept]
    write_csv(directory / CSV_TASKS, columns, ([row[index] for index in kept] for row in rows))
    write_csv(directory / CSV_EDGES, EDGE_COLUMNS, _edge_rows(trace))


def _task_rows(trace: Trace) -> Iterator[tuple[object, ...]]:
    names = trace.slices.dtype.names or ()
    for values in trace.slices.tolist():
        row = dict(zip(names, values, strict=True))
        task, lane = trace.tasks[row["task"]], trace.lanes[row["lane"]]
        yield (
            task.task_id,
            task.name,
            lane.kind.value.upper(),
            lane.core_id,
            _us(row["start_ps"]),
            _us(row["end_ps"] - row["start_ps"]),
            *(_us(row[f"{name}_ps"]) for name in _TIMES),
            _us(task.submit_start_ps),
            _us(task.submit_end_ps),
            f"Sched_{lane.thread}" if lane.thread >= 0 else None,
            row["block"],
            row["slot"],
            _us(row["stall_ps"]),
        )


def _edge_rows(trace: Trace) -> Iterator[tuple[object, ...]]:
    for pred, successors in kernel_edges(trace).items():
        for succ in successors:
            yield trace.tasks[pred].task_id, trace.tasks[succ].task_id


def _us(time_ps: int) -> str | None:
    if time_ps == NO_TIME:
        return None
    whole, part = divmod(time_ps, PS_PER_US)
    return f"{whole}.{part:06d}"

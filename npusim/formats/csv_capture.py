"""Read a capture from a pair of CSV files: one row per kernel execution, one row per dependency.

The task table has the columns ``task_id kernel core_type core start_us dur_us`` (``task`` and
``leaf`` are read as the first two), times in microseconds; the dependency table has ``pred succ``.
What else a recorder knew may stand in further columns of the task table:

===================================  ============================================================
``dispatch_us finish_us``            the scheduler wrote the register, saw the completion
``submit_start_us submit_end_us``    the orchestrator's submit of the task
``sched_thread``                     the thread that dispatched it, ``Sched_2``
``block slot``                       block of an SPMD task, sub-slot of a MIX task (0 AIC, 1, 2)
``tensors lookups inserts``          arguments of the task, as the orchestrator meets them
===================================  ============================================================

A cell of a time or of ``sched_thread`` among them may be empty: that row does not know it. Any
other column is ignored, and without ``block`` a task has one row.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npusim.errors import FileFormatError, TraceError
from npusim.formats.csv_edges import edge_records
from npusim.formats.csv_lanes import CoreCounts, core_lanes
from npusim.formats.csv_phases import read_phases
from npusim.formats.csv_table import CsvTable, read_table
from npusim.formats.layout import DEFAULT_COUNTER_MHZ
from npusim.trace import (
    EDGE_DTYPE,
    NO_TIME,
    SLICE_DTYPE,
    WAIT_DTYPE,
    LaneKind,
    Trace,
    TraceInfo,
    TraceTask,
)
from npusim.trace.model import Records

ARGUMENT_COLUMNS = ("tensors", "lookups", "inserts")
"""Optional columns that go to ``info.parameters["arguments"]``, one list per column, by task."""

_TASK_COLUMNS = (
    ("task_id", "task"), ("kernel", "leaf"), ("core_type",), ("core",), ("start_us",), ("dur_us",),
)  # fmt: skip
_TASKS_ENDING = "_tasks.csv"
_INT32_STOP = 1 << 31
_SLOTS = 3

Ints = npt.NDArray[np.int64]


def is_csv_capture(path: Path) -> bool:
    """True if ``path`` is named like a task table: ``.csv``, or ``.csv.gz`` for one in gzip."""
    return path.name.endswith((".csv", ".csv.gz")) and path.is_file()


def companion(tasks: Path, kind: str) -> Path | None:
    """The table of another kind that belongs to a task table by its name, if it is there.

    ``NAME_deps.csv`` (kind ``deps``) and ``NAME_phases.csv`` belong to ``NAME_tasks.csv``; each of
    them may be in gzip.
    """
    stem, ending, _ = tasks.name.rpartition(_TASKS_ENDING)
    if not ending:
        return None
    names = (f"{stem}_{kind}.csv", f"{stem}_{kind}.csv.gz")
    return next((path for path in map(tasks.with_name, names) if path.is_file()), None)


def _capture_name(tasks: Path) -> str:
    name = tasks.name.removesuffix(".gz").removesuffix(".csv")
    return name.removesuffix("_tasks") or name


def read_csv_capture(
    tasks: Path,
    dependencies: Path | None = None,
    *,
    phases: Path | None = None,
    chip: str = "unknown",
    cores: CoreCounts | None = None,
    counter_mhz: int = DEFAULT_COUNTER_MHZ,
) -> Trace:
    """The capture in two CSV files; times count from the zero of the task table.

    Args:
        tasks: The task table.
        dependencies: The dependency table; without it the tasks depend on nothing, and
            ``info.parameters["missing_parts"]`` says so.
        phases: The phase table of the scheduler threads (``npusim.formats.csv_phases``).
        chip: Name of the chip it was recorded on; the files do not say it.
        cores: How many cores the chip has. Cores that ran nothing then have a lane too; without it
            only those that ran have one.
        counter_mhz: Rate of the recorder's counter.

    Raises:
        FileFormatError: If a file is missing, is no such table, or its records contradict each
            other (a task twice, a core of two types, kernels that overlap on one core, dependencies
            on tasks that are not there).
    """
    table = read_table(tasks, _TASK_COLUMNS, "task table")
    task_ids = table.integers("task_id")
    found, row_task = np.unique(task_ids, return_inverse=True)
    index_of = {task: index for index, task in enumerate(found.tolist())}
    lanes, row_lane = core_lanes(table, cores)
    edges = _edges(dependencies, index_of)
    slices = _slices(table, row_task, row_lane, [lanes[lane].kind for lane in row_lane])
    first_row = {int(task): row for row, task in reversed(list(enumerate(row_task.tolist())))}
    built = _tasks(table, found, first_row, row_task)
    thread_lanes, phase_rows = read_phases(phases, built, len(lanes))
    try:
        return Trace(
            info=TraceInfo(
                kernel=_capture_name(tasks),
                variant="",
                chip=chip,
                source="captured",
                counter_mhz=counter_mhz,
                swimlane_level=_level(table, phases),
                cause_from="inferred",
                parameters=_parameters(table, dependencies, first_row),
            ),
            lanes=(*lanes, *thread_lanes),
            tasks=built,
            slices=slices,
            waits=np.empty(0, WAIT_DTYPE),
            phases=phase_rows,
            edges=edges,
        )
    except TraceError as error:
        msg = f"{tasks}: the records contradict each other ({error}); record it again"
        raise FileFormatError(msg) from error


def _edges(path: Path | None, index_of: dict[int, int]) -> Records:
    return np.empty(0, EDGE_DTYPE) if path is None else edge_records(path, index_of)


def _slices(table: CsvTable, row_task: Ints, row_lane: list[int], kinds: list[LaneKind]) -> Records:
    slices = np.zeros(table.row_count, SLICE_DTYPE)
    slices["lane"], slices["task"] = row_lane, row_task
    if table.has("block"):
        slices["block"] = table.integers("block", stop=_INT32_STOP)
    if table.has("slot"):
        slices["slot"] = table.integers("slot", stop=_SLOTS)
    else:
        slices["slot"] = [0 if kind is LaneKind.AIC else 1 for kind in kinds]
    # Without these columns a task has one row, whatever its type.
    keys = ["task", *(name for name in ("block", "slot") if table.has(name))]
    seen: set[tuple[int, ...]] = set()
    for row, key in enumerate(zip(*(slices[name].tolist() for name in keys), strict=True)):
        if key in seen:
            table.fail(row, "task_id", table.columns["task_id"][row], "an id of no earlier row")
        seen.add(key)
    slices["start_ps"] = table.times_ps("start_us")
    slices["end_ps"] = slices["start_ps"] + table.times_ps("dur_us")
    for name in ("dispatch", "finish"):
        given = table.has(f"{name}_us")
        slices[f"{name}_ps"] = table.times_ps(f"{name}_us", is_optional=True) if given else NO_TIME
    slices["receive_ps"] = NO_TIME
    return slices[np.lexsort((slices["end_ps"], slices["lane"], slices["start_ps"]))]


def _tasks(
    table: CsvTable, task_ids: Ints, first_row: dict[int, int], row_task: Ints
) -> tuple[TraceTask, ...]:
    names, types = table.texts("kernel"), table.texts("core_type")
    functions = {name: number for number, name in enumerate(dict.fromkeys(names))}
    submits = {
        name: table.times_ps(name, is_optional=True).tolist()
        for name in ("submit_start_us", "submit_end_us")
        if table.has(name)
    }
    kinds: dict[int, set[str]] = {}
    for task, kind in zip(row_task.tolist(), types, strict=True):
        kinds.setdefault(task, set()).add(kind.lower())
    block_num = Counter(
        task for task, _ in set(zip(row_task.tolist(), _blocks(table), strict=True))
    )
    found = []
    for task, task_id in enumerate(task_ids.tolist()):
        row = first_row[task]
        name = names[row]
        found.append(
            TraceTask(
                task_id=task_id,
                func_id=functions[name],
                name=name,
                core_type="mix" if len(kinds[task]) > 1 else min(kinds[task]),
                block_num=block_num[task],
                submit_start_ps=submits["submit_start_us"][row]
                if "submit_start_us" in submits
                else NO_TIME,
                submit_end_ps=submits["submit_end_us"][row]
                if "submit_end_us" in submits
                else NO_TIME,
            )
        )
    return tuple(found)


def _blocks(table: CsvTable) -> list[int]:
    return table.integers("block").tolist() if table.has("block") else [0] * table.row_count


def _level(table: CsvTable, phases: Path | None) -> int:
    """What a device would have had to record: 1 cores, 2 scheduler times, 3 phases, 4 submits."""
    if table.has("submit_end_us"):
        return 4
    if phases is not None:
        return 3
    return 2 if table.has("dispatch_us") or table.has("finish_us") else 1


def _parameters(
    table: CsvTable, dependencies: Path | None, first_row: dict[int, int]
) -> dict[str, object]:
    missing = [] if dependencies is not None else ["no dependency table: tasks depend on nothing"]
    if not table.has("dispatch_us"):
        missing.append("no dispatch times")
    if not table.has("finish_us"):
        missing.append("no finish times")
    parameters: dict[str, object] = {"missing_parts": missing}
    arguments = {}
    for name in ARGUMENT_COLUMNS:
        if table.has(name):
            counts = table.integers(name, stop=_INT32_STOP).tolist()
            arguments[name] = [counts[first_row[task]] for task in sorted(first_row)]
    return parameters | ({"arguments": arguments} if arguments else {})

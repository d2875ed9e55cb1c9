"""Summaries as canonical JSON and tables as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from npusim.formats.document import write_bytes, write_document
from npusim.trace import NO_TIME, Trace
from npusim.units import ps_to_us

_TIME_COLUMNS = ("dispatch", "receive", "start", "end", "finish")
SLICE_COLUMNS = (
    "task_id",
    "func_id",
    "name",
    "block",
    "core_id",
    "core_type",
    "lane",
    *(f"{column}_time_us" for column in _TIME_COLUMNS),
    "stall_us",
)
"""Columns of a slice table; names of the device recorder where it has one."""


def write_summary(path: Path, summary: Mapping[str, Any]) -> None:
    """Write ``summary`` as JSON with sorted keys and a newline at the end.

    Args:
        path: File to write.
        summary: JSON values; the units are in its keys.

    Raises:
        OutputError: If the file cannot be written.
    """
    write_document(path, dict(summary), order="sorted")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV: a header, then one line per row, newline-separated.

    Args:
        path: File to write.
        columns: Names, with their units.
        rows: One value per column; None becomes an empty cell.

    Raises:
        ValueError: If a row has another number of values than there are columns.
        OutputError: If the file cannot be written.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for index, row in enumerate(rows):
        if len(row) != len(columns):
            msg = f"row {index} has {len(row)} values; expected {len(columns)}"
            raise ValueError(msg)
        writer.writerow(row)
    write_bytes(path, buffer.getvalue().encode())


def write_slices_csv(path: Path, trace: Trace) -> None:
    """Write every slice of ``trace`` as one line of ``SLICE_COLUMNS``, in trace order.

    Times are µs since the run began; a time that the trace does not hold is an empty cell.

    Raises:
        OutputError: If the file cannot be written.
    """
    write_csv(path, SLICE_COLUMNS, _slice_rows(trace))


def _slice_rows(trace: Trace) -> Iterable[Sequence[object]]:
    names = trace.slices.dtype.names or ()
    for values in trace.slices.tolist():
        row = dict(zip(names, values, strict=True))
        task, lane = trace.tasks[row["task"]], trace.lanes[row["lane"]]
        yield (
            task.task_id,
            task.func_id,
            task.name,
            row["block"],
            lane.core_id,
            lane.kind.value,
            lane.name,
            *(_us(row[f"{column}_ps"]) for column in _TIME_COLUMNS),
            ps_to_us(row["stall_ps"]),
        )


def _us(time_ps: int) -> float | None:
    return None if time_ps == NO_TIME else ps_to_us(time_ps)

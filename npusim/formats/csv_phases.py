"""What the AICPU threads of a CSV capture did: scheduler phases and submits.

The phase table has the columns ``thread phase start_us dur_us`` and, as the fifth, the count of
what was handled (``tasks`` or ``tasks_or_task_id``). Rows of the orchestrator are passed over: its
submits stand in the task table.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npusim.formats.csv_table import CsvTable, read_table
from npusim.trace import NO_TIME, PHASE_DTYPE, Lane, LaneKind, PhaseKind, TraceTask
from npusim.trace.model import Records

_COLUMNS = (
    ("thread",), ("phase",), ("start_us",), ("dur_us",), ("tasks", "tasks_or_task_id"),
)  # fmt: skip
_KINDS = {kind.name.lower(): kind for kind in PhaseKind if kind is not PhaseKind.SUBMIT}
_ORCHESTRATOR = "orch"
_SCHEDULER = "sched"
_MAX_THREADS = 16
_NO_TASK = -1


def thread_number(table: CsvTable, row: int, column: str, text: str) -> int:
    """The number at the end of ``Sched_2``.

    Raises:
        FileFormatError: If ``text`` is no such name.
    """
    name, _, digits = text.partition("_")
    is_number = digits.isascii() and digits.isdigit() and len(digits) < 4
    if name.lower() != _SCHEDULER or not is_number or int(digits) >= _MAX_THREADS:
        table.fail(row, column, text, f"a thread from Sched_0 to Sched_{_MAX_THREADS - 1}")
    return int(digits)


def read_phases(
    path: Path | None, tasks: Sequence[TraceTask], first_lane: int
) -> tuple[tuple[Lane, ...], Records]:
    """Lanes of the AICPU threads, to stand behind ``first_lane`` others, and their phases.

    Args:
        path: The phase table, or None.
        tasks: Tasks of the capture; where they hold their submits, these make the orchestrator's
            lane.
        first_lane: Lanes before these.

    Raises:
        FileFormatError: If the file is missing or a record of it is wrong.
    """
    rows = [] if path is None else _scheduler_rows(read_table(path, _COLUMNS, "phase table"))
    threads = 1 + max((thread for thread, *_ in rows), default=-1)
    lanes = [Lane(f"Sched[{one}]", LaneKind.SCHEDULER, thread=one) for one in range(threads)]
    records = [(first_lane + thread, *rest) for thread, *rest in rows]
    submitted = [
        index
        for index, task in enumerate(tasks)
        if NO_TIME not in (task.submit_start_ps, task.submit_end_ps)
    ]
    if submitted:
        lane = first_lane + threads
        lanes.append(Lane("Orch[0]", LaneKind.ORCHESTRATOR, thread=threads))
        for index in submitted:
            span = tasks[index].submit_start_ps, tasks[index].submit_end_ps
            records.append((lane, *_fields(PhaseKind.SUBMIT, *span, index, 1)))
    phases = np.array([tuple(record) for record in records], PHASE_DTYPE)
    order = np.lexsort((phases["end_ps"], phases["lane"], phases["start_ps"]))
    return tuple(lanes), phases[order]


def _scheduler_rows(table: CsvTable) -> list[tuple[Any, ...]]:
    starts, durations = table.times_ps("start_us").tolist(), table.times_ps("dur_us").tolist()
    found: list[tuple[Any, ...]] = []
    names = zip(table.texts("thread"), table.texts("phase"), table.columns["tasks"], strict=True)
    for row, (thread, phase, count) in enumerate(names):
        if thread.lower().startswith(_ORCHESTRATOR):
            continue
        if phase not in _KINDS:
            table.fail(row, "phase", phase, f"one of {', '.join(_KINDS)}")
        if not (count.isascii() and count.isdigit() and len(count) < 10):
            table.fail(row, "tasks", count, "a count of at least 0")
        number = thread_number(table, row, "thread", thread)
        end = starts[row] + durations[row]
        found.append((number, *_fields(_KINDS[phase], starts[row], end, _NO_TASK, int(count))))
    return found


def _fields(kind: PhaseKind, start: int, end: int, task: int, count: int) -> tuple[Any, ...]:
    """A record of ``PHASE_DTYPE`` without its lane; loops and queue depths are not known."""
    return (kind, start, end, task, count, 0, 0, 0, (0, 0, 0), (0, 0, 0))

"""The dispatches of a capture as one table, whatever the file called them, and their checks.

One dispatch, in ticks of the capture's clock; -1 where the capture does not hold a time::

    scheduler  dispatch ----------------------------------------------- finish
    core                 receive -- start ================ end
"""

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from npusim.formats.fields import Place
from npusim.formats.inspector import Inspector
from npusim.trace import NO_TIME

Ticks = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_LEFT_OUT = "rows left out"


@dataclass(frozen=True, slots=True)
class RowTable:
    """One entry per dispatch."""

    core: Ticks
    token: Ticks
    dispatch: Ticks
    receive: Ticks
    start: Ticks
    end: Ticks
    finish: Ticks
    position: Ticks
    """Row number in the file."""

    @property
    def unscheduled_count(self) -> int:
        """Rows without scheduler times."""
        return int(np.count_nonzero((self.dispatch == NO_TIME) | (self.finish == NO_TIME)))

    def kept(self, keep: Mask) -> "RowTable":
        """The rows for which ``keep`` is true."""
        return RowTable(*(getattr(self, column.name)[keep] for column in fields(self)))


def check_rows(rows: RowTable, at: Place, inspector: Inspector, *, core_count: int) -> RowTable:
    """``rows`` with every core known, times in order, and one kernel at a time on each core.

    Args:
        rows: The dispatches.
        at: The table they came from, for messages.
        inspector: What to do with faults.
        core_count: Cores of the chip.

    Raises:
        FileFormatError: At the first fault, unless the inspector repairs.
    """

    def faults(bad: Mask, name: str, expected: str, repair: str) -> bool:
        inspector.refuse_rows(
            at, bad, name, _column(rows, name), expected, repair, positions=rows.position
        )
        return bool(bad.any())

    bad = (rows.core < 0) | (rows.core >= core_count)
    if faults(bad, "core_id", f"an int from 0 to {core_count - 1}", f"unknown core: {_LEFT_OUT}"):
        rows = rows.kept(~bad)
    bad = rows.end < rows.start
    if faults(bad, "end", "no less than start", f"end before start: {_LEFT_OUT}"):
        rows = rows.kept(~bad)
    bad = (rows.receive != NO_TIME) & (rows.receive > rows.start)
    if faults(bad, "receive", "no more than start", "receive after start: receive times dropped"):
        rows = replace(rows, receive=np.where(bad, NO_TIME, rows.receive))
    first = np.where(rows.receive == NO_TIME, rows.start, rows.receive)
    bad = rows.dispatch > first
    if faults(bad, "dispatch", "no more than receive", "dispatch too late: its times dropped"):
        rows = replace(rows, dispatch=np.where(bad, NO_TIME, rows.dispatch))
    bad = (rows.finish != NO_TIME) & (rows.finish < rows.end)
    if faults(bad, "finish", "no less than end", "finish too early: its times dropped"):
        rows = replace(rows, finish=np.where(bad, NO_TIME, rows.finish))
    return _without_overlap(rows, at, inspector)


def _column(rows: RowTable, name: str) -> Ticks:
    values: Ticks = rows.core if name == "core_id" else getattr(rows, name)
    return values


def _without_overlap(rows: RowTable, at: Place, inspector: Inspector) -> RowTable:
    """Rows of a core one after the other; also the receive of one follows the end of the last."""
    order = np.lexsort((rows.end, rows.start, rows.core))
    before, after = order[:-1], order[1:]
    same_core = rows.core[before] == rows.core[after]
    bad = np.zeros(len(order), bool)
    bad[after] = same_core & (rows.start[after] < rows.end[before])
    if bad.any():
        expected = "no kernel to start before the last one on its core ended"
        repair = f"overlap on a core: {_LEFT_OUT}"
        inspector.refuse_rows(
            at, bad, "start", rows.start, expected, repair, positions=rows.position
        )
        inspector.repairs[repair] -= int(bad.sum())  # counted row by row below
        keep = _first_come(rows, order)
        inspector.repairs[repair] += int(np.count_nonzero(~keep))
        return _without_overlap(rows.kept(keep), at, inspector)
    bad[after] = same_core & (rows.receive[after] != NO_TIME)
    bad[after] &= rows.receive[after] < rows.end[before]
    if bad.any():
        inspector.refuse_rows(
            at, bad, "receive", rows.receive,
            "no task to be received before the last one on its core ended",
            "received early: receive moved to the end of the task before", positions=rows.position,
        )  # fmt: skip
        moved = rows.receive.copy()
        moved[after] = np.where(bad[after], rows.end[before], moved[after])
        rows = replace(rows, receive=moved)
    return rows


def _first_come(rows: RowTable, order: npt.NDArray[np.intp]) -> Mask:
    """True for the rows that do not start while an earlier kept one runs on their core."""
    keep = np.ones(len(order), bool)
    core, free = -1, 0
    for row in order.tolist():
        if rows.core[row] != core:
            core, free = int(rows.core[row]), 0
        if rows.start[row] < free:
            keep[row] = False
        else:
            free = int(rows.end[row])
    return keep

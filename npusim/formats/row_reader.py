"""Dispatch rows of a records file, joined and checked, still in counter ticks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.formats.fields import INT64_STOP, Place
from npusim.trace import NO_TIME

Ticks = npt.NDArray[np.int64]

_AICORE_FIELDS = ("core_id", "task_token_raw", "reg_task_id", "start", "end", "receive_to_start")
_AICPU_FIELDS = ("core_id", "reg_task_id", "dispatch", "finish")
_REG_STOP = 1 << 32


@dataclass(frozen=True, slots=True)
class RowTable:
    """One entry per dispatch; times in ticks, -1 where the capture does not hold them."""

    core: Ticks
    token: Ticks
    dispatch: Ticks
    receive: Ticks
    start: Ticks
    end: Ticks
    finish: Ticks

    @property
    def unscheduled_count(self) -> int:
        """Rows without scheduler times."""
        return int(np.count_nonzero(self.dispatch == NO_TIME))


def read_rows(document: dict[str, Any], place: Place, *, core_count: int) -> RowTable:
    """The joined rows of ``document``.

    Raises:
        FileFormatError: If a row has a wrong shape, type or range, two rows share a join key, a
            scheduler row joins none, or the times of a row are out of order.
    """
    aicore = _matrix(document, place, "aicore_tasks", _AICORE_FIELDS, optional=1)
    at = place.at("aicore_tasks")
    _check_range(at, "core_id", aicore[:, 0], 0, core_count)
    _check_range(at, "reg_task_id", aicore[:, 2], 0, _REG_STOP)
    start, end = aicore[:, 3], aicore[:, 4]
    _check_range(at, "start", start, 1, INT64_STOP)
    _refuse(at, np.flatnonzero(end < start), "end", end, "no less than start")
    receive = np.full(len(aicore), NO_TIME, np.int64)
    if aicore.shape[1] == len(_AICORE_FIELDS):
        ahead = aicore[:, 5]
        _refuse(at, np.flatnonzero(ahead >= start), "receive_to_start", ahead, "less than start")
        receive = start - ahead
    keys = _join_keys(at, aicore[:, 0], aicore[:, 2])
    dispatch, finish = _scheduler_times(document, place, keys, core_count)
    first = np.where(receive == NO_TIME, start, receive)
    _refuse(at, np.flatnonzero(dispatch > first), "dispatch", dispatch, "no more than receive")
    late = np.flatnonzero((finish != NO_TIME) & (finish < end))
    _refuse(at, late, "finish", finish, "no less than end")
    return RowTable(aicore[:, 0], aicore[:, 1], dispatch, receive, start, end, finish)


def _scheduler_times(
    document: dict[str, Any], place: Place, keys: Ticks, core_count: int
) -> tuple[Ticks, Ticks]:
    aicpu = _matrix(document, place, "aicpu_tasks", _AICPU_FIELDS, default=[])
    at = place.at("aicpu_tasks")
    _check_range(at, "core_id", aicpu[:, 0], 0, core_count)
    _check_range(at, "reg_task_id", aicpu[:, 1], 0, _REG_STOP)
    aicpu_keys = _join_keys(at, aicpu[:, 0], aicpu[:, 1])
    orphans = np.flatnonzero(~np.isin(aicpu_keys, keys))
    _refuse(at, orphans, "reg_task_id", aicpu[:, 1], "the key of a row in aicore_tasks")
    order = np.argsort(keys)
    rows = order[np.searchsorted(keys, aicpu_keys, sorter=order)]
    dispatch = np.full(len(keys), NO_TIME, np.int64)
    finish = dispatch.copy()
    # Tick 0 means that the recorder missed the event.
    dispatch[rows] = np.where(aicpu[:, 2] == 0, NO_TIME, aicpu[:, 2])
    finish[rows] = np.where(aicpu[:, 3] == 0, NO_TIME, aicpu[:, 3])
    return dispatch, finish


def _join_keys(place: Place, core: Ticks, reg: Ticks) -> Ticks:
    keys: Ticks = core * _REG_STOP + reg
    _, first = np.unique(keys, return_index=True)
    repeated = np.ones(len(keys), bool)
    repeated[first] = False
    _refuse(place, np.flatnonzero(repeated), "reg_task_id", reg, "a key not used on its core yet")
    return keys


def _matrix(
    document: dict[str, Any],
    place: Place,
    name: str,
    fields: tuple[str, ...],
    *,
    optional: int = 0,
    default: list[Any] | None = None,
) -> Ticks:
    """Rows of ints; the last ``optional`` fields may be missing from every row."""
    rows = place.listed(document, name, default=default)
    width = len(fields)
    if rows and isinstance(rows[0], list):
        width = max(len(fields) - optional, min(len(rows[0]), len(fields)))
    for index, row in enumerate(rows):
        at = place.at(f"{name}[{index}]")
        if not isinstance(row, list) or len(row) != width:
            at.fail("", row, f"{width} values [{', '.join(fields[:width])}]")
        for field, value in zip(fields, row, strict=False):
            if type(value) is not int or not 0 <= value < INT64_STOP:
                at.fail(field, value, "an int of at least 0")
    return np.array(rows, np.int64).reshape(-1, width)


def _check_range(place: Place, field: str, values: Ticks, low: int, stop: int) -> None:
    bad = np.flatnonzero((values < low) | (values > stop - 1))
    limit = f"from {low} to {stop - 1}" if stop != INT64_STOP else f"of at least {low}"
    _refuse(place, bad, field, values, f"an int {limit}")


def _refuse(
    place: Place, bad: npt.NDArray[np.intp], field: str, values: Ticks, expected: str
) -> None:
    if len(bad):
        row = int(bad[0])
        place.at(f"[{row}]").fail(field, int(values[row]), expected)

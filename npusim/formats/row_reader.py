"""Dispatch rows of the raw layouts, joined and checked for shape, still in counter ticks.

``aicore_tasks`` comes from the cores; ``aicpu_tasks``, in layout E ``scheduler_tasks.records``,
from the schedulers. The two are joined by (core_id, reg_task_id), in layout E by run_epoch too.
"""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.formats.fields import INT64_STOP, Place
from npusim.formats.inspector import Inspector
from npusim.formats.row_table import RowTable, Ticks, check_rows
from npusim.trace import NO_TIME

AICORE_FIELDS = (
    "core_id", "task_token_raw", "reg_task_id", "start", "end", "receive_to_start", "run_epoch",
)  # fmt: skip
_AICPU_FIELDS = ("core_id", "reg_task_id", "dispatch", "finish", "run_epoch")
_MIN_AICORE_WIDTH = 5
_MIN_AICPU_WIDTH = 4
_UINT32_STOP = 1 << 32


def read_rows(
    document: dict[str, Any],
    place: Place,
    inspector: Inspector,
    *,
    core_count: int,
    level: int,
) -> RowTable:
    """The joined rows of ``document``.

    Args:
        document: A records file of layout B, C, D or E.
        place: Where it is, for messages.
        inspector: What to do with faults.
        core_count: Cores of the chip.
        level: Swimlane level; from 2 on every row has scheduler times.

    Raises:
        FileFormatError: If there is no row, a row has a wrong shape, type or range, two rows share
            a join key, a row joins none, or the times of a core are out of order.
    """
    at = place.at("aicore_tasks")
    values = place.listed(document, "aicore_tasks")
    if not values:
        at.fail("", values, "at least one row")
    aicore, position = _matrix(values, at, inspector, AICORE_FIELDS, _MIN_AICORE_WIDTH)
    width = len(values[0]) if isinstance(values[0], list) else 0
    wrong_core = aicore[:, 0] >= core_count
    inspector.refuse_rows(
        at, wrong_core, "core_id", aicore[:, 0], f"an int from 0 to {core_count - 1}",
        "unknown core: rows left out", positions=position,
    )  # fmt: skip
    wrong_reg = aicore[:, 2] >= _UINT32_STOP
    inspector.refuse_rows(
        at, wrong_reg, "reg_task_id", aicore[:, 2], f"an int from 0 to {_UINT32_STOP - 1}",
        "register number too large: rows left out", positions=position,
    )  # fmt: skip
    no_start = aicore[:, 3] < 1
    inspector.refuse_rows(
        at, no_start, "start", aicore[:, 3], "an int of at least 1",
        "start missing: rows left out", positions=position,
    )  # fmt: skip
    bad = wrong_core | wrong_reg | no_start
    aicore, position = aicore[~bad], position[~bad]
    keys = _join_keys(aicore[:, 0], aicore[:, 2], aicore[:, 6])
    again = _repeated(keys)
    inspector.refuse_rows(
        at, again, "reg_task_id", aicore[:, 2], "a key not used on its core yet",
        "join key used twice: rows left out", positions=position,
    )  # fmt: skip
    aicore, position, keys = aicore[~again], position[~again], keys[~again]
    dispatch, finish = _scheduler_times(document, place, inspector, keys)
    if level >= 2:
        missing = (dispatch == NO_TIME) | (finish == NO_TIME)
        inspector.refuse_rows(
            at, missing, "reg_task_id", aicore[:, 2],
            "a row with this key, and with times above 0, in the scheduler's table",
            "scheduler times missing: rows kept without them", positions=position,
        )  # fmt: skip
    rows = RowTable(
        aicore[:, 0],
        aicore[:, 1],
        dispatch,
        _receive(aicore, position, at, inspector, has_receive=width > _MIN_AICORE_WIDTH),
        aicore[:, 3],
        aicore[:, 4],
        finish,
        position,
    )
    return check_rows(rows, at, inspector, core_count=core_count)


def _receive(
    aicore: Ticks, position: Ticks, at: Place, inspector: Inspector, *, has_receive: bool
) -> Ticks:
    if not has_receive:
        return np.full(len(aicore), NO_TIME, np.int64)
    ahead = aicore[:, 5]
    bad = (ahead >= aicore[:, 3]) | (ahead >= _UINT32_STOP)
    inspector.refuse_rows(
        at, bad, "receive_to_start", ahead, "less than start, and less than 2**32",
        "receive_to_start too large: receive times dropped", positions=position,
    )  # fmt: skip
    return np.where(bad, NO_TIME, aicore[:, 3] - ahead)


def _scheduler_times(
    document: dict[str, Any], place: Place, inspector: Inspector, keys: npt.NDArray[Any]
) -> tuple[Ticks, Ticks]:
    values, at = _scheduler_rows(document, place)
    aicpu, position = _matrix(values, at, inspector, _AICPU_FIELDS, _MIN_AICPU_WIDTH)
    aicpu_keys = _join_keys(aicpu[:, 0], aicpu[:, 1], aicpu[:, 4])
    again = _repeated(aicpu_keys)
    inspector.refuse_rows(
        at, again, "reg_task_id", aicpu[:, 1], "a key not used on its core yet",
        "join key used twice: scheduler rows left out", positions=position,
    )  # fmt: skip
    orphan = ~np.isin(aicpu_keys, keys) & ~again
    inspector.refuse_rows(
        at, orphan, "reg_task_id", aicpu[:, 1], "the key of a row in aicore_tasks",
        "no such dispatch: scheduler rows left out", positions=position,
    )  # fmt: skip
    aicpu, aicpu_keys = aicpu[~again & ~orphan], aicpu_keys[~again & ~orphan]
    dispatch = np.full(len(keys), NO_TIME, np.int64)
    finish = dispatch.copy()
    if len(keys):
        order = np.argsort(keys)
        rows = order[np.searchsorted(keys, aicpu_keys, sorter=order)]
        # Tick 0 means that the recorder missed the event.
        dispatch[rows] = np.where(aicpu[:, 2] == 0, NO_TIME, aicpu[:, 2])
        finish[rows] = np.where(aicpu[:, 3] == 0, NO_TIME, aicpu[:, 3])
    return dispatch, finish


def _scheduler_rows(document: dict[str, Any], place: Place) -> tuple[list[Any], Place]:
    if "scheduler_tasks" not in document:
        return place.listed(document, "aicpu_tasks", default=[]), place.at("aicpu_tasks")
    at = place.at("scheduler_tasks")
    table = at.record_of(document["scheduler_tasks"])
    return at.listed(table, "records"), at.at(".records")


def _join_keys(core: Ticks, reg: Ticks, epoch: Ticks) -> npt.NDArray[Any]:
    """Keys that compare as one value; three columns of 64 bits do not fit into an int."""
    keys = np.empty(len(core), [("core", np.int64), ("reg", np.int64), ("epoch", np.int64)])
    keys["core"], keys["reg"], keys["epoch"] = core, reg, epoch
    return keys


def _repeated(keys: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    _, first = np.unique(keys, return_index=True)
    repeated = np.ones(len(keys), bool)
    repeated[first] = False
    return repeated


def _matrix(
    values: list[Any], at: Place, inspector: Inspector, names: tuple[str, ...], least: int
) -> tuple[Ticks, Ticks]:
    """Rows of ints, filled up to ``names`` with 0, and their positions; all of one width."""
    width = len(names)
    if values and isinstance(values[0], list):
        width = max(least, min(len(values[0]), width))
    kept, positions = [], []
    for index, row in enumerate(values):
        if (
            isinstance(row, list)
            and len(row) == width
            and all(type(v) is int and 0 <= v < INT64_STOP for v in row)
        ):
            kept.append(row)
            positions.append(index)
        else:
            where = at.at(f"[{index}]")
            inspector.attempt("rows", partial(_refuse_row, row, where, names[:width]))
    filled = np.zeros((len(kept), len(names)), np.int64)
    if kept:
        filled[:, :width] = np.array(kept, np.int64)
    return filled, np.array(positions, np.int64)


def _refuse_row(row: object, at: Place, names: tuple[str, ...]) -> None:
    if not isinstance(row, list) or len(row) != len(names):
        at.fail("", row, f"{len(names)} values [{', '.join(names)}]")
    for name, value in zip(names, row, strict=True):
        if type(value) is not int or not 0 <= value < INT64_STOP:
            at.fail(name, value, "an int of at least 0")

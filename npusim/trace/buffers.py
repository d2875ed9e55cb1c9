"""How much of the on-chip buffers held live data, on the cores that a run looked into.

A tile is live from the first instruction that fills it to the last that uses it. A level holds
until the next one of the same core and buffer::

    AIC[0].MTE2  [load a][load b]
    AIC[0].M                     [matmul]
    L1           | a    | a + b          | 0
"""

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from npusim.errors import TraceError

if TYPE_CHECKING:
    from npusim.trace.model import Trace

Records = npt.NDArray[Any]


class OnChipBuffer(IntEnum):
    """The buffers whose tiles have an address of their own.

    L0A and L0B are not among them: a product streams its operands through their halves.
    """

    L1 = 1
    L0C = 2
    UB = 3


BUFFER_DTYPE = np.dtype(
    [
        ("lane", np.int32),  # index into Trace.lanes, a core lane
        ("buffer", np.uint8),  # OnChipBuffer
        ("time_ps", np.int64),
        ("nbytes", np.int64),  # live from then on
    ]
)


def no_buffer_levels() -> Records:
    """The levels of a trace that does not look inside cores: none."""
    return np.empty(0, BUFFER_DTYPE)


def check_buffer_levels(trace: "Trace") -> None:
    """Make sure that levels belong to cores, are not negative and in order of time.

    Raises:
        TraceError: If one is not.
    """
    rows = trace.buffer_levels
    is_core = np.array([lane.kind.is_core for lane in trace.lanes], np.bool_)
    inside = (rows["lane"] >= 0) & (rows["lane"] < len(trace.lanes))
    own = np.zeros(len(rows), np.bool_)
    own[inside] = is_core[rows["lane"][inside]]
    order = np.lexsort((np.arange(len(rows)), rows["buffer"], rows["lane"]))
    same = (np.diff(rows["lane"][order]) == 0) & (np.diff(rows["buffer"][order].astype(int)) == 0)
    falls = np.zeros(len(rows), np.bool_)
    falls[order[1:]] = same & (np.diff(rows["time_ps"][order]) < 0)
    for is_bad, column, expected in (
        (~own, "lane", "a core lane"),
        (~np.isin(rows["buffer"], list(OnChipBuffer)), "buffer", "a buffer of OnChipBuffer"),
        (rows["nbytes"] < 0, "nbytes", "at least 0"),
        (falls, "time_ps", "no less than before"),
    ):
        bad = np.flatnonzero(is_bad)
        if len(bad):
            row = int(bad[0])
            msg = f"trace: buffer_levels[{row}].{column} is {rows[column][row]}"
            raise TraceError(f"{msg}; expected {expected}")

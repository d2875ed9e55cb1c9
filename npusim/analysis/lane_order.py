"""Kernels in the order in which their cores ran them, and when each core fell free."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.trace import LaneKind, Trace

Ints = npt.NDArray[np.int64]
Records = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class CoreSlices:
    """The slices of the core lanes of a trace.

    Attributes:
        slices: In order of lane and start.
        before: (slices,) row of the slice before on the same lane, or -1.
    """

    slices: Records
    before: Ints

    def free_ps(self, first_ps: int) -> Ints:
        """(slices,) when the lane fell free: the end of the slice before, ``first_ps`` without."""
        found: Ints = np.full(len(self.slices), first_ps, np.int64)
        follows = self.before >= 0
        found[follows] = self.slices["end_ps"][self.before[follows]]
        return found

    def last_of_block(self, free_ps: Ints) -> Ints:
        """(slices,) the row of the same block whose lane fell free last; at equal times the first.

        Args:
            free_ps: (slices,) when their lanes fell free.
        """
        keys = self.slices["task"].astype(np.int64) << 32 | self.slices["block"].astype(np.int64)
        blocks, block_of = np.unique(keys, return_inverse=True)
        order = np.lexsort((-self.slices["lane"], free_ps, block_of))
        last = np.zeros(len(blocks), np.int64)
        last[block_of[order]] = order  # the later assignment wins
        found: Ints = last[block_of]
        return found


def core_slices(trace: Trace) -> CoreSlices:
    """The slices of all core lanes of ``trace``, in order."""
    lanes = trace.lane_indices(LaneKind.AIC, LaneKind.AIV)
    slices = trace.slices[np.isin(trace.slices["lane"], lanes)]
    slices = slices[np.lexsort((slices["start_ps"], slices["lane"]))]
    before = np.arange(-1, len(slices) - 1)
    before[:1] = -1
    before[1:][slices["lane"][1:] != slices["lane"][:-1]] = -1
    return CoreSlices(slices, before)

"""The timing pass over one block, with the moments of every instruction.

The same walk as ``core_pass.run_pass``, which returns only the end of it all because that is what
a simulation asks for many times. Both take the same arguments and find the same end; a test holds
them together::

    issue    S pipe        |issue|
    operands                        all predecessors ready
    start                           max(issued, pipe free, operands)
    end                                  start + busy
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.simulator.recipe import Pipe

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PassTimes:
    """Cycles since the start of the block, one entry per instruction, in program order."""

    issue_start: FloatArray
    """The scalar pipe begins to issue it ..."""
    issued: FloatArray
    """... and has issued it."""
    operands: FloatArray
    """The last of what it waits for is ready; 0 if it waits for nothing."""
    start: FloatArray
    end: FloatArray
    total_cycles: float
    """All results are visible: the end of the block."""

    def mixed(self, other: "PassTimes", weight: float) -> "PassTimes":
        """Times a ``weight`` (0 to 1) of the way from these to ``other``.

        Whatever holds an instruction back is a sum or a maximum of other times, so every order
        that holds in both passes holds in the mix: nothing overlaps and nobody starts too early.
        """
        rest = 1.0 - weight
        return PassTimes(
            issue_start=rest * self.issue_start + weight * other.issue_start,
            issued=rest * self.issued + weight * other.issued,
            operands=rest * self.operands + weight * other.operands,
            start=rest * self.start + weight * other.start,
            end=rest * self.end + weight * other.end,
            total_cycles=rest * self.total_cycles + weight * other.total_cycles,
        )


def trace_pass(
    pipes: Sequence[int],
    scalar_pipes: Sequence[int],
    predecessors: Sequence[tuple[int, ...]],
    busy_cycles: Sequence[float],
    tail_cycles: Sequence[float],
    issue_cycles: float,
) -> PassTimes:
    """The moments of every instruction of a block.

    Args:
        pipes: Pipe of each instruction.
        scalar_pipes: Pipe that issues it.
        predecessors: Moments it waits for: ``2 * i`` end, ``2 * i + 1`` ready of instruction i.
        busy_cycles: How long it occupies the pipe.
        tail_cycles: How much later its result can be used.
        issue_cycles: Time on the scalar pipe per instruction.
    """
    free = [0.0] * len(Pipe)
    moments: list[float] = []
    rows: list[tuple[float, float, float, float, float]] = []
    for pipe, scalar_pipe, waits, busy, tail in zip(
        pipes, scalar_pipes, predecessors, busy_cycles, tail_cycles, strict=True
    ):
        issue_start = free[scalar_pipe]
        issued = issue_start + issue_cycles
        free[scalar_pipe] = issued
        operands = max((moments[wait] for wait in waits), default=0.0)
        start = max(issued, free[pipe], operands)
        end = start + busy
        free[pipe] = end
        moments += (end, end + tail)
        rows.append((issue_start, issued, operands, start, end))
    issue, issued_at, ready, begin, stop = np.asarray(rows, np.float64).reshape(-1, 5).T
    return PassTimes(issue, issued_at, ready, begin, stop, max(max(moments, default=0.0), *free))

"""Live bytes of the on-chip buffers of a core, from the instructions that fill and read its tiles.

Tiles that share addresses count once: a result may be written over an operand that is read for the
last time. What counts is the room that the allocator gave a tile, alignment included.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from npusim.program import NO_INDEX, Space
from npusim.simulator.pipe_timeline import InstructionTimes
from npusim.simulator.pipe_view import CoreView, Kernel
from npusim.simulator.structure import InstructionStream
from npusim.trace import BUFFER_DTYPE, LaneKind, OnChipBuffer
from npusim.trace.model import Records

IntArray = npt.NDArray[np.int64]

_SPACES = {
    LaneKind.AIC: {Space.L1: OnChipBuffer.L1, Space.L0C: OnChipBuffer.L0C},
    LaneKind.AIV: {Space.UB: OnChipBuffer.UB},
}


class BufferMeter:
    """Levels of the buffers of one core, kernel by kernel."""

    def __init__(self, view: CoreView, lane: int) -> None:
        self._view, self._lane = view, lane
        self._spaces = _SPACES[view.trace.lanes[lane].kind]
        self._levels: list[Records] = []

    def add(self, kernel: Kernel, times: InstructionTimes) -> None:
        """The levels while one more kernel runs; none where other cores do its work."""
        if not kernel.pipes:
            return
        lives = _tile_lives(self._view, kernel, times)
        for space, buffer in self._spaces.items():
            levels = _covered(lives[lives[:, 0] == space, 1:])
            rows = np.zeros(len(levels), BUFFER_DTYPE)
            rows["lane"], rows["buffer"] = self._lane, buffer
            rows["time_ps"], rows["nbytes"] = kernel.start_ps + levels[:, 0], levels[:, 1]
            self._levels.append(rows)

    def rows(self) -> Records:
        """All levels, by buffer and time."""
        rows = np.concatenate([np.empty(0, BUFFER_DTYPE), *self._levels])
        return rows[np.lexsort((rows["time_ps"], rows["buffer"]))]


def _tile_lives(view: CoreView, kernel: Kernel, times: InstructionTimes) -> IntArray:
    """(tiles, 5) space, begin and end since the start of the kernel, first and last address."""
    plan = view.buffer_plan(kernel)
    tile, instruction = _touches(kernel.timeline.inputs.stream, view.operands(kernel))
    tiles, index = np.unique(tile, return_inverse=True)
    begin = np.full(len(tiles), np.iinfo(np.int64).max)
    end = np.zeros(len(tiles), np.int64)
    np.minimum.at(begin, index, times.start[instruction])
    np.maximum.at(end, index, times.end[instruction])
    rooms = [plan.rooms[plan.buffer_of_tile[one]] for one in tiles.tolist()]
    space, address, stop = np.array(rooms, np.int64).reshape(-1, 3).T
    return np.column_stack([space, begin, end, address, stop])


def _touches(
    stream: InstructionStream, operands: Sequence[Sequence[int]]
) -> tuple[IntArray, IntArray]:
    """Tiles, and the instructions that fill or read them; ``operands`` are out and ins."""
    pairs = [
        (operands[op][place], index)
        for index, (op, step) in enumerate(zip(stream.op, stream.step, strict=True))
        for place in (*((0,) if step.is_writer else ()), *(1 + one for one in step.reads))
    ]
    rows = np.array([pair for pair in pairs if pair[0] != NO_INDEX], np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def _covered(lives: IntArray) -> IntArray:
    """Bytes of addresses that are live, at every moment at which that changes.

    Addresses are cut where any room begins or ends; a cell between two cuts is live while any tile
    over it is.
    """
    if not len(lives):
        return np.zeros((0, 2), np.int64)
    cuts = np.unique(lives[:, 2:])
    moments = np.unique(lives[:, :2])
    changes = np.zeros((len(moments), len(cuts) - 1), np.int64)
    first, last = (np.searchsorted(cuts, lives[:, column]) for column in (2, 3))
    begin, end = (np.searchsorted(moments, lives[:, column]) for column in (0, 1))
    for low, high, start, stop in np.column_stack([first, last, begin, end]).tolist():
        changes[start, low:high] += 1
        changes[stop, low:high] -= 1
    live = (np.cumsum(changes, axis=0) > 0) @ np.diff(cuts)
    is_new = np.diff(live, prepend=-1) != 0
    return np.column_stack([moments[is_new], live[is_new]])

"""Which unit held a kernel at each moment: the critical path inside one kernel.

Followed back from the end of the kernel, every moment was reached by one instruction, and that
instruction waited for one other::

    MTE2  |issue|=== load ===|-- latency --|
    V                                      |== exp ==|-- latency --|
    S                                                              |= read =|
    held  |  S  |    MTE2    | MTE2 latency|    V    |  V latency  |   S    |

A moment is the end of an instruction on its pipe, the arrival of its result, or the end of its
issue by the scalar unit. Before an instruction began, the latest of these held it: what it needs
(operands, room for the result), the instruction before it on its pipe, its own issue; of equal ones
the first named. What sharing adds to a transfer is held by the shared memory. The pieces tile the
kernel: they add up to its duration to the picosecond.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from npusim.simulator.pipe_timeline import BlockTimeline
from npusim.simulator.recipe import Pipe


class Hold(Enum):
    """How a unit held a kernel."""

    BUSY = auto()
    """An instruction occupied the pipe."""
    LATENCY = auto()
    """The instruction had left the pipe, its result had not arrived."""
    ISSUE = auto()
    """The scalar unit issued an instruction for another pipe."""
    SHARED = auto()
    """Other cores had the bandwidth that a transfer could have used."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a kernel, and what held it; picoseconds since the start of the kernel."""

    start_ps: int
    end_ps: int
    pipe: Pipe
    hold: Hold


@dataclass(frozen=True, slots=True)
class _Moment:
    """Something that an instruction reached, and when.

    ``BUSY``: its end; ``LATENCY``: the arrival of its result; ``ISSUE``: the end of its issue.
    """

    cycles: float
    index: int
    hold: Hold


def kernel_path(timeline: BlockTimeline, duration_ps: int) -> tuple[Piece, ...]:
    """The pieces of a kernel that took ``duration_ps``, in order of time; they tile it.

    Empty for a kernel without instructions, such as an external one.
    """
    walk = _Walk(timeline, duration_ps)
    total_cycles = walk.times.total_cycles
    if not len(walk.times.end) or total_cycles <= 0:
        return ()
    ps_per_cycle = duration_ps / total_cycles
    pieces: list[Piece] = []
    end_ps = duration_ps
    for from_cycles, pipe, hold in walk.pieces():
        start_ps = min(max(round(from_cycles * ps_per_cycle), 0), end_ps)
        if start_ps < end_ps:
            pieces.append(Piece(start_ps, end_ps, pipe, hold))
        end_ps = start_ps
    return tuple(reversed(pieces))


class _Walk:
    """From the last moment of a kernel back to its start."""

    def __init__(self, timeline: BlockTimeline, duration_ps: int) -> None:
        inputs = timeline.inputs
        self.times = timeline.cycles(duration_ps)
        self._alone = inputs.alone_cycles
        self._tails = inputs.tail_cycles
        self._pipe = inputs.pipe.tolist()
        self._scalar_pipe = inputs.scalar_pipe.tolist()
        self._predecessors = inputs.stream.predecessors
        self._on_pipe, self._issued_before = self._neighbours()

    def _neighbours(self) -> tuple[list[int], list[int]]:
        """Per instruction, the one before it on its pipe and the one its scalar unit issued before.

        -1 where there is none.
        """
        last_on, last_issued = [-1] * len(Pipe), [-1] * len(Pipe)
        on_pipe, issued = [], []
        for index, (pipe, scalar) in enumerate(zip(self._pipe, self._scalar_pipe, strict=True)):
            on_pipe.append(last_on[pipe])
            issued.append(last_issued[scalar])
            last_on[pipe] = last_issued[scalar] = index
        return on_pipe, issued

    def pieces(self) -> Iterator[tuple[float, Pipe, Hold]]:
        """Begin in cycles, pipe and hold of each piece, last one first; the first begins at 0."""
        moment: _Moment | None = self._last()
        while moment is not None:
            index, pipe = moment.index, Pipe(self._pipe[moment.index])
            if moment.hold is Hold.LATENCY:
                before: _Moment | None = self._end(index)
            elif moment.hold is Hold.ISSUE:
                before, pipe = self._before_issue(index), pipe.scalar_pipe
            else:
                before = self._before_start(index)
            from_cycles = before.cycles if before is not None else 0.0
            if moment.hold is Hold.BUSY:
                # What sharing adds comes before the transfer, as on the pipe lanes.
                alone_from = max(moment.cycles - float(self._alone[index]), from_cycles)
                yield alone_from, pipe, Hold.BUSY
                yield from_cycles, pipe, Hold.SHARED
            else:
                yield from_cycles, pipe, moment.hold
            moment = before

    def _last(self) -> _Moment:
        """What the kernel ended with: the result that arrived last."""
        arrivals = self.times.end + np.asarray(self._tails)
        return self._arrival(int(arrivals.argmax()))

    def _end(self, index: int) -> _Moment:
        return _Moment(float(self.times.end[index]), index, Hold.BUSY)

    def _arrival(self, index: int) -> _Moment:
        return _Moment(float(self.times.end[index]) + self._tails[index], index, Hold.LATENCY)

    def _issue(self, index: int) -> _Moment:
        return _Moment(float(self.times.issued[index]), index, Hold.ISSUE)

    def _before_start(self, index: int) -> _Moment | None:
        """What an instruction waited for before it started."""
        waits = [
            self._arrival(wait // 2) if wait % 2 else self._end(wait // 2)
            for wait in self._predecessors[index]
        ]
        if self._on_pipe[index] >= 0:
            waits.append(self._end(self._on_pipe[index]))
        return max([*waits, self._issue(index)], key=lambda one: one.cycles)

    def _before_issue(self, index: int) -> _Moment | None:
        """What the scalar unit did before it issued an instruction."""
        before = self._issued_before[index]
        if before < 0:
            return None
        is_own = self._pipe[before] == self._scalar_pipe[before]
        return self._end(before) if is_own else self._issue(before)

"""When the instructions of a block ran, given how long the block took under shared bandwidth.

While a block runs, other cores come and go, and the number of streams that share the memory
changes; the simulation keeps only when the block ended. Its instructions are placed as if the
sharing had been constant, at the number of sharers that makes the block take as long as it did.
``BlockProfile`` computes durations at the rungs of a ladder and takes them as linear in between,
and so does this for the moments of every instruction::

    duration   |-------- rung 1 --------|--x-----| rung 2        x: what the block took
    moments    exact pass at rung 1, exact pass at rung 2, mixed in the same proportion

What is left then, a rounding of the clock, stretches all moments alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from npusim.hardware.spec import ChipSpec
from npusim.simulator.pipe_pass import FloatArray, PassTimes, trace_pass
from npusim.simulator.profile import BlockProfile, SharingLadder
from npusim.simulator.structure import InstructionStream
from npusim.units import cycles_to_ps

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PassInputs:
    """What a timing pass over a block takes, one entry per instruction."""

    stream: InstructionStream
    op: IntArray
    """Operation of the block."""
    pipe: IntArray
    scalar_pipe: IntArray
    alone_cycles: FloatArray
    """Time on the pipe if nobody shares the memory."""
    busy_cycles: Callable[[float], FloatArray]
    """Time on the pipe with a number of sharers."""
    is_sharing: bool
    """False where no instruction needs the memory that all cores share."""
    tail_cycles: list[float]
    issue_cycles: float

    @classmethod
    def of(cls, profile: BlockProfile, chip: ChipSpec) -> "PassInputs":
        """The inputs behind ``profile``."""
        stream = profile.stream
        return cls(
            stream,
            np.asarray(stream.op, np.int64),
            np.asarray(stream.pipe, np.int64),
            np.asarray(stream.scalar_pipe, np.int64),
            profile.alone_cycles,
            profile.busy_cycles,
            bool(profile.server_cycles.any()),
            profile.tail_cycles,
            chip.scalar.issue_cycles,
        )

    def run(self, sharers: float) -> PassTimes:
        """The pass with ``sharers`` streams on the memory all the time."""
        busy = self.busy_cycles(sharers)
        stream = self.stream
        return trace_pass(
            stream.pipe,
            stream.scalar_pipe,
            stream.predecessors,
            busy.tolist(),
            self.tail_cycles,
            self.issue_cycles,
        )


@dataclass(frozen=True, slots=True, eq=False)
class InstructionTimes:
    """Whole picoseconds since the start of the block, one entry per instruction.

    ``issue_start <= issued <= start <= busy_from <= end``; between ``start`` and ``busy_from`` the
    instruction waits for bandwidth.
    """

    issue_start: IntArray
    issued: IntArray
    operands: IntArray
    start: IntArray
    busy_from: IntArray
    end: IntArray


class _Rung(NamedTuple):
    times: PassTimes
    total_ps: int


class BlockTimeline:
    """Instruction times of one block profile for any duration that it may have had."""

    def __init__(self, inputs: PassInputs, ladder: SharingLadder, clock_mhz: int) -> None:
        self.inputs = inputs
        self._ladder = ladder
        self._clock_mhz = clock_mhz
        self._is_sharing = inputs.is_sharing
        self._rungs: list[_Rung] = []

    def cycles(self, duration_ps: int) -> PassTimes:
        """Moments in cycles if the block took ``duration_ps`` picoseconds."""
        rung = 0
        # Every block with traffic gets slower without bound as more share, so this ends.
        while self._is_sharing and self._rung(rung + 1).total_ps <= duration_ps:
            rung += 1
        low = self._rung(rung)
        if not self._is_sharing or duration_ps <= low.total_ps:
            return low.times
        high = self._rung(rung + 1)
        weight = (duration_ps - low.total_ps) / (high.total_ps - low.total_ps)
        return low.times.mixed(high.times, weight)

    def total_cycles(self, duration_ps: int) -> float:
        """``duration_ps`` in cycles of the core clock."""
        cycles = self.cycles(duration_ps).total_cycles
        total_ps = cycles_to_ps(cycles, self._clock_mhz)
        return cycles * duration_ps / total_ps if total_ps else 0.0

    def picoseconds(self, duration_ps: int) -> InstructionTimes:
        """Moments in picoseconds from 0 to ``duration_ps`` if the block took that long."""
        times = self.cycles(duration_ps)
        ps_per_cycle = duration_ps / times.total_cycles if times.total_cycles else 0.0

        def rounded(moments: FloatArray) -> IntArray:
            # Rounding keeps the order of any two moments.
            whole = np.rint(moments * ps_per_cycle).astype(np.int64)
            return np.clip(whole, 0, duration_ps)

        start, end = rounded(times.start), rounded(times.end)
        busy_from = rounded(np.maximum(times.end - self.inputs.alone_cycles, times.start))
        return InstructionTimes(
            rounded(times.issue_start),
            rounded(times.issued),
            rounded(times.operands),
            start,
            np.clip(busy_from, start, end),
            end,
        )

    def _rung(self, rung: int) -> _Rung:
        while len(self._rungs) <= rung:
            times = self.inputs.run(self._ladder.sharers(len(self._rungs)))
            total_ps = cycles_to_ps(times.total_cycles, self._clock_mhz)
            self._rungs.append(_Rung(times, total_ps))
        return self._rungs[rung]

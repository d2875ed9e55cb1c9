"""How long a block takes, as a function of how many streams share the memory.

All cores share L2 and HBM as one server that splits its time evenly among the streams that want it
(processor sharing). With ``sharers`` streams a transfer takes::

    max(interval,  start-up + bytes / port rate of the core,
                   start-up + sharers * bytes / rate of the memory)

so a block slows down only from the number of sharers on at which the memory gives it less than its
own port takes. Reads and writes are two such servers side by side; a block counts for the one it
needs longer. The duration is computed exactly at the rungs of a ladder, when first asked for, and
is linear in between.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from npusim.cost import latency_cycles
from npusim.hardware.spec import ChipSpec
from npusim.simulator.core_pass import run_pass
from npusim.simulator.recipe import Pipe, Traffic
from npusim.simulator.structure import InstructionStream
from npusim.units import cycles_to_ps

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class OpWork:
    """What operations ask of the core and of the memory, one entry each; cycles of the core."""

    scalar_cycles: FloatArray
    """Time on the S pipe of scalar accesses."""
    moved_bytes: FloatArray
    """Bytes through the port of the core, half of them where two AIV share the work."""
    server_cycles: FloatArray
    """How long one stream of those bytes, read, alone keeps the shared memory busy."""
    write_server_cycles: FloatArray
    """The same of those bytes, written."""
    write_back_cycles: FloatArray
    """How long HBM is busy with writing back what the operation wrote, later."""
    late_frac: FloatArray
    """Part of what it reads that it has to wait for HBM for."""
    streams: FloatArray
    """How many equal streams there are: 2 where two AIV share the work."""

    def part(self, ops: slice) -> "OpWork":
        """The work of some of the operations."""
        return OpWork(*(getattr(self, item.name)[ops] for item in fields(self)))


class SharingLadder:
    """The numbers of sharers at which durations are computed.

    Two ladders, merged: from the sharers at which the port of a core and HBM are equally fast, and
    from those at which the port and L2 are, each doubling. The bends of a duration are
    there, but for those of transfers so small that their interval is the longest term.
    """

    def __init__(self, chip: ChipSpec) -> None:
        memory = chip.memory
        port_bytes_per_us = memory.core_read_bytes_per_cycle * chip.clock.core_mhz
        write_port = max(memory.core_write_bytes_per_cycle, memory.fix_write_bytes_per_cycle)
        writers = memory.l2_write_bytes_per_us / (write_port * chip.clock.core_mhz)
        rates = (memory.l2_bytes_per_us, memory.hbm_bytes_per_us)
        self.free: float = max(1.0, min(*(rate / port_bytes_per_us for rate in rates), writers))
        """Up to here nobody notices that the memory is shared."""
        self._second: float = max(1.0, max(rates) / port_bytes_per_us)
        while self._second >= 2 * self.free:
            self._second /= 2
        self._rungs = [self.free]

    def sharers(self, rung: int) -> float:
        """Sharers at a rung; rung 0 is ``free``. Two rungs further up it is twice as many."""
        doublings, is_second = divmod(rung, 2)
        return (self._second if is_second else self.free) * 2.0**doublings

    def rung_below(self, sharers: float) -> int:
        """The highest rung with fewer sharers than that, at least 0."""
        while self._rungs[-1] < sharers:
            self._rungs.append(self.sharers(len(self._rungs)))
        return max(0, bisect_left(self._rungs, sharers) - 1)


class BlockProfile:
    """Duration of one block under any sharing. Immutable but for what it has computed already."""

    def __init__(
        self, stream: InstructionStream, work: OpWork, chip: ChipSpec, ladder: SharingLadder
    ) -> None:
        """``work`` is that of the operations of the block."""
        self.stream = stream
        self._chip = chip
        self._ladder = ladder
        op = np.asarray(stream.op, np.int64)
        traffic = np.asarray([int(step.traffic) for step in stream.step], np.int64)
        own_cycles, port_cycles = self._busy_cycles(op, traffic, work)
        self.startup_cycles = np.asarray([step.startup_cycles for step in stream.step])
        """Time of each instruction on its pipe before its bytes move."""
        self.alone_cycles = np.maximum(own_cycles, self.startup_cycles + port_cycles)
        """Time of each instruction on its pipe if nobody shares the memory."""
        is_read, is_write = traffic == Traffic.READ, traffic == Traffic.WRITE
        self.server_cycles = np.where(is_read, work.server_cycles[op], 0.0)
        self.server_cycles += np.where(is_write, work.write_server_cycles[op], 0.0)
        """How long its bytes keep the shared memory busy, for each sharer."""
        # The latency of a read runs from its start.
        overlap = np.where(is_read, self.alone_cycles - port_cycles, 0.0)
        late_cycles = latency_cycles(chip.memory.hbm_read_latency_ns, chip) * work.late_frac[op]
        tail_cycles = np.asarray([step.tail_cycles for step in stream.step]) - overlap
        tail_cycles += np.where(is_read, late_cycles, 0.0)
        self.tail_cycles: list[float] = np.maximum(tail_cycles, 0.0).tolist()
        """From the end of each instruction on its pipe until its result can be used."""
        self._rungs_ps: list[int] = []
        wanted = self.server_cycles * work.streams[op]
        read_cycles = float(wanted[is_read].sum() + (work.write_back_cycles * work.streams).sum())
        total_cycles = max(read_cycles, float(wanted[is_write].sum()))
        self.server_ps: float = cycles_to_ps(total_cycles, chip.clock.core_mhz)
        """Time for which the block alone keeps the reading or writing of shared memory busy."""

    def _busy_cycles(
        self, op: npt.NDArray[np.int64], traffic: npt.NDArray[np.int64], work: OpWork
    ) -> tuple[FloatArray, FloatArray]:
        """Cycles by the instruction itself, and by its bytes through the port of the core."""
        memory = self._chip.memory
        read, write = memory.core_read_bytes_per_cycle, memory.core_write_bytes_per_cycle
        rates = {Traffic.READ: read, Traffic.WRITE: write, Traffic.PORT: write}
        per_byte = np.asarray([1 / rates[one] if one in rates else 0.0 for one in Traffic])
        is_fix = (np.asarray(self.stream.pipe) == Pipe.AIC_FIX) & (traffic == Traffic.WRITE)
        per_byte_of_step = np.where(is_fix, 1 / memory.fix_write_bytes_per_cycle, per_byte[traffic])
        port_cycles = work.moved_bytes[op] * per_byte_of_step
        own_cycles = np.asarray([step.busy_cycles for step in self.stream.step])
        is_scalar = np.asarray(self.stream.pipe) == np.asarray(self.stream.scalar_pipe)
        return own_cycles + np.where(is_scalar, work.scalar_cycles[op], 0.0), port_cycles

    @cached_property
    def alone_ps(self) -> int:
        """Duration without contention."""
        return self._rung_ps(0)

    def duration_ps(self, sharers: float) -> float:
        """Duration if ``sharers`` streams share the memory all the time."""
        if sharers <= self._ladder.free or not self.server_ps:
            return self.alone_ps
        rung = self._ladder.rung_below(sharers)
        low, high = self._ladder.sharers(rung), self._ladder.sharers(rung + 1)
        before, after = self._rung_ps(rung), self._rung_ps(rung + 1)
        return before + (after - before) * (sharers - low) / (high - low)

    def _rung_ps(self, rung: int) -> int:
        """Duration at a rung of the ladder."""
        while len(self._rungs_ps) <= rung:
            sharers = self._ladder.sharers(len(self._rungs_ps))
            busy = self.busy_cycles(sharers)
            self._rungs_ps.append(cycles_to_ps(self._pass_cycles(busy.tolist()), self._mhz))
        return self._rungs_ps[rung]

    def busy_cycles(self, sharers: float) -> FloatArray:
        """Time of each instruction on its pipe with ``sharers`` streams on the memory."""
        return np.maximum(self.alone_cycles, self.startup_cycles + sharers * self.server_cycles)

    @property
    def _mhz(self) -> int:
        return self._chip.clock.core_mhz

    def _pass_cycles(self, busy_cycles: Sequence[float]) -> float:
        stream = self.stream
        return run_pass(
            stream.pipe,
            stream.scalar_pipe,
            stream.predecessors,
            busy_cycles,
            self.tail_cycles,
            self._chip.scalar.issue_cycles,
        )

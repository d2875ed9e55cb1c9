"""How long a block takes, as a function of how many streams share the memory.

All cores share L2 and HBM as one server that splits its time evenly among the streams that want it
(processor sharing). With ``sharers`` streams a transfer takes::

    max(bytes / port rate of the core,  sharers * bytes / rate of the memory)

so a block slows down only from the number of sharers on at which the memory gives it less than its
own port takes. The duration is computed exactly at a few numbers of sharers, when first asked for,
and linearly between them: it is piecewise linear in between, so the error is second order.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from npusim.hardware.spec import ChipSpec
from npusim.simulator.core_pass import run_pass
from npusim.simulator.recipe import Traffic
from npusim.simulator.structure import InstructionStream
from npusim.units import cycles_to_ps

FloatArray = npt.NDArray[np.float64]


def free_sharers(chip: ChipSpec) -> float:
    """The number of streams up to which nobody notices that the memory is shared."""
    memory = chip.memory
    port = max(memory.core_read_bytes_per_cycle, memory.core_write_bytes_per_cycle)
    slowest = min(memory.l2_bytes_per_us, memory.hbm_bytes_per_us)
    return max(1.0, slowest / (port * chip.clock.core_mhz))


class BlockProfile:
    """Duration of one block under any sharing. Immutable but for what it has computed already."""

    def __init__(
        self,
        stream: InstructionStream,
        *,
        scalar_cycles: FloatArray,
        moved_bytes: FloatArray,
        server_cycles: FloatArray,
        streams: FloatArray,
        chip: ChipSpec,
    ) -> None:
        """Columns are per operation of the block, as in ``LoweredOps``."""
        self._stream = stream
        self._chip = chip
        self._first_sharers = free_sharers(chip)
        op = np.asarray(stream.op, np.int64)
        traffic = np.asarray([int(step.traffic) for step in stream.step], np.int64)
        self._alone_cycles = self._busy_cycles(op, traffic, scalar_cycles, moved_bytes)
        is_shared = np.isin(traffic, [int(one) for one in Traffic if one.is_shared])
        self._server_cycles = np.where(is_shared, server_cycles[op], 0.0)
        self._tail_cycles = [step.tail_cycles for step in stream.step]
        self._knots_ps: list[int] = []
        total_cycles = float((self._server_cycles * streams[op]).sum())
        self.server_ps: float = cycles_to_ps(total_cycles, chip.clock.core_mhz)
        """Time for which the block alone keeps the shared memory busy."""

    def _busy_cycles(
        self,
        op: npt.NDArray[np.int64],
        traffic: npt.NDArray[np.int64],
        scalar_cycles: FloatArray,
        moved_bytes: FloatArray,
    ) -> FloatArray:
        memory = self._chip.memory
        read, write = memory.core_read_bytes_per_cycle, memory.core_write_bytes_per_cycle
        rates = {Traffic.READ: read, Traffic.WRITE: write, Traffic.PORT: write}
        per_byte = np.asarray([1 / rates[one] if one in rates else 0.0 for one in Traffic])
        port_cycles = moved_bytes[op] * per_byte[traffic]
        own_cycles = np.asarray([step.busy_cycles for step in self._stream.step])
        is_scalar = np.asarray(self._stream.pipe) == np.asarray(self._stream.scalar_pipe)
        own_cycles = own_cycles + np.where(is_scalar, scalar_cycles[op], 0.0)
        busy: FloatArray = np.maximum(own_cycles, port_cycles)
        return busy

    @cached_property
    def alone_ps(self) -> int:
        """Duration without contention."""
        return self._knot_ps(0)

    def duration_ps(self, sharers: float) -> float:
        """Duration if ``sharers`` streams share the memory all the time."""
        if sharers <= self._first_sharers or not self.server_ps:
            return self.alone_ps
        knot = 0
        while self._first_sharers * 2.0 ** (knot + 1) < sharers:
            knot += 1
        low = self._first_sharers * 2.0**knot
        before, after = self._knot_ps(knot), self._knot_ps(knot + 1)
        return before + (after - before) * (sharers - low) / low

    def _knot_ps(self, knot: int) -> int:
        """Duration at ``first_sharers * 2**knot``."""
        while len(self._knots_ps) <= knot:
            sharers = self._first_sharers * 2.0 ** len(self._knots_ps)
            busy = np.maximum(self._alone_cycles, sharers * self._server_cycles)
            self._knots_ps.append(cycles_to_ps(self._pass_cycles(busy.tolist()), self._mhz))
        return self._knots_ps[knot]

    @property
    def _mhz(self) -> int:
        return self._chip.clock.core_mhz

    def _pass_cycles(self, busy_cycles: Sequence[float]) -> float:
        stream = self._stream
        return run_pass(
            stream.pipe,
            stream.scalar_pipe,
            stream.predecessors,
            busy_cycles,
            self._tail_cycles,
            self._chip.scalar.issue_cycles,
        )

"""Bytes, memory requests and operations of a kernel: what its duration does not change.

A read or write of global memory counts at the core that makes it, as the bytes that really move;
what L2 later writes back to HBM counts at the core that wrote it.
Scalar accesses through the D-cache are not counted. An operand or a result in UB or L1 counts once
per operation and core, however many instructions share the work.
"""

from collections import defaultdict
from math import ceil

import numpy as np
import numpy.typing as npt

from npusim.cost import server_cycles
from npusim.hardware.spec import ChipSpec
from npusim.program import NO_INDEX, Space, Unit
from npusim.simulator.lowering import LoweredOps, is_split_task
from npusim.simulator.pipe_view import CoreView, Kernel
from npusim.simulator.recipe import Step, Traffic

FloatArray = npt.NDArray[np.float64]

_UNIT_COLUMNS = {
    Unit.CUBE: "cube_ops",
    Unit.VECTOR: "vector_ops",
    Unit.MOVE: "move_ops",
    Unit.SCALAR: "scalar_ops",
}
_BUFFER_NAMES: dict[int, str] = {Space.UB: "ub", Space.L1: "l1"}


class TrafficCounter:
    """Counts the traffic of kernels of one run."""

    def __init__(self, view: CoreView) -> None:
        self._view = view
        self._program = view.program
        self._chip = view.chip
        self._moved = view.lowered.moved_bytes
        self._missed, self._written_back = _hbm_bytes(view.lowered, view.chip)

    def counts(self, kernel: Kernel) -> dict[str, float]:
        """Columns of ``COUNTER_DTYPE`` that depend on the instructions of a kernel alone."""
        counts: defaultdict[str, float] = defaultdict(float)
        stream = kernel.timeline.inputs.stream
        row = self._program.blocks[kernel.program_block]
        ops = slice(int(row["op_start"]), int(row["op_stop"]))
        columns = (self._moved, self._missed, self._written_back)
        moved, missed, written_back = (column[ops].tolist() for column in columns)
        steps_of: dict[int, list[Step]] = {}
        for op, pipe, step in zip(stream.op, stream.pipe, stream.step, strict=True):
            if pipe not in kernel.pipes:
                continue
            steps_of.setdefault(op, []).append(step)
            if step.traffic is Traffic.READ:
                counts["read_bytes"] += moved[op]
                counts["hbm_read_bytes"] += missed[op]
            elif step.traffic is Traffic.WRITE:
                counts["write_bytes"] += moved[op]
                counts["hbm_write_bytes"] += written_back[op]
        units = [kind.unit for kind in self._program.op_kinds]
        kinds = self._program.ops["kind"][ops].tolist()
        for op in steps_of:
            counts[_UNIT_COLUMNS[units[kinds[op]]]] += 1
        self._count_buffers(counts, kernel, ops, steps_of)
        return {**counts, **_requests(counts, self._chip)}

    def _count_buffers(
        self,
        counts: defaultdict[str, float],
        kernel: Kernel,
        ops: slice,
        steps_of: dict[int, list[Step]],
    ) -> None:
        operands = self._view.lowered.operands[ops].tolist()
        tiles = self._program.block_tiles(kernel.program_block)
        spaces, sizes = tiles["space"].tolist(), tiles["nbytes"].tolist()
        # Both AIV of a split task work on half of every tile in UB.
        ub_share = 2 if is_split_task(self._program, kernel.task) else 1
        for op, steps in steps_of.items():
            out, *ins = operands[op]
            used = [(ins[one], "read") for one in {one for step in steps for one in step.reads}]
            if any(step.is_writer for step in steps):
                used.append((out, "write"))
            for tile, what in used:
                if tile != NO_INDEX and (name := _BUFFER_NAMES.get(spaces[tile])):
                    share = ub_share if spaces[tile] == Space.UB else 1
                    counts[f"{name}_{what}_bytes"] += sizes[tile] / share


def _hbm_bytes(lowered: LoweredOps, chip: ChipSpec) -> tuple[FloatArray, FloatArray]:
    """Bytes each operation takes from HBM when it reads, and causes to be written back.

    Lowering keeps how long the memory is busy with an operation. That time is a sum over L2 and
    HBM of bytes over rate, so with the bytes known it tells how they split.
    """
    one, none = np.ones(1), np.zeros(1)
    l2_cycles = float(server_cycles(one, none, chip)[0])
    hbm_cycles = float(server_cycles(none, one, chip)[0])
    moved = lowered.moved_bytes
    if hbm_cycles == l2_cycles:
        missed = np.zeros_like(moved)
    else:
        missed = (lowered.server_cycles - moved * l2_cycles) / (hbm_cycles - l2_cycles)
    return np.clip(missed, 0.0, moved), lowered.write_back_cycles / hbm_cycles


def _requests(counts: defaultdict[str, float], chip: ChipSpec) -> dict[str, float]:
    """Requests as whole units of what a memory serves at once: an L2 line, an aligned block."""
    line, block = chip.memory.l2_line_bytes, chip.buffer.alignment_bytes
    units = {
        "l2_read_requests": (counts["read_bytes"], line),
        "l2_write_requests": (counts["write_bytes"], line),
        "hbm_read_requests": (counts["hbm_read_bytes"], line),
        "hbm_write_requests": (counts["hbm_write_bytes"], line),
        "ub_read_requests": (counts["ub_read_bytes"], block),
        "ub_write_requests": (counts["ub_write_bytes"], block),
        "l1_read_requests": (counts["l1_read_bytes"], block),
        "l1_write_requests": (counts["l1_write_bytes"], block),
    }
    return {name: ceil(round(nbytes) / unit) for name, (nbytes, unit) in units.items()}

"""What the performance monitoring unit would count: one row per kernel and core.

Everything follows from the instructions behind a kernel (``pipe_timeline``), so the counts are the
same whether the run also shows its pipes or not. Cycles of a pipe are those for which it is
occupied, waiting for bandwidth included, as a busy counter on the device sees it.

Not modelled: a device that counts turns pending and early dispatch off (HARDWARE.md section 6);
the simulated runtime does not react to counting, so counting changes no time.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from npusim.program import Program
from npusim.simulator.pipe_traffic import TrafficCounter
from npusim.simulator.pipe_view import CoreView, Kernel
from npusim.simulator.recipe import Pipe
from npusim.trace import COUNTER_DTYPE, LaneKind
from npusim.trace.model import Records

if TYPE_CHECKING:
    from npusim.simulator.pipe_timeline import BlockTimeline

IntArray = npt.NDArray[np.int64]

_PIPE_COLUMNS = {
    Pipe.AIC_S: "scalar_cycles",
    Pipe.AIV_S: "scalar_cycles",
    Pipe.AIC_MTE2: "mte2_cycles",
    Pipe.AIV_MTE2: "mte2_cycles",
    Pipe.AIC_MTE1: "mte1_cycles",
    Pipe.AIC_M: "cube_cycles",
    Pipe.AIC_FIX: "fix_cycles",
    Pipe.AIC_MTE3: "mte3_cycles",
    Pipe.AIV_MTE3: "mte3_cycles",
    Pipe.AIV_V: "vector_cycles",
}
_HALF_BYTES = 2


def count_kernels(view: CoreView) -> Records:
    """The counters of every kernel of a run, ``COUNTER_DTYPE``, by core lane, then by start."""
    traffic = TrafficCounter(view)
    known: dict[tuple[BlockTimeline, tuple[Pipe, ...]], _KernelCounts] = {}
    rows: list[tuple[int, ...]] = []
    for lane in view.trace.lane_indices(LaneKind.AIC, LaneKind.AIV):
        for kernel in view.kernels(lane):
            key = (kernel.timeline, kernel.pipes)
            if key not in known:
                known[key] = _KernelCounts(
                    traffic.counts(kernel), _typed_columns(kernel, view.program)
                )
            rows.append(_row(kernel, known[key]))
    return np.array(rows, COUNTER_DTYPE)


@dataclass(frozen=True, slots=True)
class _KernelCounts:
    """What all kernels with the same instructions on the same pipes have in common."""

    traffic: dict[str, float]
    typed: dict[str, IntArray]
    """Instructions of the cube or the vector unit that count in a column of one type."""


def _row(kernel: Kernel, common: _KernelCounts) -> tuple[int, ...]:
    timeline = kernel.timeline
    pipe_of, scalar_of = timeline.inputs.pipe, timeline.inputs.scalar_pipe
    times = timeline.cycles(kernel.duration_ps)
    occupied, issuing = times.end - times.start, times.issued - times.issue_start
    counts: dict[str, float] = {
        "lane": kernel.lane,
        "task": kernel.task,
        "block": kernel.block,
        "slot": kernel.slot,
        "total_cycles": timeline.total_cycles(kernel.duration_ps),
        **common.traffic,
        **{name: float(occupied[chosen].sum()) for name, chosen in common.typed.items()},
    }
    for pipe in kernel.pipes:
        own, issued = occupied[pipe_of == pipe].sum(), issuing[scalar_of == pipe].sum()
        counts[_PIPE_COLUMNS[pipe]] = float(own + issued)
    return tuple(round(counts.get(name, 0)) for name in COUNTER_DTYPE.names or ())


def _typed_columns(kernel: Kernel, program: Program) -> dict[str, IntArray]:
    """Instructions of the cube and the vector unit by the column of their type."""
    stream = kernel.timeline.inputs.stream
    first = int(program.blocks["op_start"][kernel.program_block])
    found: dict[str, list[int]] = {}
    for index, (op, pipe) in enumerate(zip(stream.op, stream.pipe, strict=True)):
        if pipe in kernel.pipes and pipe in {Pipe.AIC_M, Pipe.AIV_V}:
            row = program.ops[first + op]
            types = (int(row["dtype"]), int(row["out_dtype"]))
            column = _cube_column if pipe == Pipe.AIC_M else _vector_column
            found.setdefault(column(program, types), []).append(index)
    # The device has no counter for products of four-byte types; they have no column.
    found.pop("", None)
    return {name: np.asarray(indices, np.int64) for name, indices in found.items()}


def _cube_column(program: Program, types: tuple[int, int]) -> str:
    columns = {1: "cube_int8_cycles", _HALF_BYTES: "cube_half_cycles"}
    return columns.get(program.dtype_bytes[types[0]], "")


def _vector_column(program: Program, types: tuple[int, int]) -> str:
    sizes = {program.dtype_bytes[one] for one in types}
    names = {program.dtypes[one] for one in types}
    if min(sizes) == _HALF_BYTES:
        return "vector_half_cycles" if len(sizes) == 1 else "vector_half_wide_cycles"
    if len(names) > 1:
        return "vector_misc_cycles"
    single = {"FP32": "vector_fp32_cycles", "INT32": "vector_int32_cycles"}
    return single.get(names.pop(), "vector_misc_cycles")

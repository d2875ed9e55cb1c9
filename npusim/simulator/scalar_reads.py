"""Scalar reads of global memory: which of them miss the D-cache of the core.

The runtime empties the D-cache before every kernel, so each block starts cold; the first touch of
a line within a block is a miss. The cache is taken as large enough for the lines of one block.
"""

import numpy as np
import numpy.typing as npt

from npusim.cost import scalar_read_cycles, scalar_write_cycles
from npusim.hardware.spec import ChipSpec
from npusim.program import NO_INDEX, Program
from npusim.simulator.residency import tensor_elem_bytes

IntArray = npt.NDArray[np.int64]


def scalar_access_cycles(
    program: Program, block_of_op: IntArray, chip: ChipSpec
) -> npt.NDArray[np.float64]:
    """Cycles every scalar access keeps the S pipe busy, shape (ops,); 0 for other operations.

    Args:
        program: The recording.
        block_of_op: Block of every operation.
        chip: The chip.
    """
    cycles = np.zeros(len(program.ops))
    ops = program.ops
    writes = np.flatnonzero(ops["kind"] == program.kind_index("scalar_write"))
    for op in writes.tolist():
        cycles[op] = scalar_write_cycles(int(ops["cols"][op]), chip)
    reads = np.flatnonzero(
        (ops["kind"] == program.kind_index("scalar_read")) & (ops["access"] != NO_INDEX)
    )
    if len(reads):
        misses = _first_touches(program, reads, block_of_op[reads], chip.scalar.dcache_line_bytes)
        counts = ops["cols"][reads].tolist()
        for op, missed, count in zip(reads.tolist(), misses.tolist(), counts, strict=True):
            cycles[op] = scalar_read_cycles(missed, max(0, count - missed), chip)
    return cycles


def _first_touches(
    program: Program, reads: IntArray, blocks: IntArray, line_bytes: int
) -> IntArray:
    """Lines that each read is the first of its block to touch."""
    accesses = program.accesses[program.ops["access"][reads]]
    elem_bytes = np.asarray(tensor_elem_bytes(program))[accesses["tensor"]]
    first = accesses["offset"] * elem_bytes // line_bytes
    last = ((accesses["offset"] + accesses["run"]) * elem_bytes - 1) // line_bytes
    lines_of_read = last - first + 1
    read = np.repeat(np.arange(len(reads)), lines_of_read)
    within = np.arange(len(read)) - np.repeat(
        np.cumsum(lines_of_read) - lines_of_read, lines_of_read
    )
    touched = np.stack([blocks[read], accesses["tensor"][read], first[read] + within], axis=1)
    _, first_index = np.unique(touched, axis=0, return_index=True)
    return np.bincount(read[first_index], minlength=len(reads))

"""Scalar reads of global memory: which of them miss the D-cache of the core.

The runtime empties the D-cache before every kernel, so each block starts cold; the first touch of
a line within a block is a miss, a cheap one after the line before it. The cache is taken as large
enough for the lines of one block.
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
        line_bytes = chip.scalar.dcache_line_bytes
        misses, next_lines = _first_touches(program, reads, block_of_op[reads], line_bytes)
        hits = np.maximum(ops["cols"][reads] - misses - next_lines, 0)
        columns = (reads.tolist(), misses.tolist(), next_lines.tolist(), hits.tolist())
        for op, missed, followed, hit in zip(*columns, strict=True):
            cycles[op] = scalar_read_cycles(missed, followed, hit, chip)
    return cycles


def _first_touches(
    program: Program, reads: IntArray, blocks: IntArray, line_bytes: int
) -> tuple[IntArray, IntArray]:
    """Lines that each read touches first in its block: after no neighbour, and after one."""
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
    lines, first_index = np.unique(touched, axis=0, return_index=True)
    follows = np.zeros(len(lines), bool)
    is_neighbour = (np.diff(lines, axis=0) == (0, 0, 1)).all(axis=1)
    follows[1:] = is_neighbour & (first_index[1:] > first_index[:-1])
    plain, followed = read[first_index[~follows]], read[first_index[follows]]
    count = len(reads)
    return np.bincount(plain, minlength=count), np.bincount(followed, minlength=count)

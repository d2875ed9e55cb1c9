"""Order through global memory inside one block: a read waits for what the block itself wrote.

Tiles order the rest; this covers a block that stores a region and loads it again, for which the
compiler inserts a flag. Only tensors that a block both writes and reads are looked at.
"""

import numpy as np
import numpy.typing as npt

from npusim.hardware.spec import ChipSpec
from npusim.program import NO_INDEX, AccessMode, Program
from npusim.simulator.residency import access_units, tensor_elem_bytes

IntArray = npt.NDArray[np.int64]


def gm_predecessors(
    program: Program, block_of_op: IntArray, chip: ChipSpec
) -> dict[int, tuple[int, ...]]:
    """For each read of a region its block wrote before: the operations that wrote it last.

    Regions are compared in units of the buffer alignment, the smallest a transfer can move.

    Args:
        program: The recording.
        block_of_op: Block of every operation.
        chip: The chip.

    Returns:
        Operation index to operation indices, ascending, all in ``Program.ops``.
    """
    unit_bytes = chip.buffer.alignment_bytes
    with_access = np.flatnonzero(program.ops["access"] != NO_INDEX)
    access_of = program.ops["access"][with_access]
    tensors = program.accesses["tensor"][access_of].astype(np.int64)
    is_read = program.accesses["mode"][access_of] == AccessMode.READ
    pair = block_of_op[with_access] * (len(program.tensors) + 1) + tensors
    shared = np.intersect1d(pair[is_read], pair[~is_read])
    candidates = with_access[np.isin(pair, shared)]
    elem_bytes = tensor_elem_bytes(program)
    last_writer: dict[int, IntArray] = {}
    found: dict[int, tuple[int, ...]] = {}
    rows = program.accesses[program.ops["access"][candidates]].tolist()
    first_op = program.blocks["op_start"][block_of_op[candidates]].tolist()
    for op, start, row in zip(candidates.tolist(), first_op, rows, strict=True):
        tensor, mode = row[:2]
        units = access_units(row, elem_bytes[tensor], unit_bytes)
        if tensor not in last_writer:
            count = -(-program.tensors[tensor].nbytes // unit_bytes) + 1
            last_writer[tensor] = np.full(count, NO_INDEX, np.int64)
        if mode != AccessMode.READ:
            last_writer[tensor][units] = op
            continue
        before = last_writer[tensor][units]
        # What other blocks wrote is older than this block, and the task graph orders it.
        newest = int(before.max(initial=NO_INDEX))
        if newest >= start:
            found[op] = tuple(one for one in _distinct(before) if one >= start)
    return found


def _distinct(values: IntArray) -> list[int]:
    """The distinct values, ascending.

    Regions have one writer over long stretches, so the places where the value changes are few;
    sorting them is much cheaper than ``np.unique`` of all.
    """
    is_new = np.empty(len(values), bool)
    is_new[:1] = True
    np.not_equal(values[1:], values[:-1], out=is_new[1:])
    return sorted(set(values[is_new].tolist()))

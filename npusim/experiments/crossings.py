"""What it costs to hand tiles from one half of a fused task to the other, inside a cluster.

Two scopes that ran on AIC and on AIV hand their tiles over through global memory; fused into one
MIX task, they push and pop them one by one. Each tile that the second half loads of what the first
half stored is one crossing and costs a handshake (chip figure ``sync.handshake_ns``); what its way
through global memory costs, both halves have paid already.
"""

import numpy as np
import numpy.typing as npt

from npusim.hardware import ChipSpec
from npusim.program import NO_INDEX, AccessMode, Program
from npusim.units import ns_to_ps


def crossing_ps(program: Program, chip: ChipSpec, first: int, second: int) -> list[int]:
    """Picoseconds per block of task ``second`` for the tiles that it takes over from ``first``."""
    written = _tensors(program, first)
    found = []
    for block in _blocks(program, second):
        ops = program.block_ops(block)
        ops = ops[ops["access"] != NO_INDEX]
        accesses = program.accesses[ops["access"]]
        takes = np.isin(accesses["tensor"], written) & (accesses["mode"] == AccessMode.READ)
        # A scalar read is no tile: the table it reads stays in global memory.
        takes &= ops["out"] != NO_INDEX
        found.append(ns_to_ps(chip.sync.handshake_ns * int(takes.sum())))
    return found


def _blocks(program: Program, task: int) -> range:
    one = program.tasks[task]
    return range(one.first_block, one.first_block + one.block_num)


def _tensors(program: Program, task: int) -> npt.NDArray[np.int32]:
    """Tensors that a task writes."""
    found: list[int] = []
    for block in _blocks(program, task):
        access = program.block_ops(block)["access"]
        rows = program.accesses[access[access != NO_INDEX]]
        found += rows["tensor"][rows["mode"] != AccessMode.READ].tolist()
    return np.unique(np.array(found, np.int32))

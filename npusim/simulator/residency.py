"""What is in L2: which part of every access comes from HBM.

L2 is a set of lines that starts empty. Walking the accesses in submission order, a line that nobody
touched before is a miss when read; afterwards it is a hit. A write brings its line in without
fetching it, and write-back to HBM is not charged. Nothing is ever evicted, except that a tensor
larger than L2 never stays: all its reads are misses.
"""

from math import prod

import numpy as np
import numpy.typing as npt

from npusim.hardware.spec import MemorySpec
from npusim.program import AccessMode, Program

FloatArray = npt.NDArray[np.float64]


def miss_fractions(program: Program, memory: MemorySpec) -> FloatArray:
    """Part of the lines of each access that comes from HBM, 0 to 1, shape (accesses,).

    Accesses count in the order in which the operations of the program use them; an access that
    several operations share counts at its first use.
    """
    walker = _Walker(program, memory)
    fractions = np.zeros(len(program.accesses))
    keys = _row_keys(program)
    seen: dict[bytes, float] = {}
    for index, key in enumerate(keys):
        # Repeating an access finds every line where the first time left it.
        fraction = seen.get(key)
        if fraction is None:
            fraction = walker.touch(index)
            seen[key] = walker.repeated(index)
        fractions[index] = fraction
    return fractions


def tensor_elem_bytes(program: Program) -> list[int]:
    """Bytes of one element of every tensor."""
    return [max(1, tensor.nbytes // max(1, prod(tensor.shape))) for tensor in program.tensors]


def _row_keys(program: Program) -> list[bytes]:
    raw = program.accesses.tobytes()
    width = program.accesses.dtype.itemsize
    return [raw[start : start + width] for start in range(0, len(raw), width)]


class _Walker:
    """One bit per line of every tensor, and the accesses as plain lists."""

    def __init__(self, program: Program, memory: MemorySpec) -> None:
        self._line_bytes = memory.l2_line_bytes
        self._elem_bytes = tensor_elem_bytes(program)
        self._is_resident = [
            np.zeros(-(-tensor.nbytes // self._line_bytes) + 1, bool) for tensor in program.tensors
        ]
        self._is_too_large = [
            tensor.nbytes > memory.l2_capacity_bytes for tensor in program.tensors
        ]
        self._rows = program.accesses.tolist()

    def repeated(self, index: int) -> float:
        """Miss fraction of the same access when it comes again."""
        tensor, mode = self._rows[index][:2]
        return float(self._is_too_large[tensor] and mode == AccessMode.READ)

    def touch(self, index: int) -> float:
        """Miss fraction of access ``index``; brings its lines in."""
        tensor, mode = self._rows[index][:2]
        lines = access_units(self._rows[index], self._elem_bytes[tensor], self._line_bytes)
        resident = self._is_resident[tensor]
        missing = len(lines) - int(np.count_nonzero(resident[lines]))
        resident[lines] = True
        if mode != AccessMode.READ:
            return 0.0
        if self._is_too_large[tensor]:
            return 1.0
        return missing / len(lines) if len(lines) else 0.0


def access_units(row: tuple[int, ...], elem_bytes: int, unit_bytes: int) -> npt.NDArray[np.int64]:
    """The aligned units of ``unit_bytes`` that an access touches, one per run and unit.

    Args:
        row: A row of ``Program.accesses`` as a tuple.
        elem_bytes: Bytes of one element of its tensor.
        unit_bytes: Size of a unit: a cache line, or what a hazard is tracked by.

    Returns:
        Unit numbers from the start of the tensor; runs that share a unit repeat it.
    """
    _, _, offset, n0, s0, n1, s1, n2, s2, run = row
    first = offset * elem_bytes
    is_one_run = (
        (n2 == 1 or s2 == run) and (n1 == 1 or s1 == n2 * run) and (n0 == 1 or s0 == n1 * n2 * run)
    )
    if is_one_run:
        last = (offset + n0 * n1 * n2 * run) * elem_bytes - 1
        return np.arange(first // unit_bytes, last // unit_bytes + 1)
    starts = (
        np.arange(n0)[:, None, None] * s0
        + np.arange(n1)[None, :, None] * s1
        + np.arange(n2)[None, None, :] * s2
        + offset
    ).ravel()
    first_unit = starts * elem_bytes // unit_bytes
    last_unit = ((starts + run) * elem_bytes - 1) // unit_bytes
    width = int((last_unit - first_unit).max(initial=0)) + 1
    units = np.minimum(first_unit[:, None] + np.arange(width), last_unit[:, None])
    if width == 1:
        return first_unit
    is_new = np.ones(units.shape, bool)
    is_new[:, 1:] = units[:, 1:] != units[:, :-1]
    result: npt.NDArray[np.int64] = units[is_new]
    return result

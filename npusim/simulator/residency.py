"""What is in L2: which part of every access comes from HBM, and what has to be written back.

L2 is a set of lines that starts empty. A line that nobody touched before is a miss when read;
afterwards it is a hit while it survives. A write brings its line in without fetching it and leaves
it dirty. As long as all tensors fit, nothing is evicted. Beyond that L2 replaces at random, and
fractions are expected values: with capacity C, a line survives F bytes of fills into the full cache
with probability exp(-F / C); a dirty line that does not survive is written back::

    fills    0 ......... C | .............. F(last touch) ........... F(now)
             room is left  | full                         P(hit) = exp(-(F(now) - F(last)) / C)

Accesses are walked in submission order. The blocks of a task that run at once (``waves.py``) share
what they miss, and all of them wait for a line that one of them has just asked for. Where lines are
evicted the order within a task matters too, so they are walked in step.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import exp, prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from npusim.hardware.spec import ChipSpec, MemorySpec
from npusim.program import AccessMode, Program
from npusim.simulator.waves import AccessTimes, access_times

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_KEPT_SHAPES = 64
"""Shapes of accesses whose lines are kept; a kernel alternates among a few."""


@dataclass(frozen=True, slots=True)
class Residency:
    """Fractions of the lines of each access, 0 to 1, shape (accesses,)."""

    missed: FloatArray
    """Read from HBM; 0 for writes. Accesses that happen at once share the misses among them."""
    late: FloatArray
    """Not there yet when the access starts, whoever of those that run at once asks HBM for them."""
    written_back: FloatArray
    """Written to HBM until the end of the program; 0 for reads."""


def residency(program: Program, chip: ChipSpec) -> Residency:
    """What every access finds in L2, and what of it L2 writes back.

    An access that several operations share counts at its first use.
    """
    times = access_times(program, chip.topology)
    walker = _Walker(program, chip.memory, times)
    missed, late = walker.walk()
    is_read = program.accesses["mode"] == AccessMode.READ
    reads = np.flatnonzero(is_read & (times.block > 0))
    if walker.resident_bytes <= chip.memory.l2_capacity_bytes:
        spread = times.spread(missed, walker.lines, reads)
        return Residency(spread, late, np.zeros(len(missed)))
    missed, written_back = _EvictingWalker(program, chip.memory).walk(times.in_step())
    writes = np.flatnonzero(~is_read & (times.block > 0))
    return Residency(
        times.spread(missed, walker.lines, reads),
        times.highest(np.maximum(late, missed), reads),
        times.spread(written_back, walker.lines, writes),
    )


def tensor_elem_bytes(program: Program) -> list[int]:
    """Bytes of one element of every tensor."""
    return [max(1, tensor.nbytes // max(1, prod(tensor.shape))) for tensor in program.tensors]


def _row_keys(program: Program) -> list[bytes]:
    raw = program.accesses.tobytes()
    width = program.accesses.dtype.itemsize
    return [raw[start : start + width] for start in range(0, len(raw), width)]


_WRITTEN = -1
_AT_ONCE = 1
"""How many accesses apart two blocks of a wave still run in step."""


class _FirstTime(NamedTuple):
    """How an access was met first in its wave, and the block that did it last."""

    block: int
    wave: int
    position: int
    lines: float
    late: float


class _Walker:
    """L2 without a limit: for every line who brought it in, and when."""

    def __init__(self, program: Program, memory: MemorySpec, times: AccessTimes) -> None:
        self._line_bytes = memory.l2_line_bytes
        self._elem_bytes = tensor_elem_bytes(program)
        counts = [-(-tensor.nbytes // self._line_bytes) + 1 for tensor in program.tensors]
        self._wave_of_line = [np.zeros(count, np.int32) for count in counts]
        """The wave that read a line first, ``_WRITTEN`` for one that was written, else 0."""
        self._block_of_line = [np.zeros(count, np.int32) for count in counts]
        self._position_of_line = [np.zeros(count, np.int32) for count in counts]
        self._rows = program.accesses.tolist()
        self._keys = _row_keys(program)
        columns = (times.block, times.wave, times.position)
        self._times = list(zip(*(column.tolist() for column in columns), strict=True))
        self.lines = np.zeros(len(self._rows))
        """How many lines each access touches."""

    @property
    def resident_bytes(self) -> int:
        """Bytes of all lines that were touched."""
        lines = sum(int(np.count_nonzero(wave)) for wave in self._wave_of_line)
        return lines * self._line_bytes

    def walk(self) -> tuple[FloatArray, FloatArray]:
        """Fractions of all accesses that miss, and that are late, in the order of their index."""
        missed, late = np.zeros(len(self._rows)), np.zeros(len(self._rows))
        seen: dict[bytes, _FirstTime] = {}
        for index, key in enumerate(self._keys):
            block, wave, position = self._times[index]
            first = seen.get(key)
            if first is None:
                missed[index], late[index] = self._touch(index)
                seen[key] = _FirstTime(block, wave, position, self.lines[index], late[index])
                continue
            # Every line is where the first time left it.
            self.lines[index] = first.lines
            if first.wave != wave:
                seen[key] = _FirstTime(block, wave, position, first.lines, 0.0)
            elif first.block != block:
                seen[key] = first._replace(block=block)
                if abs(first.position - position) <= _AT_ONCE:
                    late[index] = first.late
        return missed, late

    def _touch(self, index: int) -> tuple[float, float]:
        row, (block, wave, position) = self._rows[index], self._times[index]
        tensor, mode = row[:2]
        lines = _lines(row, self._elem_bytes[tensor], self._line_bytes)
        brought = self._wave_of_line[tensor]
        before = brought[lines].copy()
        count = self.lines[index] = len(before)
        if mode != AccessMode.READ:
            brought[lines] = _WRITTEN
            return 0.0, 0.0
        missing = waiting = count - np.count_nonzero(before)
        by, at = self._block_of_line[tensor], self._position_of_line[tensor]
        recent = before == wave
        if recent.any():
            recent &= (by[lines] != block) & (abs(at[lines] - position) <= _AT_ONCE)
            waiting += np.count_nonzero(recent)
        if missing:
            for column, value in ((brought, wave), (by, block), (at, position)):
                column[lines] = np.where(before == 0, value, column[lines])
        return (missing / count, waiting / count) if count else (0.0, 0.0)


def _lines(row: tuple[int, ...], elem_bytes: int, line_bytes: int) -> slice | IntArray:
    """The lines of an access as an index: a slice, which is much faster, where it is one run."""
    _, _, offset, n0, _, n1, _, n2, _, run = row
    if n0 == n1 == n2 == 1:
        first = offset * elem_bytes // line_bytes
        return slice(first, ((offset + run) * elem_bytes - 1) // line_bytes + 1)
    return access_units(row, elem_bytes, line_bytes)


class _EvictingWalker:
    """For every line the fills into the full cache when it was last touched."""

    def __init__(self, program: Program, memory: MemorySpec) -> None:
        self._line_bytes = memory.l2_line_bytes
        self._capacity_bytes = memory.l2_capacity_bytes
        self._elem_bytes = tensor_elem_bytes(program)
        self._last_touch = [
            np.full(-(-tensor.nbytes // self._line_bytes) + 1, -np.inf)
            for tensor in program.tensors
        ]
        self._rows = program.accesses.tolist()
        self._keys = _row_keys(program)
        self._seen: dict[bytes, tuple[float, int]] = {}
        self._filled_bytes = 0.0

    @property
    def _clock_bytes(self) -> float:
        """Bytes filled since the cache was full."""
        return max(0.0, self._filled_bytes - self._capacity_bytes)

    def walk(self, order: IntArray) -> tuple[FloatArray, FloatArray]:
        """Touch the accesses in that order: fractions that miss, and that are written back."""
        missed, written_at = np.zeros(len(self._rows)), np.full(len(self._rows), np.inf)
        for index in order.tolist():
            now_bytes = self._clock_bytes
            fraction, lines = self._missing(index, now_bytes)
            self._filled_bytes += fraction * lines * self._line_bytes
            if self._rows[index][1] == AccessMode.READ:
                missed[index] = fraction
            else:
                written_at[index] = now_bytes
        age = np.minimum((written_at - self._clock_bytes) / self._capacity_bytes, 0.0)
        return missed, 1 - np.exp(age)

    def _missing(self, index: int, now_bytes: float) -> tuple[float, int]:
        """Expected fraction of the lines of an access that are not there, and their number.

        An access that comes again counts from its own last time, which is exact unless another one
        that overlaps it came between.
        """
        key = self._keys[index]
        if before := self._seen.get(key):
            touched, count = before
            self._seen[key] = (now_bytes, count)
            return 1 - exp((touched - now_bytes) / self._capacity_bytes), count
        tensor = self._rows[index][0]
        lines = access_units(self._rows[index], self._elem_bytes[tensor], self._line_bytes)
        last = self._last_touch[tensor]
        survives = np.exp((last[lines] - now_bytes) / self._capacity_bytes)
        last[lines] = now_bytes
        self._seen[key] = (now_bytes, len(lines))
        return (float(1 - survives.mean()) if len(lines) else 0.0), len(lines)


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
    base, within = divmod(first, unit_bytes)
    return base + _strided_units((n0, s0, n1, s1, n2, s2, run), within, elem_bytes, unit_bytes)


@lru_cache(maxsize=_KEPT_SHAPES)
def _strided_units(
    shape: tuple[int, ...], within_bytes: int, elem_bytes: int, unit_bytes: int
) -> npt.NDArray[np.int64]:
    """The units of a strided access that begins ``within_bytes`` into unit 0.

    Tiles of one shape are met again and again at other places of a tensor.
    """
    n0, s0, n1, s1, n2, s2, run = shape
    starts = (
        np.arange(n0)[:, None, None] * s0
        + np.arange(n1)[None, :, None] * s1
        + np.arange(n2)[None, None, :] * s2
    ).ravel() * elem_bytes + within_bytes
    first_unit = starts // unit_bytes
    last_unit = (starts + run * elem_bytes - 1) // unit_bytes
    width = int((last_unit - first_unit).max(initial=0)) + 1
    if width == 1:
        return first_unit
    units = np.minimum(first_unit[:, None] + np.arange(width), last_unit[:, None])
    is_new = np.ones(units.shape, bool)
    is_new[:, 1:] = units[:, 1:] != units[:, :-1]
    result: npt.NDArray[np.int64] = units[is_new]
    return result

"""Cost of moving data between global memory and a core."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from npusim.hardware.spec import ChipSpec
from npusim.program.model import Records
from npusim.units import PS_PER_NS, PS_PER_US

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class Bursts(NamedTuple):
    """Accesses as bursts: ``runs[i]`` contiguous runs of ``run_elems[i]`` elements each."""

    runs: IntArray
    run_elems: IntArray


def access_bursts(accesses: Records) -> Bursts:
    """The contiguous runs of every access, after rows that touch each other are merged.

    A row as wide as the buffer continues in the next row: a full matrix is one burst, a column
    tile of it is one burst per row.

    Shapes: accesses (n,) of ACCESS_DTYPE -> runs (n,), run_elems (n,).
    Model: from the innermost repeat outwards, ``run *= n`` while the stride equals the run.
    Source: none; geometry.
    Valid for: any access; repeats of one element count as one.
    """
    run = accesses["run"].astype(np.int64)
    runs = np.ones_like(run)
    is_open = np.ones(len(run), bool)
    for axis in (2, 1, 0):
        repeats, stride = accesses[f"n{axis}"], accesses[f"s{axis}"]
        is_merged = is_open & ((stride == run) | (repeats == 1))
        run = np.where(is_merged, run * repeats, run)
        runs = np.where(is_merged, runs, runs * repeats)
        is_open &= is_merged
    return Bursts(runs, run)


def effective_bytes(bursts: Bursts, elem_bytes: IntArray, granularity_bytes: int) -> IntArray:
    """Bytes that really move: every burst is a whole number of memory granules.

    Shapes: (n,) -> (n,).
    Model: ``runs * ceil(run_bytes / granularity) * granularity``.
    Source: hardware figure memory.gm_granularity_bytes; HARDWARE.md section 4.1.
    Valid for: bursts that start on a granule; a misaligned start is not charged.

    Args:
        bursts: The bursts of each access.
        elem_bytes: Bytes of one element of each access.
        granularity_bytes: The granule.

    Returns:
        Bytes of each access.
    """
    granules = -(-bursts.run_elems * elem_bytes // granularity_bytes)
    return bursts.runs * granules * granularity_bytes


def server_cycles(
    hit_bytes: npt.NDArray[np.float64], miss_bytes: npt.NDArray[np.float64], chip: ChipSpec
) -> npt.NDArray[np.float64]:
    """Core cycles for which each read would keep the whole shared memory system busy.

    Shapes: (n,), (n,) -> (n,).
    Model: ``hit_bytes / l2_rate + miss_bytes / hbm_rate``; for a mix this is the measured law
        1/BW = h/BW_l2 + (1-h)/BW_hbm.
    Source: hardware figures memory.{l2_bytes_per_us, hbm_bytes_per_us}; HARDWARE.md section 5.
    Valid for: reads; with ``hit_bytes`` 0 also what L2 writes back, which takes the same HBM.

    Args:
        hit_bytes: Bytes found in L2.
        miss_bytes: Bytes that come from HBM.
        chip: The chip.

    Returns:
        Cycles of the core clock.
    """
    busy_us = hit_bytes / chip.memory.l2_bytes_per_us + miss_bytes / chip.memory.hbm_bytes_per_us
    cycles: npt.NDArray[np.float64] = busy_us * chip.clock.core_mhz
    return cycles


def write_cycles(written_bytes: FloatArray, chip: ChipSpec) -> FloatArray:
    """Core cycles for which each write would keep the write side of L2 busy.

    Shapes: (n,) -> (n,).
    Model: ``bytes / l2_write_rate``; every write goes to L2 and is posted.
    Source: hardware figure memory.l2_write_bytes_per_us.
    Valid for: writes beside reads, which they do not slow down.

    Args:
        written_bytes: Bytes of each write.
        chip: The chip.

    Returns:
        Cycles of the core clock.
    """
    return written_bytes / chip.memory.l2_write_bytes_per_us * chip.clock.core_mhz


def latency_cycles(latency_ns: float, chip: ChipSpec) -> float:
    """Cycles of the core clock in ``latency_ns``.

    Shapes: none. Model: ``latency * clock``. Source: clock.core_mhz. Valid for: any latency.
    """
    return latency_ns * chip.clock.core_mhz * PS_PER_NS / PS_PER_US

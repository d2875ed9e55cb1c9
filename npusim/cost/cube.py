"""Cost of the cube unit: loads into L0, MMAD, and the drain of L0C."""

from math import ceil
from typing import NamedTuple

from npusim.cost.transfer import latency_cycles
from npusim.hardware.spec import ChipSpec, CubeSpec

_ACC_ELEM_BYTES = 4
"""L0C holds four bytes an element, fp32 or int32, whatever the result is stored as."""

_DOUBLE_BUFFER = 2
"""L0A and L0B are split in halves, so that one loads while the cube reads the other."""

_WIDEST_SINGLE_PASS_BYTES = 2
"""Inputs of up to two bytes (fp16, bf16, int8) are multiplied in one pass."""


class MatmulStep(NamedTuple):
    """One K step of a matmul: a load on MTE1, then an MMAD on the cube.

    ``mmad_cycles`` occupies the cube; ``mmad_exposed_cycles`` more pass before the result can leave
    L0C, hidden where another MMAD follows at once.
    """

    load_cycles: float
    mmad_cycles: float
    mmad_exposed_cycles: float


def matmul_steps(m: int, n: int, k: int, elem_bytes: int, chip: ChipSpec) -> list[MatmulStep]:
    """The K steps of ``a (m, k) @ b (k, n)``; step i+1 may load while step i multiplies.

    Shapes: a (m, k), b (k, n) -> (m, n) in elements of ``elem_bytes``, padded up to the fractal.
    Model: K is cut so that a step of a and of b each fits half of its L0 buffer, at least one
        fractal. Load: MTE1 moves a, then b: ``bytes / rate + startup`` each. MMAD:
        ``head + passes * ceil(m/m0) * ceil(n/n0) * ceil(k*elem_bytes/k0_bytes)``; the isolated
        head is the streamed one, which occupies the cube, plus an exposed rest.
    Source: hardware figures cube.{fractal_rows, fractal_cols, fractal_k_bytes, fp32_passes,
        mmad_head_cycles, mmad_streamed_head_cycles, l1_to_l0a_bytes_per_cycle,
        l1_to_l0b_bytes_per_cycle, l1_to_l0_startup_cycles}, buffer.{l0a,l0b}_capacity_bytes.
    Valid for: m and n whose single fractal column fits half of L0; wider ones are charged the same
        bytes in one step. Inputs over two bytes take ``fp32_passes`` passes.

    Args:
        m: Rows of a, in elements.
        n: Columns of b, in elements.
        k: Depth, in elements.
        elem_bytes: Bytes of one input element.
        chip: The chip.

    Returns:
        At least one step, in the order of K.
    """
    cube = chip.cube
    rows = ceil(m / cube.fractal_rows)
    cols = ceil(n / cube.fractal_cols)
    fractals = max(1, ceil(k * elem_bytes / cube.fractal_k_bytes))
    a_bytes = rows * cube.fractal_rows * cube.fractal_k_bytes
    b_bytes = cols * cube.fractal_cols * cube.fractal_k_bytes
    fit = min(
        chip.buffer.l0a_capacity_bytes // _DOUBLE_BUFFER // a_bytes,
        chip.buffer.l0b_capacity_bytes // _DOUBLE_BUFFER // b_bytes,
    )
    depth = max(1, fit)
    full, rest = divmod(fractals, depth)
    depths = [depth] * full + ([rest] if rest else [])
    passes = cube.fp32_passes if elem_bytes > _WIDEST_SINGLE_PASS_BYTES else 1
    return [
        MatmulStep(
            load_cycles=_load_cycles(count * a_bytes, count * b_bytes, cube),
            mmad_cycles=cube.mmad_streamed_head_cycles + passes * rows * cols * count,
            mmad_exposed_cycles=cube.mmad_head_cycles - cube.mmad_streamed_head_cycles,
        )
        for count in depths
    ]


def _load_cycles(a_bytes: int, b_bytes: int, cube: CubeSpec) -> float:
    a_cycles = a_bytes / cube.l1_to_l0a_bytes_per_cycle
    b_cycles = b_bytes / cube.l1_to_l0b_bytes_per_cycle
    return a_cycles + b_cycles + 2 * cube.l1_to_l0_startup_cycles


def drain_cycles(m: int, n: int, cube: CubeSpec) -> float:
    """Cycles FIX needs to empty an accumulator tile, wherever it goes.

    Shapes: L0C tile (m, n) in elements of four bytes.
    Model: ``fixed + m * (max(row_floor, 4*n / rate) + penalty * (odd(ceil(n/8)) - 1))``, where
        odd(x) is x without its factors of two and 8 columns are one fractal row of 32 bytes.
    Source: hardware figures cube.{fixp_fixed_cycles, fixp_row_floor_cycles, fixp_bytes_per_cycle,
        fixp_penalty_cycles, fractal_k_bytes}; HARDWARE.md section 4.2.
    Valid for: any result type; quantising and layout change are inline in FIX. A store to global
        memory is capped by the write rate as well, which the caller adds.

    Args:
        m: Rows of the tile, in elements.
        n: Columns of the tile, in elements.
        cube: The cube figures of the chip.

    Returns:
        Cycles of the core clock.
    """
    groups = ceil(_ACC_ELEM_BYTES * n / cube.fractal_k_bytes)
    row_cycles = max(cube.fixp_row_floor_cycles, _ACC_ELEM_BYTES * n / cube.fixp_bytes_per_cycle)
    penalty = cube.fixp_penalty_cycles * (_odd_part(groups) - 1)
    return cube.fixp_fixed_cycles + m * (row_cycles + penalty)


def narrow_rows_cycles(rows: int, row_bytes: int, chip: ChipSpec) -> float:
    """Cycles FIX needs at least for rows that it writes to global memory.

    Shapes: ``rows`` rows of ``row_bytes`` bytes each, as stored.
    Model: ``rows * narrow_row`` where a row is shorter than ``narrow_row_bytes``, else 0.
    Source: hardware figures cube.{fixp_narrow_row_bytes, fixp_narrow_row_ns}.
    Valid for: stores and tiles on their way to an AIV through global memory; see DEVIATIONS C17.

    Args:
        rows: Rows of the tile.
        row_bytes: Bytes of one of them.
        chip: The chip.

    Returns:
        Cycles of the core clock.
    """
    if row_bytes >= chip.cube.fixp_narrow_row_bytes:
        return 0.0
    return rows * latency_cycles(chip.cube.fixp_narrow_row_ns, chip)


def _odd_part(value: int) -> int:
    """``value`` without its factors of two; 1 for 0."""
    return value // (value & -value) if value else 1

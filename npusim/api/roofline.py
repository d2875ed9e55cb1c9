"""Rooflines: work from the recording, busy time from the trace, roofs from the chip."""

from collections.abc import Iterator

from npusim.analysis import CORE_TYPES, core_accounts
from npusim.analysis.roofline import CoreRoofs, Roof, ScopeWork
from npusim.api.evidence import Evidence
from npusim.errors import UsageError
from npusim.hardware import load_chip
from npusim.hardware.spec import ChipSpec
from npusim.program import Program, Unit
from npusim.program.counts import ScopeCounts, count_by_scope
from npusim.trace import LaneKind

_SINGLE_PASS_BYTES = 2
"""Cube inputs of up to two bytes take one pass (``npusim.cost.cube``)."""
_OPS_PER_MAC = 2


def roofline(evidence: Evidence) -> tuple[tuple[ScopeWork, ...], tuple[CoreRoofs, ...]]:
    """Work of each scope on each core type that it kept busy, and the roofs of one core.

    Raises:
        UsageError: If the run has no recording, as a capture, or its chip is not known.
    """
    program = evidence.program
    if program is None:
        msg = (
            f"{evidence.name}: has no recording, and only that says what the tasks compute; "
            "expected a directory that npusim run wrote, for a roofline"
        )
        raise UsageError(msg)
    chip = load_chip(evidence.trace.info.chip)
    counts = {one.name: one for one in count_by_scope(program)}
    work = tuple(
        ScopeWork(scope, core.core_type, *_work(counts[scope], core.core_type), account.busy_ps)
        for core in core_accounts(evidence.trace)
        for scope, account in core.scopes
        if account.busy_ps
    )
    used = [kind for kind in CORE_TYPES if any(one.core_type is kind for one in work)]
    return work, tuple(core_roofs(program, chip, kind) for kind in used)


def core_roofs(program: Program, chip: ChipSpec, core_type: LaneKind) -> CoreRoofs:
    """The roofs of one core of ``chip`` for the element types that ``program`` computes in.

    Model: a cube core multiplies one fractal per cycle and pass; a vector core takes the cycles per
        repeat of the chip's fastest elementwise class. Memory: what one core can read, and its
        share of HBM and of L2 when all cores of its type read at once.
    Source: hardware figures clock.core_mhz, cube.{fractal_rows, fractal_cols, fractal_k_bytes,
        fp32_passes}, vector.repeat_bytes, vector.classes.*.slope_cycles_per_repeat,
        memory.{core_read_bytes_per_cycle, hbm_bytes_per_us, l2_bytes_per_us}.
    """
    mhz, memory = chip.clock.core_mhz, chip.memory
    is_cube = core_type is LaneKind.AIC
    count = chip.topology.aic_count if is_cube else chip.topology.aiv_count
    widths = _element_bytes(program, Unit.CUBE if is_cube else Unit.VECTOR)
    per_cycle = _cube_ops_per_cycle if is_cube else _vector_ops_per_cycle
    peaks = tuple(Roof(f"{width}-byte elements", per_cycle(chip, width) * mhz) for width in widths)
    bandwidths = (
        Roof("one core alone", memory.core_read_bytes_per_cycle * mhz),
        Roof(f"L2, {count} cores at once", memory.l2_bytes_per_us / count),
        Roof(f"HBM, {count} cores at once", memory.hbm_bytes_per_us / count),
    )
    operation = "multiply or add" if is_cube else "element operation"
    return CoreRoofs(core_type, operation, peaks, bandwidths)


def _work(counts: ScopeCounts, core_type: LaneKind) -> tuple[int, int]:
    """Operations and bytes of global memory of a scope on one core type."""
    if core_type is LaneKind.AIC:
        return _OPS_PER_MAC * counts.macs, counts.gm_to_l1_bytes + counts.l0c_to_gm_bytes
    return counts.vector_elems, counts.gm_to_ub_bytes + counts.ub_to_gm_bytes


def _element_bytes(program: Program, unit: Unit) -> list[int]:
    """Sizes of the elements that ``unit`` computes in, the most frequent first."""
    kinds = [index for index, kind in enumerate(program.op_kinds) if kind.unit is unit]
    count: dict[int, int] = {}
    for size in _sizes(program, kinds):
        count[size] = count.get(size, 0) + 1
    return sorted(count, key=lambda size: (-count[size], size)) or [_SINGLE_PASS_BYTES]


def _sizes(program: Program, kinds: list[int]) -> Iterator[int]:
    wanted = set(kinds)
    for kind, dtype in zip(
        program.ops["kind"].tolist(), program.ops["dtype"].tolist(), strict=True
    ):
        if kind in wanted:
            yield program.dtype_bytes[dtype]


def _cube_ops_per_cycle(chip: ChipSpec, elem_bytes: int) -> float:
    cube = chip.cube
    passes = cube.fp32_passes if elem_bytes > _SINGLE_PASS_BYTES else 1
    depth = cube.fractal_k_bytes / elem_bytes
    return _OPS_PER_MAC * cube.fractal_rows * cube.fractal_cols * depth / passes


def _vector_ops_per_cycle(chip: ChipSpec, elem_bytes: int) -> float:
    vector = chip.vector
    slopes = [
        one.slope_cycles_per_repeat
        for one in vector.classes.values()
        if one.slope_cycles_per_repeat > 0
    ]
    return vector.repeat_bytes / elem_bytes / min(slopes)

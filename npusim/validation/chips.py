"""Chips of the same design at another clock, or with the runtime of another time."""

from dataclasses import replace

from npusim.hardware import ChipSpec

HEAD, JUNE_2026 = "HEAD", "2026-06"
BUILDS = (HEAD, JUNE_2026)
"""Builds of the runtime that measurements were taken with."""


def with_clock(chip: ChipSpec, core_mhz: int | None) -> ChipSpec:
    """``chip`` with its cores at ``core_mhz``; as it is if that is None.

    The rates of L2 and HBM in bytes a microsecond stay: memory has a clock of its own.
    """
    if core_mhz is None:
        return chip
    return replace(chip, clock=replace(chip.clock, core_mhz=core_mhz))


def with_build(chip: ChipSpec, build: str) -> ChipSpec:
    """``chip`` with what the runtime of ``build``, one of ``BUILDS``, costs."""
    if build == HEAD:
        return chip
    prepare_block_ns = chip.build_2026_06.prepare_block_ns
    return replace(chip, runtime=replace(chip.runtime, prepare_block_ns=prepare_block_ns))

"""Chips of the same design at another clock."""

from dataclasses import replace

from npusim.hardware import ChipSpec


def with_clock(chip: ChipSpec, core_mhz: int | None) -> ChipSpec:
    """``chip`` with its cores at ``core_mhz``; as it is if that is None.

    The rates of L2 and HBM in bytes a microsecond stay: memory has a clock of its own.
    """
    if core_mhz is None:
        return chip
    return replace(chip, clock=replace(chip.clock, core_mhz=core_mhz))

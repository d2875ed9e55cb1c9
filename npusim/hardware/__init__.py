"""Chip descriptions: frozen figures, each with its source.

Owns the specs of a chip and the files under ``chips/`` that fill them. Refuses to know what a
kernel is and how a figure turns into a duration: formulas live in ``cost``, rules in ``simulator``.
"""

from npusim.hardware.chip import chip_figures, list_chips, load_chip
from npusim.hardware.figures import Figure, FigureKind
from npusim.hardware.spec import (
    VECTOR_COST_KEYS,
    BufferSpec,
    ChipSpec,
    ClockSpec,
    CubeSpec,
    MemorySpec,
    OlderBuildSpec,
    RuntimeSpec,
    ScalarSpec,
    SyncSpec,
    TopologySpec,
    VectorClassSpec,
    VectorSpec,
)

__all__ = [
    "VECTOR_COST_KEYS",
    "BufferSpec",
    "ChipSpec",
    "ClockSpec",
    "CubeSpec",
    "Figure",
    "FigureKind",
    "MemorySpec",
    "OlderBuildSpec",
    "RuntimeSpec",
    "ScalarSpec",
    "SyncSpec",
    "TopologySpec",
    "VectorClassSpec",
    "VectorSpec",
    "chip_figures",
    "list_chips",
    "load_chip",
]

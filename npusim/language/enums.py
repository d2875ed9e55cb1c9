"""Enumerations of the DSL: levels, memory spaces, padding, masks, split modes."""

from enum import Enum, IntEnum

from npusim.program import Space


class Level(Enum):
    """Where a ``pl.at`` scope runs. Kernels use ``CORE_GROUP``: one AIC with its two AIV."""

    CORE_GROUP = "core_group"
    HOST = "host"


class MemorySpace(Enum):
    """Target of an explicit tile load."""

    Vec = "vec"
    Mat = "mat"
    Left = "left"
    Right = "right"
    Acc = "acc"

    @property
    def space(self) -> Space:
        """The buffer that holds the tile; L0A and L0B are filled from L1 when a matmul runs."""
        if self is MemorySpace.Vec:
            return Space.UB
        return Space.L0C if self is MemorySpace.Acc else Space.L1


class PadValue(Enum):
    """What ``fillpad`` writes outside the valid region."""

    zero = "zero"
    min = "min"
    max = "max"


class SplitMode(Enum):
    """How the vector work of a MIX scope is shared by its two AIV."""

    NONE = "none"
    UP_DOWN = "up_down"
    LEFT_RIGHT = "left_right"


class AtomicType(Enum):
    """Atomic store modes."""

    Add = "add"


class CmpMode(IntEnum):
    """Comparison codes of ``pl.cmp``."""

    EQ = 0
    NE = 1
    LT = 2
    LE = 3
    GT = 4
    GE = 5


class MaskPattern(Enum):
    """Column masks of ``gather`` and ``scatter``; the value is (residue, modulus).

    The pattern reads from the least significant lane: P0101 takes the even columns.
    """

    P0101 = (0, 2)
    P1010 = (1, 2)
    P0001 = (0, 4)
    P0010 = (1, 4)
    P0100 = (2, 4)
    P1000 = (3, 4)
    P1111 = (0, 1)

"""Free cores, and which of them a block gets.

A cluster is one AIC with the AIVs beside it; a block with more than one part needs the cores of one
cluster. Clusters are bits of integers, lowest first, so a choice costs no search::

    AIC   1 0 1 1      a block of one AIV takes it from the broken cluster 1 (bit 1: its AIC is
    AIV0  1 1 1 1      busy), and leaves the whole ones to blocks that need them
    AIV1  1 1 1 1
"""

from npusim.errors import TraceError

AIV_PER_CLUSTER = 2
"""AIVs beside each AIC on both chips (HARDWARE.md section 1)."""

Shape = tuple[int, int]
"""How many AIC and AIV a block takes at once."""


class ClusterPool:
    """The cores of a machine that are free; all of them at first.

    Args:
        kind_lanes: Lanes of the AIC and of the AIV, by their index within the type.
    """

    def __init__(self, kind_lanes: tuple[tuple[int, ...], ...]) -> None:
        cubes, vectors = kind_lanes
        rows = [cubes, *(vectors[side::AIV_PER_CLUSTER] for side in range(AIV_PER_CLUSTER))]
        self._lanes = rows
        self._free = [(1 << len(row)) - 1 for row in rows]
        self._place = {
            lane: (row, bit) for row, lanes in enumerate(rows) for bit, lane in enumerate(lanes)
        }

    def check(self, shape: Shape) -> None:
        """Make sure, before the first block, that some cluster could ever run this shape.

        Raises:
            TraceError: If none could.
        """
        if self._choose(shape) is None:
            cubes, vectors = shape
            msg = (
                f"schedule: a block takes {cubes} AIC and {vectors} AIV of one cluster; expected "
                f"a machine that has them, not {self._size(0)} AIC and "
                f"{self._size(1) + self._size(2)} AIV; choose another chip"
            )
            raise TraceError(msg)

    def take(self, shape: Shape) -> tuple[int, ...] | None:
        """Lanes for one block, AIC first, or None while no cluster has them free."""
        chosen = self._choose(shape)
        if chosen is None:
            return None
        bit, rows = chosen
        for row in rows:
            self._free[row] ^= 1 << bit
        return tuple(self._lanes[row][bit] for row in rows)

    def give_back(self, lane: int) -> None:
        """``lane`` is free again."""
        row, bit = self._place[lane]
        self._free[row] |= 1 << bit

    def _choose(self, shape: Shape) -> tuple[int, tuple[int, ...]] | None:
        """Cluster and rows for a block; the lowest cluster that no wider block could use."""
        cube, first, second = self._free
        either, both = first | second, first & second
        whole = cube & both
        if shape == (1, 0):
            return _lowest(cube & ~whole or cube, (0,))
        if shape in {(0, 1), (1, 1)}:
            sides = either if shape == (0, 1) else either & cube
            found = _lowest(sides & ~whole or sides, (0,))
            if found is None:
                return None
            bit, row = found[0], 1 if first >> found[0] & 1 else 2
            return bit, (row,) if shape == (0, 1) else (0, row)
        if shape == (0, 2):
            return _lowest(both & ~whole or both, (1, 2))
        return _lowest(whole, (0, 1, 2)) if shape == (1, 2) else None

    def _size(self, row: int) -> int:
        return len(self._lanes[row])


def _lowest(mask: int, rows: tuple[int, ...]) -> tuple[int, tuple[int, ...]] | None:
    return ((mask & -mask).bit_length() - 1, rows) if mask else None

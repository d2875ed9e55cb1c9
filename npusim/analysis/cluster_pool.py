"""Free cores, and which of them a block gets.

A cluster is one AIC with the AIVs beside it; a block with more than one part needs the cores of one
cluster. Clusters are bits of integers, lowest first, so a choice costs no search::

    AIC   1 0 1 1      a block of one AIV takes it from the broken cluster 1 (bit 1: its AIC is
    AIV0  1 1 1 1      busy), and leaves the whole ones to blocks that need them
    AIV1  1 1 1 1
"""

from collections.abc import Iterable

from npusim.errors import TraceError

Shape = tuple[int, int]
"""How many AIC and AIV a block takes at once."""


def aiv_per_cluster(kind_lanes: tuple[tuple[int, ...], ...], shapes: Iterable[Shape]) -> int:
    """How many AIVs stand beside each AIC of a run.

    All AIVs over all AICs, rounded up, because a capture leaves out cores that never worked; but
    no fewer than a block of the run had at once.

    Args:
        kind_lanes: Lanes of the AIC and of the AIV.
        shapes: Those of the blocks of the run.
    """
    cubes, vectors = kind_lanes
    widest = max((vector_count for _, vector_count in shapes), default=0)
    return max(-(-len(vectors) // len(cubes)) if cubes else 0, widest, 1)


class ClusterPool:
    """The cores of a machine that are free; all of them at first.

    Args:
        kind_lanes: Lanes of the AIC and of the AIV, by their index within the type.
        vector_count: AIVs of a cluster.
    """

    def __init__(self, kind_lanes: tuple[tuple[int, ...], ...], vector_count: int) -> None:
        cubes, vectors = kind_lanes
        rows = [cubes, *(vectors[side::vector_count] for side in range(vector_count))]
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
            sizes = [len(row) for row in self._lanes]
            msg = (
                f"schedule: a block takes {cubes} AIC and {vectors} AIV of one cluster; expected "
                f"a machine that has them, not {sizes[0]} AIC and {sum(sizes[1:])} AIV; choose "
                "another chip"
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

    def _choose(self, shape: Shape) -> tuple[int, list[int]] | None:
        """Cluster and rows for a block; the lowest cluster that no wider block could use."""
        cube_count, vector_count = shape
        cube, *sides = self._free
        if cube_count > 1 or vector_count > len(sides):
            return None
        # at_least[n]: the clusters with n free AIVs or more.
        at_least = [-1] + [0] * vector_count
        whole = cube
        for side in sides:
            whole &= side
            for count in range(vector_count, 0, -1):
                at_least[count] |= at_least[count - 1] & side
        fitting = at_least[vector_count] & (cube if cube_count else -1)
        chosen = fitting & ~whole or fitting
        if chosen <= 0:
            return None
        bit = (chosen & -chosen).bit_length() - 1
        free = [row for row, side in enumerate(sides, start=1) if side >> bit & 1]
        return bit, [0] * cube_count + free[:vector_count]

"""Which accesses to global memory happen at about the same time.

The blocks of a task are alike and start together, as many as there are cores for them: a wave. Its
n-th accesses are taken as simultaneous::

    4 blocks on 2 cores     block 0   a0 a1 a2 | block 2   a0 a1 a2
                            block 1   a0 a1 a2 | block 3   a0 a1 a2
                                      wave 1   |           wave 2       position 0 1 2
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.hardware.spec import TopologySpec
from npusim.program import NO_INDEX, CoreType, Program

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AccessTimes:
    """Columns over the accesses of a program; an access that several operations share counts once.

    0 where no operation uses an access.
    """

    block: IntArray
    """Number of the block from 1."""
    wave: IntArray
    """Number of the wave from 1, across tasks."""
    position: IntArray
    """How many accesses the block does before."""

    def spread(self, values: FloatArray, weights: FloatArray, chosen: IntArray) -> FloatArray:
        """``values`` with those of simultaneous accesses among ``chosen`` made equal.

        The sum of values times weights stays.
        """
        group = self._groups(chosen)
        total = np.bincount(group, (values * weights)[chosen])
        weight = np.bincount(group, weights[chosen])
        mean = np.divide(total, weight, out=np.zeros(len(weight)), where=weight > 0)
        result = values.copy()
        result[chosen] = mean[group]
        return result

    def highest(self, values: FloatArray, chosen: IntArray) -> FloatArray:
        """``values`` with those of simultaneous accesses among ``chosen`` raised to the highest."""
        group = self._groups(chosen)
        most = np.zeros(int(group.max(initial=-1)) + 1)
        np.maximum.at(most, group, values[chosen])
        result = values.copy()
        result[chosen] = most[group]
        return result

    def in_step(self) -> IntArray:
        """Indices of all accesses in the order in which cores use them.

        The n-th accesses of all blocks of a wave come before the next of any of them.
        """
        used = np.flatnonzero(self.block)
        order: IntArray = used[np.lexsort((self.block[used], self.position[used], self.wave[used]))]
        return order

    def _groups(self, chosen: IntArray) -> IntArray:
        key = self.wave[chosen] * (int(self.position.max(initial=0)) + 1) + self.position[chosen]
        group: IntArray = np.unique(key, return_inverse=True)[1]
        return group


def access_times(program: Program, topology: TopologySpec) -> AccessTimes:
    """When the accesses of ``program`` happen, on a chip with that many cores."""
    block, wave, position = (np.zeros(len(program.accesses), np.int64) for _ in range(3))
    counts = program.blocks["op_stop"] - program.blocks["op_start"]
    block_of_op = np.repeat(np.arange(len(program.blocks)), counts)
    users = np.flatnonzero(program.ops["access"] != NO_INDEX)
    access, first = np.unique(program.ops["access"][users], return_index=True)
    order = np.argsort(first, kind="stable")
    access, of_block = access[order], block_of_op[users[first[order]]]
    block[access] = of_block + 1
    wave[access] = _waves(program, topology)[of_block]
    starts = np.flatnonzero(np.diff(of_block, prepend=-1))
    position[access] = np.arange(len(access)) - np.repeat(
        starts, np.diff(starts, append=len(access))
    )
    return AccessTimes(block, wave, position)


def _waves(program: Program, topology: TopologySpec) -> IntArray:
    """The wave of every block."""
    places = [
        topology.aiv_count if task.core_type is CoreType.AIV else topology.aic_count
        for task in program.tasks
    ]
    task = program.blocks["task"].astype(np.int64)
    within = program.blocks["block_idx"] // np.asarray(places or [1], np.int64)[task]
    is_first = (np.diff(task, prepend=-1) != 0) | (np.diff(within, prepend=0) != 0)
    return np.cumsum(is_first).astype(np.int64)

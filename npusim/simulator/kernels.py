"""How long kernels run: fixed durations, or cores that share the memory of the machine.

Both keep the clock of the runtime. The machine runs in SimPy beside it; the two take turns, the one
with the earlier event first, the machine where both have one at the same time.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import simpy

from npusim.simulator.bandwidth import MemoryServer
from npusim.simulator.clock import Clock
from npusim.simulator.profile import BlockProfile

Ended = Callable[[int, int], None]
"""Told the end of a kernel and how much longer it took because memory was shared, in ps."""


class Kernels(Protocol):
    """Runs kernels and the clock they share with the runtime."""

    clock: Clock

    def start(self, block: int, start_ps: int, ended: Ended) -> None:
        """Start block ``block`` of all blocks at a time that is not past.

        ``ended`` is called at the end of the kernel, or earlier if that is known.
        """

    def run(self) -> None:
        """Run until nothing is left to happen."""


class FixedKernels:
    """Every block takes what it is said to take."""

    def __init__(self, durations_ps: Sequence[int]) -> None:
        self.clock = Clock()
        self._durations_ps = durations_ps

    def start(self, block: int, start_ps: int, ended: Ended) -> None:
        """The end is known at once."""
        ended(start_ps + self._durations_ps[block], 0)

    def run(self) -> None:
        """Run the clock."""
        self.clock.run()


class MachineKernels:
    """Blocks of a program, which slow each other down where they share the memory."""

    def __init__(self, profiles: Sequence[BlockProfile], free_sharers: float) -> None:
        self.clock = Clock()
        self._env = simpy.Environment(initial_time=0)
        self._memory = MemoryServer(self._env, free_sharers)
        self._profiles = profiles

    def start(self, block: int, start_ps: int, ended: Ended) -> None:
        """The end of a kernel that moves data is known when it ends."""
        profile = self._profiles[block]
        if profile.server_ps:
            self.clock.call_at(start_ps, self._begin, profile, ended)
        else:
            # Nobody can slow it down.
            ended(start_ps + profile.alone_ps, 0)

    def _begin(self, profile: BlockProfile, ended: Ended) -> None:
        start_ps = self.clock.now_ps
        if self._env.now < start_ps:
            self._env.run(until=start_ps)

        def finish(_: simpy.Event) -> None:
            end_ps = int(self._env.now)
            ended(end_ps, max(0, end_ps - start_ps - profile.alone_ps))

        callbacks = self._memory.run(profile).callbacks
        assert callbacks is not None, "a kernel that has just begun has not ended"
        callbacks.append(finish)

    def run(self) -> None:
        """Take turns with the machine."""
        clock, env = self.clock, self._env
        while True:
            machine_ps, next_ps = env.peek(), clock.next_ps
            if next_ps is not None and next_ps < machine_ps:
                clock.step()
            elif machine_ps != simpy.core.Infinity:
                clock.now_ps = int(machine_ps)
                env.step()
            else:
                return

"""Cores that run at once share L2 and HBM: a fluid server, without an event per transfer.

A running block is taken to want memory evenly over its duration. With n blocks running, the number
of sharers s is the smallest at which the server is not overbooked::

    sum over running blocks of   server time of the block / duration of the block at s   <=   1

Whenever a block starts or ends, s changes and every block goes on at the rate 1 / duration(s).
Equal blocks progress alike, so they share one clock: only the next end of all is an event.
"""

from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field

import simpy

from npusim.simulator.profile import BlockProfile

_SEARCH_STEPS = 50
_SAME_INSTANT_PS = 0.75
"""Ends are rounded to whole picoseconds, so what is left then is at most half of one."""


def find_sharers(running: Iterable[tuple[BlockProfile, int]], free: float) -> float:
    """The smallest number of sharers, at least ``free``, that does not overbook the memory.

    Args:
        running: Profiles with the number of blocks that run them.
        free: Number of sharers up to which nobody slows down.
    """
    users = [(profile, count * profile.server_ps) for profile, count in running]
    users = [(profile, server_ps) for profile, server_ps in users if server_ps]

    def is_overbooked(sharers: float) -> bool:
        return sum(server / profile.duration_ps(sharers) for profile, server in users) > 1

    if not is_overbooked(free):
        return free
    low, high = free, 2 * free
    while is_overbooked(high):
        low, high = high, 2 * high
    for _ in range(_SEARCH_STEPS):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        low, high = (middle, high) if is_overbooked(middle) else (low, middle)
    return high


@dataclass(slots=True)
class _Group:
    """Blocks with one profile. ``progress`` counts whole blocks since the group began."""

    profile: BlockProfile
    duration_ps: float
    progress: float = 0.0
    ends: deque[tuple[float, int, simpy.Event]] = field(default_factory=deque)
    """Progress at which a block ends, its serial number, its event; in order of both."""

    @property
    def remaining_ps(self) -> float:
        return (self.ends[0][0] - self.progress) * self.duration_ps


class MemoryServer:
    """Runs blocks under shared bandwidth and tells when they end."""

    def __init__(self, env: simpy.Environment, free_sharers: float) -> None:
        self._env = env
        self._free_sharers = free_sharers
        self._groups: dict[int, _Group] = {}
        self._now_ps = 0
        self._serial = 0
        self._timer_serial = 0

    def run(self, profile: BlockProfile) -> simpy.Event:
        """Start a block now; the event fires when it ends."""
        end = self._env.event()
        if not profile.alone_ps:
            end.succeed()
            return end
        self._advance()
        group = self._groups.get(id(profile))
        if group is None:
            group = self._groups[id(profile)] = _Group(profile, float(profile.alone_ps))
        self._serial += 1
        group.ends.append((group.progress + 1, self._serial, end))
        self._plan()
        return end

    def _advance(self) -> None:
        now_ps = int(self._env.now)
        elapsed_ps = now_ps - self._now_ps
        self._now_ps = now_ps
        for group in self._groups.values():
            group.progress += elapsed_ps / group.duration_ps

    def _plan(self) -> None:
        """Share the memory among what runs now and set the timer for the next end."""
        running = [(group.profile, len(group.ends)) for group in self._groups.values()]
        sharers = find_sharers(running, self._free_sharers)
        for group in self._groups.values():
            group.duration_ps = group.profile.duration_ps(sharers)
        self._timer_serial += 1
        if self._groups:
            next_ps = min(group.remaining_ps for group in self._groups.values())
            self._env.process(self._wait(max(0, round(next_ps)), self._timer_serial))

    def _wait(self, delay_ps: int, serial: int) -> Generator[simpy.Event, None, None]:
        yield self._env.timeout(delay_ps)
        if serial == self._timer_serial:
            self._advance()
            self._finish_due()
            self._plan()

    def _finish_due(self) -> None:
        due: list[tuple[int, simpy.Event]] = []
        for key, group in list(self._groups.items()):
            while group.ends and group.remaining_ps < _SAME_INSTANT_PS:
                _, serial, end = group.ends.popleft()
                due.append((serial, end))
            if not group.ends:
                del self._groups[key]
        for _, end in sorted(due, key=lambda one: one[0]):
            end.succeed()

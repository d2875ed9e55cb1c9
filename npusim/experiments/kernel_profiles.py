"""Kernels that do not exist yet: parts of a kernel, faster ones, and several run as one.

They stand in for ``BlockProfile``: a duration alone, a duration under sharing, and what they ask of
the shared memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol


class Profile(Protocol):
    """What the machine asks of a kernel."""

    @property
    def alone_ps(self) -> int:
        """Duration without contention."""

    @property
    def server_ps(self) -> float:
        """Time for which it keeps the shared memory busy."""

    def duration_ps(self, sharers: float) -> float:
        """Duration if ``sharers`` streams share the memory all the time."""


@dataclass(frozen=True, eq=False)
class FixedProfile:
    """A kernel of a capture: it takes what it took."""

    alone_ps: int
    server_ps: float = 0.0

    def duration_ps(self, sharers: float) -> float:
        """The same, whatever the others do."""
        del sharers
        return self.alone_ps


@dataclass(frozen=True, eq=False)
class ComposedProfile:
    """Kernels one after another on one core, each with a share of its work.

    Memory traffic scales with the work. A hand-over through global memory that a fused kernel
    would save is still in it.
    """

    parts: tuple[tuple[Profile, float], ...]

    @cached_property
    def alone_ps(self) -> int:
        """The sum over the parts."""
        return round(sum(part.alone_ps * share for part, share in self.parts))

    @cached_property
    def server_ps(self) -> float:
        """The sum over the parts."""
        return sum(part.server_ps * share for part, share in self.parts)

    def duration_ps(self, sharers: float) -> float:
        """The sum over the parts."""
        return sum(part.duration_ps(sharers) * share for part, share in self.parts)


class Composer:
    """Makes composed profiles; equal ones are one object, which the machine counts together."""

    def __init__(self) -> None:
        self._made: dict[tuple[tuple[int, float], ...], Profile] = {}

    def compose(self, parts: Sequence[tuple[Profile, float]]) -> Profile:
        """The profile of ``parts``; the part itself where it is one and whole."""
        if len(parts) == 1 and parts[0][1] == 1:
            return parts[0][0]
        key = tuple((id(part), share) for part, share in parts)
        if key not in self._made:
            self._made[key] = ComposedProfile(tuple(parts))
        return self._made[key]

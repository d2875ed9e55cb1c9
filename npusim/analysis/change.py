"""One quantity in two runs, and the groups of quantities that a comparison consists of."""

from dataclasses import dataclass
from typing import Any

from npusim.trace import LaneKind, WaitReason
from npusim.units import ps_to_us


@dataclass(frozen=True, slots=True)
class Change:
    """A whole number (picoseconds or a count) in run a and in run b."""

    a: int
    b: int

    @property
    def delta(self) -> int:
        """``b - a``."""
        return self.b - self.a

    @property
    def percent(self) -> float | None:
        """``delta`` in percent of ``a``; 0 if both are 0, ``None`` if only ``a`` is."""
        if self.a == 0:
            return 0.0 if self.b == 0 else None
        return 100 * self.delta / self.a

    def counts(self) -> dict[str, int]:
        """``a``, ``b`` and ``delta`` of a count."""
        return {"a": self.a, "b": self.b, "delta": self.delta}

    def times_us(self) -> dict[str, float]:
        """``a``, ``b`` and ``delta`` of a time, in microseconds."""
        return {"a": ps_to_us(self.a), "b": ps_to_us(self.b), "delta": ps_to_us(self.delta)}


@dataclass(frozen=True, slots=True)
class ScopeChange:
    """A scope in both runs, over all core types; 0 where a run does not have it."""

    scope: str
    blocks: Change
    busy_ps: Change
    window_ps: Change
    waits_ps: Change

    @property
    def largest(self) -> tuple[str, Change]:
        """Busy or waits, whichever changed more lane time; this is what ranks scopes."""
        if abs(self.waits_ps.delta) > abs(self.busy_ps.delta):
            return "waits", self.waits_ps
        return "busy", self.busy_ps

    def to_json(self) -> dict[str, Any]:
        """Plain Python values; times in microseconds."""
        return {
            "scope": self.scope,
            "blocks": self.blocks.counts(),
            "busy_us": self.busy_ps.times_us(),
            "window_us": self.window_ps.times_us(),
            "waits_us": self.waits_ps.times_us(),
        }


@dataclass(frozen=True, slots=True)
class ReasonChange:
    """One wait reason on the lanes of one core type, in both runs."""

    core_type: LaneKind
    reason: WaitReason
    waits_ps: Change

    def to_json(self) -> dict[str, Any]:
        """Plain Python values; times in microseconds."""
        return {
            "core_type": str(self.core_type),
            "reason": self.reason.name.lower(),
            "waits_us": self.waits_ps.times_us(),
        }

"""Question: which parts of the critical paths make two runs differ, to the picosecond?

The observed critical path of a run tiles its makespan, so the differences of its parts add up to
the difference of the makespans exactly. A part is a scope and a kind: compute of qk, data wait
before softmax, ... The two paths may take different ways; a part that only one of them
has counts as zero in the other.
"""

from dataclasses import dataclass
from typing import Any

from npusim.analysis.change import Change
from npusim.analysis.observed_path import ObservedPath, PathKind, observed_path
from npusim.analysis.table import Column, Table
from npusim.trace import Trace
from npusim.units import ps_to_us

WORDS = {
    PathKind.COMPUTE: "kernels of",
    PathKind.DATA_WAIT: "data waits before",
    PathKind.CORE_WAIT: "core waits before",
    PathKind.DISPATCH: "dispatch of",
    PathKind.ORCHESTRATOR: "orchestrator before",
    PathKind.FRONT: "start before",
}
"""How a sentence names a part of the path."""


@dataclass(frozen=True, slots=True)
class PartChange:
    """One scope and kind on the critical paths of both runs."""

    scope: str
    kind: PathKind
    time_ps: Change


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Parts by absolute change; their deltas add up to that of the makespan."""

    parts: tuple[PartChange, ...]

    @property
    def delta_ps(self) -> int:
        """The sum of all deltas: makespan b minus makespan a."""
        return sum(part.time_ps.delta for part in self.parts)

    def by_kind(self) -> dict[PathKind, Change]:
        """Both paths by kind."""
        return {
            kind: _sum([part.time_ps for part in self.parts if part.kind is kind])
            for kind in PathKind
        }

    def by_scope(self) -> dict[str, Change]:
        """Both paths by scope, the most changed first."""
        scopes = dict.fromkeys(part.scope for part in self.parts)
        found = {
            scope: _sum([part.time_ps for part in self.parts if part.scope == scope])
            for scope in scopes
        }
        return dict(sorted(found.items(), key=lambda item: -abs(item[1].delta)))

    def to_json(self) -> dict[str, Any]:
        """Plain values; deltas also in picoseconds, so that their sum can be checked."""
        return {
            "delta_ps": self.delta_ps,
            "parts": [
                {
                    "scope": part.scope,
                    "kind": str(part.kind),
                    "delta_ps": part.time_ps.delta,
                    "path_us": part.time_ps.times_us(),
                }
                for part in self.parts
            ],
            "by_kind_us": {str(kind): one.times_us() for kind, one in self.by_kind().items()},
            "by_scope_us": {scope: one.times_us() for scope, one in self.by_scope().items()},
        }

    def table(self, title: str) -> Table:
        """Every part that one of the paths has, and the sum."""
        columns = (
            Column("scope"),
            Column("segment"),
            Column("a_us", "us", ".1f"),
            Column("b_us", "us", ".1f"),
            Column("delta_us", "us", "+.1f"),
        )
        rows = [(part.scope, str(part.kind), *_times(part.time_ps)) for part in self.parts]
        total = _sum([part.time_ps for part in self.parts])
        return Table(title, columns, (*rows, ("(makespan)", "", *_times(total))))


def decompose(a: Trace, b: Trace) -> Decomposition:
    """The makespan of ``b`` minus that of ``a``, part by part of their critical paths."""
    return decompose_paths(observed_path(a), observed_path(b))


def decompose_paths(a: ObservedPath, b: ObservedPath) -> Decomposition:
    """As ``decompose``, where the paths are at hand."""
    of_a, of_b = a.by_scope_and_kind(), b.by_scope_and_kind()
    parts = [
        PartChange(scope, kind, Change(of_a.get((scope, kind), 0), of_b.get((scope, kind), 0)))
        for scope, kind in dict.fromkeys([*of_a, *of_b])
    ]
    return Decomposition(tuple(sorted(parts, key=lambda part: -abs(part.time_ps.delta))))


def _sum(changes: list[Change]) -> Change:
    return Change(sum(one.a for one in changes), sum(one.b for one in changes))


def _times(change: Change) -> tuple[float, float, float]:
    return ps_to_us(change.a), ps_to_us(change.b), ps_to_us(change.delta)

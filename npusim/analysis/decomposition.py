"""Question: which parts of the critical paths make two runs differ, to the picosecond?

The observed critical path of a run tiles its makespan, so the differences of its parts add up to
the difference of the makespans exactly. A part is a scope and a kind: compute of qk, data wait
before softmax, ...; where it is known of both runs, compute is split further, by the unit that held
the kernels. The two paths may take different ways; a part that only one of them has counts as zero
in the other.
"""

from dataclasses import dataclass
from typing import Any

from npusim.analysis.change import Change
from npusim.analysis.observed_path import PathKind, observed_path
from npusim.analysis.path_units import UnitTimes, path_parts
from npusim.analysis.table import Cell, Column, Table
from npusim.trace import Trace
from npusim.units import ps_to_us

PathUnits = tuple[UnitTimes | None, UnitTimes | None]
"""What splits the kernels of run a and of run b by unit, where it is known."""

UNKNOWN_UNITS: PathUnits = (None, None)


@dataclass(frozen=True, slots=True)
class PartChange:
    """One scope, kind and unit on the critical paths of both runs."""

    scope: str
    kind: PathKind
    unit: str
    """What held the kernels of a compute part; "" where that is not split."""
    time_ps: Change


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Parts by absolute change; their deltas add up to that of the makespan."""

    parts: tuple[PartChange, ...]
    has_units: bool = False
    """True where compute is split by unit: only if it is known of both runs."""

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
        return _grouped([(part.scope, part.time_ps) for part in self.parts])

    def by_unit(self) -> dict[str, Change]:
        """Compute on both paths by unit, the most changed first; empty where it is not split."""
        if not self.has_units:
            return {}
        kernels = [part for part in self.parts if part.kind is PathKind.COMPUTE]
        return _grouped([(part.unit, part.time_ps) for part in kernels])

    def to_json(self) -> dict[str, Any]:
        """Plain values; deltas also in picoseconds, so that their sum can be checked."""
        return {
            "delta_ps": self.delta_ps,
            "has_units": self.has_units,
            "parts": [
                {
                    "scope": part.scope,
                    "kind": str(part.kind),
                    "unit": part.unit,
                    "delta_ps": part.time_ps.delta,
                    "path_us": part.time_ps.times_us(),
                }
                for part in self.parts
            ],
            "by_kind_us": {str(kind): one.times_us() for kind, one in self.by_kind().items()},
            "by_scope_us": {scope: one.times_us() for scope, one in self.by_scope().items()},
            "by_unit_us": {unit: one.times_us() for unit, one in self.by_unit().items()},
        }

    def table(self, title: str, least_ps: int = 0) -> Table:
        """The parts, and their sum.

        Args:
            title: Its title.
            least_ps: Parts that changed by less are summed up in one row before the last.
        """
        columns = (
            Column("scope"),
            Column("segment"),
            *([Column("unit")] if self.has_units else []),
            Column("a_us", "us", ".1f"),
            Column("b_us", "us", ".1f"),
            Column("delta_us", "us", "+.1f"),
        )
        shown = [part for part in self.parts if abs(part.time_ps.delta) >= least_ps]
        rows = [self._row(one.scope, str(one.kind), one.unit, one.time_ps) for one in shown]
        rest = self.parts[len(shown) :]
        if rest:
            label = f"({len(rest)} parts that hardly changed)"
            rows.append(self._row(label, "", "", _sum([part.time_ps for part in rest])))
        total = _sum([part.time_ps for part in self.parts])
        rows.append(self._row("(makespan)", "", "", total))
        return Table(title, columns, tuple(rows))

    def _row(self, scope: str, kind: str, unit: str, time_ps: Change) -> tuple[Cell, ...]:
        units = (unit,) if self.has_units else ()
        times = (ps_to_us(time_ps.a), ps_to_us(time_ps.b), ps_to_us(time_ps.delta))
        return (scope, kind, *units, *times)


def decompose(a: Trace, b: Trace, units: PathUnits = UNKNOWN_UNITS) -> Decomposition:
    """The makespan of ``b`` minus that of ``a``, part by part of their critical paths.

    Units of one run alone say nothing about a difference: compute is then not split.
    """
    has_units = None not in units
    of_a, of_b = (
        path_parts(observed_path(trace), own if has_units else None)
        for trace, own in zip((a, b), units, strict=True)
    )
    parts = [
        PartChange(*part, Change(of_a.get(part, 0), of_b.get(part, 0)))
        for part in dict.fromkeys([*of_a, *of_b])
    ]
    ranked = tuple(sorted(parts, key=lambda part: -abs(part.time_ps.delta)))
    return Decomposition(ranked, has_units)


def _sum(changes: list[Change]) -> Change:
    return Change(sum(one.a for one in changes), sum(one.b for one in changes))


def _grouped(changes: list[tuple[str, Change]]) -> dict[str, Change]:
    """Sums by name, the most changed first."""
    found: dict[str, list[Change]] = {}
    for name, change in changes:
        found.setdefault(name, []).append(change)
    sums = {name: _sum(own) for name, own in found.items()}
    return dict(sorted(sums.items(), key=lambda item: -abs(item[1].delta)))

"""Question: what is different between two runs, and what made the difference?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from npusim.analysis.accounting import (
    EMPTY_ACCOUNT,
    Account,
    CoreAccount,
    core_accounts,
    scope_accounts,
)
from npusim.analysis.alignment import Alignment, align
from npusim.analysis.change import Change, ReasonChange, ScopeChange
from npusim.analysis.columns import count_column, reason_key, run_name, us_column
from npusim.analysis.decomposition import UNKNOWN_UNITS, Decomposition, PathUnits, decompose
from npusim.analysis.table import Cell, Column, Table
from npusim.analysis.verdict import write_path_sentence, write_verdict
from npusim.trace import LaneKind, Trace, WaitReason
from npusim.units import ps_to_us

_LEAST_PRINTED_PS = 50_000
"""Changes below this are +0.0 us in print."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Run a against run b. Deltas are b minus a; lists are ranked by absolute change."""

    name_a: str
    name_b: str
    makespan_ps: Change
    lanes: tuple[tuple[LaneKind, Change], ...]
    busy_ps: tuple[tuple[LaneKind, Change], ...]
    """Busy lane time by core type."""
    scopes: tuple[ScopeChange, ...]
    """Ranked by the larger of the changes of busy and of waits."""
    reasons: tuple[ReasonChange, ...]
    decomposition: Decomposition
    """Of the makespan: the parts of the critical paths, whose deltas add up to its delta."""
    alignment: Alignment
    """Tasks and dependencies, one run beside the other."""

    @property
    def verdict(self) -> str:
        """Two or three sentences, written from the numbers only."""
        busy_ps = Change(
            sum(change.a for _, change in self.busy_ps),
            sum(change.b for _, change in self.busy_ps),
        )
        sentences = write_verdict(self.makespan_ps, busy_ps, self.reasons, self.scopes)
        path = write_path_sentence(self.decomposition)
        return f"{sentences} {path}" if path else sentences

    def to_json(self) -> dict[str, Any]:
        """Everything as plain Python values; times in microseconds."""
        return {
            "a": self.name_a,
            "b": self.name_b,
            "verdict": self.verdict,
            "makespan_us": {
                **self.makespan_ps.times_us(),
                "percent": self.makespan_ps.percent,
            },
            "lanes": {str(core): change.counts() for core, change in self.lanes},
            "busy_us": {str(core): change.times_us() for core, change in self.busy_ps},
            "scopes": [change.to_json() for change in self.scopes],
            "waits": [change.to_json() for change in self.reasons],
            "decomposition": self.decomposition.to_json(),
            "alignment": self.alignment.to_json(),
        }

    def total_table(self) -> Table:
        """Makespan, and busy lane time by core type."""
        rows: list[tuple[Cell, ...]] = [("makespan", *_times(self.makespan_ps))]
        rows += [(f"busy {core}", *_times(change)) for core, change in self.busy_ps]
        columns = (Column("quantity"), *_change_columns())
        return Table(self._title("Totals"), columns, tuple(rows))

    def scope_table(self) -> Table:
        """Blocks, busy, window and waits of each scope, the most changed first."""
        columns = (
            Column("scope"),
            count_column("blocks_a"),
            count_column("blocks_b"),
            Column("blocks_delta", "", "+d"),
            *_abd_columns("busy"),
            *_abd_columns("waits"),
            *_abd_columns("window"),
        )
        rows = []
        for change in self.scopes:
            cells: list[Cell] = [change.scope, *change.blocks.counts().values()]
            for times in (change.busy_ps, change.waits_ps, change.window_ps):
                cells += times.times_us().values()
            rows.append(tuple(cells))
        return Table(self._title("Scopes"), columns, tuple(rows))

    def reason_table(self) -> Table:
        """Waits by core type and reason, the most changed first."""
        columns = (Column("core_type"), Column("reason"), *_change_columns())
        rows = tuple(
            (str(change.core_type), reason_key(change.reason), *_times(change.waits_ps))
            for change in self.reasons
        )
        return Table(self._title("Waits"), columns, rows)

    def path_table(self) -> Table:
        """The parts of both critical paths; their deltas add up to that of the makespan."""
        return self.decomposition.table(self._title("Critical path"))

    def task_table(self) -> Table:
        """Per scope, how many tasks both runs have and how far they moved."""
        return self.alignment.task_table(self._title("Tasks"))

    def edge_table(self) -> Table:
        """Per pair of scopes, dependencies kept, vanished and appeared."""
        return self.alignment.edge_table(self._title("Dependencies"))

    def tables(self) -> tuple[Table, ...]:
        """All tables, in reading order."""
        return (
            self.total_table(),
            self.path_table(),
            self.reason_table(),
            self.scope_table(),
            self.task_table(),
            self.edge_table(),
        )

    def __str__(self) -> str:
        total, _, *others = self.tables()
        path = self.decomposition.table(self._title("Critical path"), _LEAST_PRINTED_PS)
        return "\n\n".join([self.verdict, *(str(table) for table in (total, path, *others))])

    def _title(self, what: str) -> str:
        return f"{what}: a = {self.name_a}, b = {self.name_b}"


def compare(a: Trace, b: Trace, units: PathUnits = UNKNOWN_UNITS) -> Comparison:
    """What changed from run ``a`` to run ``b``: overall, on the critical path, by scope and reason.

    The runs may be simulated or captured, of different variants, lane counts and scopes. A scope
    that only one run has counts as 0 in the other. Scopes fold the core types together; lane time
    after the last task of a lane is the scope ``(no work)``.

    Args:
        a: The run to compare with.
        b: The run to compare.
        units: What splits the kernels on the two critical paths by unit, where it is known.
    """
    cores_a, cores_b = core_accounts(a), core_accounts(b)
    return Comparison(
        name_a=run_name(a),
        name_b=run_name(b),
        makespan_ps=Change(a.makespan_ps, b.makespan_ps),
        lanes=_by_core(cores_a, cores_b, lambda core: core.lanes),
        busy_ps=_by_core(cores_a, cores_b, lambda core: core.total.busy_ps),
        scopes=_scope_changes(dict(scope_accounts(a)), dict(scope_accounts(b))),
        reasons=_reason_changes(cores_a, cores_b),
        decomposition=decompose(a, b, units),
        alignment=align(a, b),
    )


def _by_core(
    a: tuple[CoreAccount, ...], b: tuple[CoreAccount, ...], quantity: Callable[[CoreAccount], int]
) -> tuple[tuple[LaneKind, Change], ...]:
    return tuple(
        (one.core_type, Change(quantity(one), quantity(other)))
        for one, other in zip(a, b, strict=True)
    )


def _scope_changes(a: dict[str, Account], b: dict[str, Account]) -> tuple[ScopeChange, ...]:
    changes = []
    for scope in dict.fromkeys([*a, *b]):
        one, other = a.get(scope, EMPTY_ACCOUNT), b.get(scope, EMPTY_ACCOUNT)
        changes.append(
            ScopeChange(
                scope=scope,
                blocks=Change(one.blocks, other.blocks),
                busy_ps=Change(one.busy_ps, other.busy_ps),
                window_ps=Change(one.window_ps, other.window_ps),
                waits_ps=Change(one.wait_ps, other.wait_ps),
            )
        )
    return tuple(sorted(changes, key=lambda change: -abs(change.largest[1].delta)))


def _reason_changes(
    a: tuple[CoreAccount, ...], b: tuple[CoreAccount, ...]
) -> tuple[ReasonChange, ...]:
    changes = [
        ReasonChange(
            one.core_type,
            reason,
            Change(one.total.waits_ps[reason], other.total.waits_ps[reason]),
        )
        for one, other in zip(a, b, strict=True)
        for reason in WaitReason
    ]
    return tuple(sorted(changes, key=lambda change: -abs(change.waits_ps.delta)))


def _abd_columns(name: str) -> tuple[Column, ...]:
    return (
        us_column(f"{name}_a"),
        us_column(f"{name}_b"),
        Column(f"{name}_delta_us", "us", "+.1f"),
    )


def _change_columns() -> tuple[Column, ...]:
    return (
        us_column("a"),
        us_column("b"),
        Column("delta_us", "us", "+.1f"),
        Column("delta_percent", "%", "+.1f"),
    )


def _times(change: Change) -> tuple[Cell, ...]:
    return (ps_to_us(change.a), ps_to_us(change.b), ps_to_us(change.delta), change.percent)

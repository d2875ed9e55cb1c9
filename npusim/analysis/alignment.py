"""Question: what became of each task, and of each dependency, from one run to the other?

Tasks are the same if they have the same scope and the same number within it: task 3 of qk in one
run is task 3 of qk in the other, wherever they stand in the order of submission.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from npusim.analysis.columns import count_column
from npusim.analysis.moments import task_moments
from npusim.analysis.table import Cell, Column, Table
from npusim.trace import Trace
from npusim.units import ps_to_us

Key = tuple[str, int]
"""Scope and number within it."""


@dataclass(frozen=True, slots=True)
class ScopeAlignment:
    """The tasks of one scope that both runs have; times in picoseconds.

    Attributes:
        only_a: Tasks that only run a has.
        only_b: Tasks that only run b has.
        moved: Tasks whose first block ran on another core.
        shift_ps: Starts in b minus starts in a, each from the begin of its run: the mean.
        largest_shift_ps: The one that moved furthest, earlier (negative) or later.
        largest_shift_task: Its number within the scope.
    """

    scope: str
    both: int
    only_a: int
    only_b: int
    moved: int
    shift_ps: float
    largest_shift_ps: int
    largest_shift_task: int


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """Dependencies from tasks of one scope to tasks of another, between tasks that both runs have.

    Those of tasks that only one run has are counted too, on the side that has them.
    """

    pred_scope: str
    succ_scope: str
    kept: int
    vanished: int
    appeared: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """All scopes of both runs in order of submission, and the dependencies between them."""

    scopes: tuple[ScopeAlignment, ...]
    edges: tuple[EdgeChange, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; times in microseconds."""
        return {
            "tasks": self.task_table("").to_json(),
            "edges": self.edge_table("").to_json(),
        }

    def task_table(self, title: str) -> Table:
        """One row per scope."""
        columns = (
            Column("scope"),
            *(count_column(name) for name in ("both", "only_a", "only_b", "moved")),
            Column("mean_shift_us", "us", "+.1f"),
            Column("largest_shift_us", "us", "+.1f"),
            count_column("largest_shift_task"),
        )
        rows: list[tuple[Cell, ...]] = []
        for one in self.scopes:
            counts = (one.scope, one.both, one.only_a, one.only_b, one.moved)
            times: tuple[Cell, ...] = (None, None, None)
            if one.both:
                shifts = (ps_to_us(one.shift_ps), ps_to_us(one.largest_shift_ps))
                times = (*shifts, one.largest_shift_task)
            rows.append((*counts, *times))
        return Table(title, columns, tuple(rows))

    def edge_table(self, title: str) -> Table:
        """One row per pair of scopes."""
        columns = (
            Column("pred_scope"),
            Column("succ_scope"),
            *(count_column(name) for name in ("kept", "vanished", "appeared")),
        )
        rows = tuple(
            (one.pred_scope, one.succ_scope, one.kept, one.vanished, one.appeared)
            for one in self.edges
        )
        return Table(title, columns, rows)


def align(a: Trace, b: Trace) -> Alignment:
    """Tasks and dependencies of run ``a`` beside those of run ``b``."""
    keys_a, keys_b = _keys(a), _keys(b)
    return Alignment(_align_tasks(a, b, keys_a, keys_b), _align_edges(a, b, keys_a, keys_b))


def _keys(trace: Trace) -> list[Key]:
    seen: Counter[str] = Counter()
    keys = []
    for task in trace.tasks:
        keys.append((task.name, seen[task.name]))
        seen[task.name] += 1
    return keys


def _align_tasks(
    a: Trace, b: Trace, keys_a: list[Key], keys_b: list[Key]
) -> tuple[ScopeAlignment, ...]:
    index_b = {key: index for index, key in enumerate(keys_b)}
    starts_a, starts_b = (task_moments(one).start_ps - one.span_ps[0] for one in (a, b))
    cores_a, cores_b = _first_cores(a), _first_cores(b)
    counts_a, counts_b = (Counter(scope for scope, _ in keys) for keys in (keys_a, keys_b))
    shifts: dict[str, list[tuple[int, int]]] = {}
    moved: Counter[str] = Counter()
    for index, key in enumerate(keys_a):
        other = index_b.get(key)
        if other is None:
            continue
        shift_ps = int(starts_b[other] - starts_a[index])
        if cores_a[index] and cores_b[other]:  # a dummy starts nowhere
            shifts.setdefault(key[0], []).append((shift_ps, key[1]))
            moved[key[0]] += cores_a[index] != cores_b[other]
    found = []
    for scope in dict.fromkeys([*counts_a, *counts_b]):
        both = min(counts_a[scope], counts_b[scope])
        own = shifts.get(scope, [(0, 0)])
        largest_ps, number = max(own, key=lambda item: (abs(item[0]), -item[1]))
        found.append(
            ScopeAlignment(
                scope=scope,
                both=both,
                only_a=counts_a[scope] - both,
                only_b=counts_b[scope] - both,
                moved=moved[scope],
                shift_ps=float(np.mean([shift for shift, _ in own])),
                largest_shift_ps=largest_ps,
                largest_shift_task=number,
            )
        )
    return tuple(found)


def _first_cores(trace: Trace) -> list[str]:
    """Per task, the lane of its first kernel; empty for a dummy."""
    cores = [""] * len(trace.tasks)
    order = np.lexsort((trace.slices["lane"], trace.slices["start_ps"]))[::-1]
    for task, lane in trace.slices[order][["task", "lane"]].tolist():
        cores[task] = trace.lanes[lane].name
    return cores


def _align_edges(
    a: Trace, b: Trace, keys_a: list[Key], keys_b: list[Key]
) -> tuple[EdgeChange, ...]:
    of_a, of_b = _edges(a, keys_a), _edges(b, keys_b)
    kept, gone, new = (
        Counter((pred[0], succ[0]) for pred, succ in edges)
        for edges in (of_a & of_b, of_a - of_b, of_b - of_a)
    )
    pairs = sorted({*kept, *gone, *new}, key=lambda pair: (-(gone[pair] + new[pair]), pair))
    return tuple(EdgeChange(*pair, kept[pair], gone[pair], new[pair]) for pair in pairs)


def _edges(trace: Trace, keys: list[Key]) -> set[tuple[Key, Key]]:
    rows = trace.edges[["pred", "succ"]].tolist()
    return {(keys[pred], keys[succ]) for pred, succ in rows}

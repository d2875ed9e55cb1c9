"""Question: which unit held the kernels on the critical path, scope by scope?

A compute segment of the observed path is one kernel, or the begin of one. Whoever knows what
happens inside kernels says how long each unit held it; the units of a segment add up to it, so the
parts of the path still tile the makespan::

    |=========== compute, gather ===========|- data_wait -|== compute, qk ==|
    |  MTE2 latency  | MTE2 | MTE2 latency  |             | scalar accesses |

A trace does not hold this. Without it a compute segment is one part, whose unit is "".
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from npusim.analysis.accounting import percent_of
from npusim.analysis.columns import percent_column, run_name, us_column
from npusim.analysis.observed_path import ObservedPath, PathKind, Segment
from npusim.analysis.table import Column, Table
from npusim.units import ps_to_us

UnitTimes = Callable[[Segment], Mapping[str, int]]
"""Picoseconds of a compute segment by the unit that held it; they add up to its length."""

NOT_SPLIT = ""
"""The unit of a part that no unit is known of."""


class PathPart(NamedTuple):
    """What parts of a path are summed by."""

    scope: str
    kind: PathKind
    unit: str


def path_parts(path: ObservedPath, unit_times: UnitTimes | None = None) -> dict[PathPart, int]:
    """Picoseconds of each part, in order of first appearance; they add up to the makespan."""
    found: dict[PathPart, int] = {}
    for one in path.segments:
        scope = path.trace.tasks[one.task].name
        units: Mapping[str, int] = {NOT_SPLIT: one.length_ps}
        if unit_times is not None and one.kind is PathKind.COMPUTE:
            units = unit_times(one)
        for unit, time_ps in units.items():
            part = PathPart(scope, one.kind, unit)
            found[part] = found.get(part, 0) + time_ps
    return found


def unit_table(path: ObservedPath, unit_times: UnitTimes) -> Table:
    """Compute on the path by scope and unit, scopes in order of the path, the longest unit first.

    Returns:
        A table with columns scope, unit, path_us and share_percent, of the makespan; a last row
        sums up the compute of the path.
    """
    makespan_ps = path.trace.makespan_ps
    parts = [
        (part, time_ps)
        for part, time_ps in path_parts(path, unit_times).items()
        if part.kind is PathKind.COMPUTE
    ]
    scopes = list(dict.fromkeys(part.scope for part, _ in parts))
    parts.sort(key=lambda item: (scopes.index(item[0].scope), -item[1]))
    rows = [(part.scope, part.unit, time_ps) for part, time_ps in parts]
    rows.append(("(compute)", "", sum(time_ps for _, time_ps in parts)))
    return Table(
        f"Compute on the critical path by unit, {run_name(path.trace)}",
        (Column("scope"), Column("unit"), us_column("path"), percent_column("share")),
        tuple(
            (scope, unit, ps_to_us(time_ps), percent_of(time_ps, makespan_ps))
            for scope, unit, time_ps in rows
        ),
    )

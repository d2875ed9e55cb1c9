"""Question: on how many occasions was a core idle although its next task was ready, and how long?

::

    ready gap        previous |==| ..............|== T ==|     T was ready before the core fell free
    dependency wait  previous |==| ..... ready ...|== T ==|    T became ready later
                                        |- ready-to-start -|

Definition and reference values: CAPTURES.md section 4 (c) and ``data/captures/summary.csv``.
"""

from dataclasses import dataclass

import numpy as np

from npusim.analysis.columns import count_column, run_name
from npusim.analysis.hand_over import percentiles_ps
from npusim.analysis.lane_order import core_slices
from npusim.analysis.moments import Ints, task_moments
from npusim.analysis.table import Cell, Column, Table
from npusim.trace import Trace
from npusim.units import ps_to_us

_PERCENTILES = (10, 50, 90)


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """Lengths in picoseconds.

    Attributes:
        ready_ps: Gaps on one core between two kernels, of which the second was ready before the
            first ended.
        ready_to_start_ps: From ready to start, of kernels that became ready while their core was
            idle between two kernels.
    """

    ready_ps: Ints
    ready_to_start_ps: Ints


def gaps(trace: Trace) -> Gaps:
    """The gaps before the kernels of ``trace``; a task without predecessors is always ready."""
    cores = core_slices(trace)
    slices, follows, before_ps = cores.slices, cores.before >= 0, cores.free_ps(0)
    ready_ps = task_moments(trace).dependency_ps[slices["task"]]
    waited = ready_ps > before_ps
    gap_ps = (slices["start_ps"] - before_ps)[follows & ~waited]
    return Gaps(gap_ps, (slices["start_ps"] - ready_ps)[follows & waited])


def gap_table(trace: Trace) -> Table:
    """Count, smallest, percentiles and mean of both kinds of gaps.

    Percentiles as in ``hand_over.percentiles_ps``.

    Returns:
        A table with columns gap, count, min_us, p10_us, p50_us, p90_us, mean_us; a kind that does
        not occur has a count of 0 and no times.
    """
    found = gaps(trace)
    names = ("min", *(f"p{one}" for one in _PERCENTILES), "mean")
    columns = (
        Column("gap"),
        count_column("count"),
        *(Column(f"{name}_us", "us", ".2f") for name in names),
    )
    rows = tuple(
        (name, *_distribution(values))
        for name, values in (
            ("ready", found.ready_ps),
            ("ready_to_start", found.ready_to_start_ps),
        )
    )
    return Table(f"Gaps, {run_name(trace)}", columns, rows)


def _distribution(values_ps: Ints) -> tuple[Cell, ...]:
    if not len(values_ps):
        return (0, *(None,) * (2 + len(_PERCENTILES)))
    ordered = np.sort(values_ps)
    ranks = percentiles_ps(ordered, _PERCENTILES)
    return (
        len(ordered),
        *(ps_to_us(value) for value in (int(ordered[0]), *ranks, float(ordered.mean()))),
    )

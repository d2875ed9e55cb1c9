"""One change, or several at once, of one run: the makespan and the bubbles before and after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npusim.analysis.accounting import CORE_TYPES
from npusim.analysis.cause_table import lane_causes
from npusim.analysis.causes import CAUSES
from npusim.analysis.change import Change as Pair
from npusim.analysis.columns import run_name
from npusim.analysis.table import Cell, Column, Table
from npusim.errors import NpuSimError
from npusim.experiments.changes import Change
from npusim.experiments.experiment import Experiment
from npusim.trace import Trace
from npusim.units import ps_to_us


@dataclass(frozen=True, slots=True, eq=False)
class WhatIf:
    """A changed run beside the unchanged one; both simulated by the same model.

    Attributes:
        label: The changes, as on the command line.
        before: The run, simulated again without a change.
        after: With the changes.
    """

    label: str
    before: Trace
    after: Trace

    @property
    def makespan_ps(self) -> Pair:
        """Before and after."""
        return Pair(self.before.makespan_ps, self.after.makespan_ps)

    @property
    def gain_ps(self) -> int:
        """How much shorter the run gets; negative where it gets longer."""
        return -self.makespan_ps.delta

    def lane_time(self) -> dict[str, Pair]:
        """Busy, and idle by cause: lane time of all cores, in picoseconds."""
        of_a, of_b = _lane_time(self.before), _lane_time(self.after)
        return {name: Pair(of_a[name], of_b[name]) for name in of_a}

    def to_json(self) -> dict[str, Any]:
        """Plain values; times in microseconds."""
        return {
            "change": self.label,
            "makespan_us": {**self.makespan_ps.times_us(), "percent": self.makespan_ps.percent},
            "gain_us": ps_to_us(self.gain_ps),
            "lane_time_us": {name: pair.times_us() for name, pair in self.lane_time().items()},
        }

    def table(self) -> Table:
        """The makespan, then busy and every cause that occurs."""
        rows: list[tuple[Cell, ...]] = [("makespan", *_cells(self.makespan_ps))]
        rows += [
            (name, *_cells(pair)) for name, pair in self.lane_time().items() if pair.a or pair.b
        ]
        columns = (
            Column("quantity"),
            Column("before_us", "us", ".1f"),
            Column("after_us", "us", ".1f"),
            Column("delta_us", "us", "+.1f"),
            Column("delta_percent", "%", "+.1f"),
        )
        title = f"What if {self.label}: makespan, and lane time of all cores"
        return Table(f"{title}, {run_name(self.before)}", columns, tuple(rows))


def what_if(
    experiment: Experiment, changes: Sequence[Change], before: Trace | None = None
) -> WhatIf:
    """Simulate ``experiment`` as it is and with all of ``changes``, in their order.

    Args:
        experiment: The run.
        changes: What is different.
        before: The trace of ``experiment`` where it is at hand.

    Raises:
        UsageError: If a change does not fit the run.
    """
    changed = experiment
    for change in changes:
        changed = change.apply(changed)
    label = " ".join(change.label for change in changes)
    return WhatIf(label, before or experiment.run(), changed.run())


@dataclass(frozen=True, slots=True)
class Ranking:
    """Single changes by gain, and those that this run cannot be asked about."""

    results: tuple[WhatIf, ...]
    refused: tuple[tuple[str, str], ...]
    """Label and reason."""

    def table(self) -> Table:
        """One row per change, the largest gain first."""
        columns = (
            Column("change"),
            Column("makespan_us", "us", ".1f"),
            Column("gain_us", "us", "+.1f"),
            Column("gain_percent", "%", "+.1f"),
            Column("idle_us", "us", "+.1f"),
        )
        rows = tuple(
            (
                one.label,
                ps_to_us(one.makespan_ps.b),
                ps_to_us(one.gain_ps),
                None if one.makespan_ps.percent is None else -one.makespan_ps.percent,
                ps_to_us(_idle(one)),
            )
            for one in self.results
        )
        base = self.results[0].before if self.results else None
        title = f"Single changes by gain, {run_name(base)}" if base else "Single changes by gain"
        if base:
            title += f": {ps_to_us(base.makespan_ps):.1f} us"
        return Table(title, columns, rows)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "ranking": [one.to_json() for one in self.results],
            "refused": [{"change": label, "reason": why} for label, why in self.refused],
        }


def rank(
    experiment: Experiment,
    changes: Sequence[Change],
    tell: Callable[[str], None] | None = None,
) -> Ranking:
    """Each of ``changes`` alone, the largest gain first; equal gains in the order given."""
    before = experiment.run()
    results, refused = [], []
    for change in changes:
        try:
            changed = change.apply(experiment)
            if tell is not None:
                tell(change.label)
            results.append(WhatIf(change.label, before, changed.run()))
        except NpuSimError as error:
            refused.append((change.label, str(error)))
    results.sort(key=lambda one: -one.gain_ps)
    return Ranking(tuple(results), tuple(refused))


def _lane_time(trace: Trace) -> dict[str, int]:
    cores = trace.lane_indices(*CORE_TYPES)
    slices = trace.slices[np.isin(trace.slices["lane"], cores)]
    found = {"busy": int((slices["end_ps"] - slices["start_ps"]).sum())}
    sums = lane_causes(trace).sum(axis=0)
    return found | {str(cause): int(sums[index]) for index, cause in enumerate(CAUSES)}


def _idle(one: WhatIf) -> int:
    return sum(pair.delta for name, pair in one.lane_time().items() if name != "busy")


def _cells(pair: Pair) -> tuple[Cell, ...]:
    return ps_to_us(pair.a), ps_to_us(pair.b), ps_to_us(pair.delta), pair.percent

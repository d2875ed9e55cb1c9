"""From what a run shows to what to turn: findings, each with a change that was simulated.

A rule names a finding, a knob in the words of a kernel author and a change that stands for it
(``npusim.experiments.findings``). The change is simulated; its gain is the advice. Nothing is
promised that no simulation shows: a finding whose change gains nothing is listed as such.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from npusim.analysis.accounting import percent_of
from npusim.analysis.columns import run_name
from npusim.analysis.table import Column, Table
from npusim.api.evidence import Evidence
from npusim.errors import NpuSimError
from npusim.experiments.experiment import Experiment
from npusim.experiments.findings import Finding, find
from npusim.experiments.what_if import WhatIf, what_if
from npusim.trace import Trace
from npusim.units import ps_to_us


@dataclass(frozen=True, slots=True)
class Advice:
    """A finding with its simulation; ``refused`` says why there is none."""

    finding: Finding
    result: WhatIf | None
    refused: str = ""

    @property
    def gain_ps(self) -> int:
        """How much shorter the run gets."""
        return self.result.gain_ps if self.result else 0


@dataclass(frozen=True, slots=True)
class AdviceList:
    """Advice on one run, the largest gain first."""

    trace: Trace
    advice: tuple[Advice, ...]

    def with_more(self, more: Iterable[Advice]) -> "AdviceList":
        """With other advice on the same run, ranked anew."""
        ranked = sorted([*self.advice, *more], key=_rank)
        return AdviceList(self.trace, tuple(ranked))

    def table(self) -> Table:
        """One row per finding."""
        columns = (
            Column("gain_us", "us", "+.1f"),
            Column("gain_percent", "%", "+.1f"),
            Column("finding"),
            Column("turn"),
            Column("tried"),
        )
        rows = tuple(
            (
                ps_to_us(one.gain_ps) if one.result else None,
                percent_of(one.gain_ps, self.trace.makespan_ps) if one.result else None,
                one.finding.what,
                one.finding.knob,
                one.finding.change.label if one.result else f"not tried: {one.refused}",
            )
            for one in self.advice
        )
        return Table(f"Advice by simulated gain, {run_name(self.trace)}", columns, rows)

    def to_json(self) -> list[dict[str, Any]]:
        """Plain values."""
        return [
            {
                "finding": one.finding.what,
                "turn": one.finding.knob,
                "change": one.finding.change.label,
                "gain_us": ps_to_us(one.gain_ps) if one.result else None,
                "refused": one.refused,
            }
            for one in self.advice
        ]


def advise(
    evidence: Evidence, experiment: Experiment, tell: Callable[[str], None] | None = None
) -> AdviceList:
    """Findings on the run of ``evidence``, each simulated as a change of ``experiment``."""
    before = experiment.run()
    found: dict[str, Advice] = {}
    for finding in find(evidence, before):
        label = finding.change.label
        if label in found:
            continue
        if tell is not None:
            tell(label)
        try:
            found[label] = Advice(finding, what_if(experiment, [finding.change], before))
        except NpuSimError as error:
            found[label] = Advice(finding, None, str(error))
    return AdviceList(before, ()).with_more(found.values())


def _rank(one: Advice) -> tuple[bool, int]:
    """By gain; what could not be tried comes last."""
    return one.result is None, -one.gain_ps

"""From what a run shows to what to turn: findings, each with a change that was simulated.

A rule looks at the trace and names a finding, a knob in the words of a kernel author and a change
that stands for it. The change is simulated; its gain is the advice. Nothing is promised that no
simulation shows: a finding whose change gains nothing is listed as such.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from npusim.analysis.accounting import CORE_TYPES, percent_of, scope_accounts
from npusim.analysis.causes import CAUSES, Cause, idle_causes
from npusim.analysis.columns import run_name
from npusim.analysis.observed_path import ObservedPath, PathKind, observed_path
from npusim.analysis.table import Column, Table
from npusim.api.evidence import Evidence
from npusim.dependencies import DependencyMode
from npusim.errors import NpuSimError
from npusim.experiments import changes
from npusim.experiments.changes import Change
from npusim.experiments.experiment import Experiment
from npusim.experiments.what_if import WhatIf, what_if
from npusim.trace import Trace
from npusim.units import PS_PER_US, ps_to_us

_SHARE_PERCENT = 2.0
"""A part of the makespan or of the lane time below this is not worth a finding."""
_SHORT_BLOCK_US = 10.0
"""Blocks shorter than this are of the order of the runtime's hand-over (1 to 7 us, HARDWARE.md)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the run shows, what to turn, and the change that stands for it."""

    what: str
    knob: str
    change: Change


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


def find(evidence: Evidence, trace: Trace) -> Iterator[Finding]:
    """What ``trace`` shows, in the order of the rules."""
    path = observed_path(trace)
    yield from _few_blocks(trace, path)
    yield from _short_blocks(trace)
    yield from _hand_overs(trace, path)
    yield from _false_dependencies(evidence, trace)
    yield from _runtime(trace, path)
    yield from _memory(trace)


def _few_blocks(trace: Trace, path: ObservedPath) -> Iterator[Finding]:
    """Scopes on the path that leave cores of their type without work."""
    on_path = _path_compute(path)
    for scope, account in scope_accounts(trace):
        types = {task.core_type for task in trace.tasks if task.name == scope}
        cores = min((_core_count(trace, one) for one in types), default=0)
        share = percent_of(on_path.get(scope, 0), trace.makespan_ps)
        if 0 < account.blocks < cores and share >= _SHARE_PERCENT:
            kind = "/".join(sorted(types)).upper()
            what = (
                f"{scope} has {account.blocks} blocks for {cores} {kind} and is {share:.1f} % of "
                "the makespan"
            )
            yield Finding(what, "smaller tiles", changes.split(scope, 2))


def _short_blocks(trace: Trace) -> Iterator[Finding]:
    """Scopes of many short tasks: dispatching them costs as much as running them."""
    for scope, account in scope_accounts(trace):
        is_short = 0 < account.mean_ps < _SHORT_BLOCK_US * PS_PER_US
        types = {task.core_type for task in trace.tasks if task.name == scope}
        cores = min((_core_count(trace, one) for one in types), default=0)
        if is_short and account.tasks >= max(2, cores):
            what = f"{scope} has {account.tasks} tasks of {ps_to_us(account.mean_ps):.1f} us"
            yield Finding(what, "larger tiles", changes.merge(scope, scope))


def _hand_overs(trace: Trace, path: ObservedPath) -> Iterator[Finding]:
    """Scopes of which one follows the other on the path, as many tasks each, with waits between.

    A pair counts in the order of the path; the wait is the sum over all such neighbours.
    """
    counts: dict[str, int] = {}
    for task in trace.tasks:
        counts[task.name] = counts.get(task.name, 0) + 1
    for (first, second), wait_ps in _data_waits(trace, path).items():
        if first != second and counts[first] == counts[second] and wait_ps:
            what = (
                f"{second} waits {ps_to_us(wait_ps):.1f} us on the path for the hand-over from "
                f"{first}, task by task"
            )
            yield Finding(what, "one scope for both", changes.merge(first, second))


def _data_waits(trace: Trace, path: ObservedPath) -> dict[tuple[str, str], int]:
    """Picoseconds of data wait between successive kernels of the path, by their scopes."""
    found: dict[tuple[str, str], int] = {}
    before, wait_ps = "", 0
    for one in path.segments:
        if one.kind is PathKind.DATA_WAIT:
            wait_ps += one.length_ps
        elif one.kind is PathKind.COMPUTE:
            scope = trace.tasks[one.task].name
            if before:
                found[before, scope] = found.get((before, scope), 0) + wait_ps
            before, wait_ps = scope, 0
    return found


def _false_dependencies(evidence: Evidence, trace: Trace) -> Iterator[Finding]:
    if evidence.needed_edges is None:
        return
    causes = idle_causes(trace, evidence.needed_edges)
    rows = causes[causes["cause"] == CAUSES.index(Cause.FALSE_DEPENDENCY)]
    length_ps = rows["end_ps"] - rows["start_ps"]
    share = percent_of(int(length_ps.sum()), trace.makespan_ps * _all_cores(trace))
    if share < _SHARE_PERCENT:
        return
    by_pair: dict[tuple[str, str], int] = {}
    for task, blamed, length in zip(
        rows["task"].tolist(), rows["blamed"].tolist(), length_ps.tolist(), strict=True
    ):
        pair = (trace.tasks[task].name, trace.tasks[blamed].name)
        by_pair[pair] = by_pair.get(pair, 0) + length
    (waiting, blamed_scope), _ = max(by_pair.items(), key=lambda item: item[1])
    what = (
        f"{share:.1f} % of lane time waits for data nobody needs, most of it {waiting} for "
        f"{blamed_scope}"
    )
    yield Finding(what, "a buffer of its own per tile", changes.dependencies(DependencyMode.EXACT))


def _runtime(trace: Trace, path: ObservedPath) -> Iterator[Finding]:
    kinds = path.by_kind()
    orchestrator = percent_of(kinds[PathKind.ORCHESTRATOR], trace.makespan_ps)
    if orchestrator >= _SHARE_PERCENT:
        what = f"the orchestrator is {orchestrator:.1f} % of the critical path"
        yield Finding(what, "fewer tasks or arguments (this is the most)", changes.no_submit_cost())
    waiting_ps = sum(
        kinds[one] for one in (PathKind.DATA_WAIT, PathKind.CORE_WAIT, PathKind.DISPATCH)
    )
    waiting = percent_of(waiting_ps, trace.makespan_ps)
    if waiting >= _SHARE_PERCENT:
        what = f"hand-overs of the runtime are {waiting:.1f} % of the critical path"
        yield Finding(what, "fewer levels (this is the most)", changes.no_dispatch_cost())
        yield Finding(what, "allow_early_resolve on every scope", changes.early_dispatch())


def _memory(trace: Trace) -> Iterator[Finding]:
    slices = trace.slices
    busy_ps = int((slices["end_ps"] - slices["start_ps"]).sum())
    share = percent_of(int(slices["stall_ps"].sum()), busy_ps)
    if share >= _SHARE_PERCENT:
        what = f"kernels wait {share:.1f} % of their time for shared memory"
        yield Finding(what, "reuse tiles on chip (this is the most)", changes.bandwidth(2))


def _path_compute(path: ObservedPath) -> dict[str, int]:
    by_part = path.by_scope_and_kind()
    return {scope: time for (scope, kind), time in by_part.items() if kind is PathKind.COMPUTE}


def _core_count(trace: Trace, core_type: str) -> int:
    """Cores, or for MIX clusters, that blocks of this type can run on at once."""
    kind = "aic" if core_type == "mix" else core_type
    return sum(1 for lane in trace.lanes if str(lane.kind) == kind)


def _all_cores(trace: Trace) -> int:
    return len(trace.lane_indices(*CORE_TYPES))


def candidates(evidence: Evidence, trace: Trace, count: int = 3) -> list[Change]:
    """Single changes worth trying on ``trace``, for a ranking.

    The costs of the runtime, memory, and for the ``count`` scopes with the most compute on the
    critical path half the time and two parts; and every change that advice would try.
    """
    found = [
        changes.no_dispatch_cost(),
        changes.no_submit_cost(),
        changes.policy("ideal"),
        changes.early_dispatch(),
        changes.dependencies(DependencyMode.EXACT),
        changes.bandwidth(2),
    ]
    compute = sorted(_path_compute(observed_path(trace)).items(), key=lambda item: -item[1])
    for scope, _ in compute[:count]:
        found += [changes.scale(scope, 0.5), changes.split(scope, 2)]
    found += [finding.change for finding in find(evidence, trace)]
    return list({change.label: change for change in found}.values())

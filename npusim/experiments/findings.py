"""What a run shows that somebody could turn: one rule for each kind of finding."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from npusim.analysis.accounting import CORE_TYPES, percent_of, scope_accounts
from npusim.analysis.causes import CAUSES, Cause, idle_causes
from npusim.analysis.observed_path import ObservedPath, PathKind, observed_path
from npusim.analysis.path_units import path_parts
from npusim.api.evidence import Evidence
from npusim.api.units import unit_times
from npusim.dependencies import DependencyMode
from npusim.experiments import changes
from npusim.experiments.changes import Change
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


def find(evidence: Evidence, trace: Trace) -> Iterator[Finding]:
    """What ``trace`` shows, in the order of the rules."""
    path = observed_path(trace)
    yield from _few_blocks(trace, path)
    yield from _units(evidence, trace, path)
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


_UNIT_KNOBS = {
    "MTE2 latency": "loads in flight at once (pl.pipeline), or fewer and larger ones",
    "scalar accesses": "indices read as a tile, or once for several tokens",
    "FIX latency": "fewer and larger hand-overs between the cores of a cluster",
    "MTE3 latency": "fewer and larger hand-overs between the cores of a cluster",
    "V": "fewer and wider vector operations",
}
"""What shortens the time that a unit holds a kernel, by its name without the core."""


def _units(evidence: Evidence, trace: Trace, path: ObservedPath) -> Iterator[Finding]:
    """Scopes on the path that one unit holds for long; without it they would take the rest."""
    units = unit_times(replace(evidence, trace=trace))
    if units is None:
        return
    compute = _path_compute(path)
    for part, time_ps in path_parts(path, units).items():
        knob = _UNIT_KNOBS.get(part.unit.partition(" ")[2])
        share = percent_of(time_ps, trace.makespan_ps)
        if knob is not None and share >= _SHARE_PERCENT:
            whole_ps = compute[part.scope]
            what = (
                f"{part.scope} is held for {ps_to_us(time_ps):.1f} of its "
                f"{ps_to_us(whole_ps):.1f} us on the path by {part.unit}"
            )
            rest = max(1 - time_ps / whole_ps, _LEAST_REST)
            yield Finding(what, f"{knob} (this is the most)", changes.scale(part.scope, rest))


_LEAST_REST = 0.001
"""What is left of a scope that one unit holds all the time."""


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

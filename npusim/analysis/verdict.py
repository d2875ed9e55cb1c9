"""The result of a comparison in words, written from its numbers and nothing else."""

from npusim.analysis.accounting import NO_WORK
from npusim.analysis.change import Change, ReasonChange, ScopeChange
from npusim.analysis.columns import reason_key
from npusim.analysis.decomposition import Decomposition, PartChange
from npusim.analysis.observed_path import PathKind
from npusim.trace import WaitReason
from npusim.units import ps_to_us

WORDS = {
    PathKind.COMPUTE: "kernels of",
    PathKind.DATA_WAIT: "data waits before",
    PathKind.CORE_WAIT: "core waits before",
    PathKind.DISPATCH: "dispatch of",
    PathKind.ORCHESTRATOR: "orchestrator before",
    PathKind.FRONT: "start before",
}
"""How a sentence names a part of the path that no unit is known of."""

_MOST_FRAC = 0.8
"""Scopes are named until they make up this share of a sum ..."""
_MOST_SCOPES = 3
"""... or are as many as this."""


def write_verdict(
    makespan_ps: Change,
    busy_ps: Change,
    reasons: tuple[ReasonChange, ...],
    scopes: tuple[ScopeChange, ...],
) -> str:
    """One sentence on the makespan and one on the lane time behind it.

    Args:
        makespan_ps: Makespan in both runs.
        busy_ps: Busy lane time of all cores in both runs.
        reasons: Waits by core type and reason; the wait that changed most over all core types is
            named, and lane time after the last task, which is no wait for anything, apart from it.
        scopes: Ranked by change; the first true scope is named, if it changed.

    Returns:
        For instance "b is 12.4 % slower (1,246.1 -> 1,400.3 us). Lane time: busy +310.0 us,
        dependency waits -52.1 us; largest change: attn_qk_tile busy +290.4 us."
    """
    deltas_ps = dict.fromkeys(WaitReason, 0)
    for one in reasons:
        deltas_ps[one.reason] += one.waits_ps.delta
    no_work_ps = deltas_ps.pop(WaitReason.NO_WORK)
    reason, delta_ps = max(deltas_ps.items(), key=lambda item: abs(item[1]))
    parts = [f"busy {_signed_us(busy_ps.delta)}"]
    if delta_ps:
        parts.append(f"{reason_key(reason)} waits {_signed_us(delta_ps)}")
    if no_work_ps:
        parts.append(f"without work {_signed_us(no_work_ps)}")
    detail = f"Lane time: {', '.join(parts)}"
    first = next((one for one in scopes if one.scope != NO_WORK), None)
    if first and first.largest[1].delta:
        what, change = first.largest
        detail += f"; largest change: {first.scope} {what} {_signed_us(change.delta)}"
    return f"{_makespan_sentence(makespan_ps)} {detail}."


def write_path_sentence(decomposition: Decomposition, count: int = 4) -> str:
    """The largest parts of the change of the makespan; empty without a change.

    Parts of one kind or unit that changed in one direction are summed up, and the scopes that make
    up most of it are named. For instance "Critical path: +310.2 us AIV scalar accesses in gather
    and softmax, -85.0 us data waits before pv, +1.2 us in 7 other parts."

    Args:
        decomposition: The parts.
        count: How many sums are named; the rest is added up.
    """
    groups: dict[tuple[str, bool], list[PartChange]] = {}
    for part in decomposition.parts:
        if part.time_ps.delta:
            groups.setdefault((_what(part), part.time_ps.delta > 0), []).append(part)
    ranked = sorted(groups.items(), key=lambda item: -abs(_delta_ps(item[1])))
    words = [
        f"{_signed_us(_delta_ps(parts))} {what} {_scopes(parts)}"
        for (what, _), parts in ranked[:count]
    ]
    rest = [part for _, parts in ranked[count:] for part in parts]
    if rest:
        plural = "s" if len(rest) > 1 else ""
        words.append(f"{_signed_us(_delta_ps(rest))} in {len(rest)} other part{plural}")
    return f"Critical path: {', '.join(words)}." if words else ""


def _what(part: PartChange) -> str:
    """What a part is, in words; a scope tells the core, so that of a unit is left out."""
    if not part.unit:
        return WORDS[part.kind]
    return f"{part.unit.removeprefix('AIC ').removeprefix('AIV ')} in"


def _delta_ps(parts: list[PartChange]) -> int:
    return sum(part.time_ps.delta for part in parts)


def _scopes(parts: list[PartChange]) -> str:
    """The scopes that make up most of a sum, the largest first; further ones are counted."""
    by_scope: dict[str, int] = {}  # a MIX has a unit of one name on either core
    for part in parts:
        by_scope[part.scope] = by_scope.get(part.scope, 0) + abs(part.time_ps.delta)
    most_ps = _MOST_FRAC * sum(by_scope.values())
    named: list[str] = []
    named_ps = 0
    for scope, time_ps in sorted(by_scope.items(), key=lambda item: -item[1]):
        if named and (named_ps >= most_ps or len(named) == _MOST_SCOPES):
            break
        named.append(scope)
        named_ps += time_ps
    more = len(by_scope) - len(named)
    if more:
        named.append(f"{more} more")
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))


def _makespan_sentence(makespan_ps: Change) -> str:
    if makespan_ps.delta == 0:
        return f"b takes as long as a ({_us(makespan_ps.a)} us)."
    word = "slower" if makespan_ps.delta > 0 else "faster"
    before, after = _us(makespan_ps.a), _us(makespan_ps.b)
    if before == after:  # one decimal hides the difference: write the picoseconds
        before, after = f"{ps_to_us(makespan_ps.a):,.6f}", f"{ps_to_us(makespan_ps.b):,.6f}"
    if makespan_ps.percent is None:
        return f"b is {word} ({before} -> {after} us)."
    return f"b is {_percent(abs(makespan_ps.percent))} % {word} ({before} -> {after} us)."


def _percent(value: float) -> str:
    return f"{value:.1f}" if value >= 0.05 else f"{value:.1g}"


def _us(time_ps: int) -> str:
    return f"{ps_to_us(time_ps):,.1f}"


def _signed_us(delta_ps: int) -> str:
    return f"{ps_to_us(delta_ps):+,.1f} us"

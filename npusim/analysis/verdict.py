"""The result of a comparison in words, written from its numbers and nothing else."""

from collections.abc import Mapping

from npusim.analysis.accounting import NO_WORK
from npusim.analysis.change import Change, ReasonChange, ScopeChange
from npusim.analysis.columns import reason_key
from npusim.analysis.decomposition import WORDS, Decomposition, PartChange
from npusim.analysis.observed_path import PathKind
from npusim.trace import WaitReason
from npusim.units import ps_to_us

BusyWith = tuple[Mapping[str, str], Mapping[str, str]]
"""Scope -> what its kernels are busy with, of run a and of run b."""

NOTHING_KNOWN: BusyWith = ({}, {})


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
        For instance "b is 12.4 % slower (1246.1 -> 1400.3 us). Lane time: busy +310.0 us,
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


def write_path_sentence(
    decomposition: Decomposition, busy_with: BusyWith = NOTHING_KNOWN, count: int = 3
) -> str:
    """The largest parts of the change of the makespan; empty without a change.

    For instance "Critical path: +310.2 us kernels of gather, -85.0 us data waits before softmax,
    +1.2 us in 7 other parts."

    Args:
        decomposition: The parts.
        busy_with: What the kernels of each scope are busy with in a and in b; written behind
            kernels that take longer or shorter, in brackets.
        count: How many parts are named; the rest is summed up.
    """
    changed = [part for part in decomposition.parts if part.time_ps.delta]
    if not changed:
        return ""
    words = [
        f"{_signed_us(part.time_ps.delta)} {WORDS[part.kind]} {part.scope}{_why(part, busy_with)}"
        for part in changed[:count]
    ]
    rest = changed[count:]
    if rest:
        rest_ps = sum(part.time_ps.delta for part in rest)
        plural = "s" if len(rest) > 1 else ""
        words.append(f"{_signed_us(rest_ps)} in {len(rest)} other part{plural}")
    return f"Critical path: {', '.join(words)}."


def _why(part: PartChange, busy_with: BusyWith) -> str:
    """What the kernels are busy with, in the run that has more of them on its path."""
    if part.kind is not PathKind.COMPUTE:
        return ""
    words = busy_with[1 if part.time_ps.delta > 0 else 0].get(part.scope)
    return f" ({words})" if words else ""


def _makespan_sentence(makespan_ps: Change) -> str:
    if makespan_ps.delta == 0:
        return f"b takes as long as a ({_us(makespan_ps.a)} us)."
    word = "slower" if makespan_ps.delta > 0 else "faster"
    before, after = _us(makespan_ps.a), _us(makespan_ps.b)
    if before == after:  # one decimal hides the difference: write the picoseconds
        before, after = f"{ps_to_us(makespan_ps.a):.6f}", f"{ps_to_us(makespan_ps.b):.6f}"
    if makespan_ps.percent is None:
        return f"b is {word} ({before} -> {after} us)."
    return f"b is {_percent(abs(makespan_ps.percent))} % {word} ({before} -> {after} us)."


def _percent(value: float) -> str:
    return f"{value:.1f}" if value >= 0.05 else f"{value:.1g}"


def _us(time_ps: int) -> str:
    return f"{ps_to_us(time_ps):.1f}"


def _signed_us(delta_ps: int) -> str:
    return f"{ps_to_us(delta_ps):+.1f} us"

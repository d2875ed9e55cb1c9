"""What the legends list: scopes, busy time and waits by reason, AICPU phases, with numbers."""

from collections.abc import Mapping

from npusim.analysis import CORE_TYPES, core_accounts, scope_accounts
from npusim.plotting.legend import Entry, Section
from npusim.plotting.style import BUSY, PHASE_COLOURS, REASON_COLOURS, REASON_HATCHES, ScopeStyle
from npusim.trace import PhaseKind, Trace, WaitReason
from npusim.units import ps_to_us

_CHANGE = ("a", "b", "b - a")
_NOT_RECORDED = "-"


def scope_section(trace: Trace, styles: Mapping[str, ScopeStyle]) -> Section:
    """Scopes by first start with the blocks and the busy lane time of each."""
    entries = tuple(
        _scope_entry(scope, styles[scope], (f"{account.blocks:,}", _us(account.busy_ps)))
        for scope, account in scope_accounts(trace)
        if account.slices
    )
    return Section("Scopes", ("blocks", "busy us"), entries)


def compared_scope_section(a: Trace, b: Trace, styles: Mapping[str, ScopeStyle]) -> Section:
    """Scopes of both runs, those of ``a`` first, with busy lane time in each and the change."""
    busy_ps = [
        {scope: account.busy_ps for scope, account in scope_accounts(trace) if account.slices}
        for trace in (a, b)
    ]
    entries = tuple(
        _scope_entry(scope, styles[scope], _change(*(one.get(scope, 0) for one in busy_ps)))
        for scope in dict.fromkeys(scope for one in busy_ps for scope in one)
    )
    return Section("Scopes: busy us", _CHANGE, entries)


def lane_time_section(trace: Trace) -> Section:
    """Busy and each wait reason with lane time per core type."""
    accounts = core_accounts(trace)
    busy = Entry("busy", tuple(_us(account.total.busy_ps) for account in accounts), BUSY)
    headings = tuple(f"{core_type.upper()} us" for core_type in CORE_TYPES)
    return Section("Lane time", headings, (busy, *_reason_entries(trace)))


def wait_section(trace: Trace) -> Section:
    """Each wait reason with lane time per core type; for pictures where busy has many colours."""
    headings = tuple(f"{core_type.upper()} us" for core_type in CORE_TYPES)
    return Section("Waits: lane time", headings, _reason_entries(trace))


def compared_lane_time_section(a: Trace, b: Trace) -> Section:
    """Busy and each wait reason of both runs over all cores, with the change."""
    runs = [[account.total for account in core_accounts(trace)] for trace in (a, b)]
    entries = [Entry("busy", _change(*(sum(one.busy_ps for one in run) for run in runs)), BUSY)]
    for reason in WaitReason:
        waits_ps = [sum(one.waits_ps[reason] for one in run) for run in runs]
        if any(waits_ps) or reason is WaitReason.UNKNOWN:
            entries.append(_reason_entry(reason, _change(*waits_ps)))
    return Section("Lane time us", _CHANGE, tuple(entries))


def phase_section(trace: Trace) -> Section:
    """AICPU phases that occur, with how often and for how long."""
    entries = tuple(
        _phase_entry(kind, (f"{count:,}", _us(total_ps)))
        for kind, (count, total_ps) in _phases(trace).items()
        if count
    )
    return Section("AICPU phases", ("count", "us"), entries)


def compared_phase_section(a: Trace, b: Trace) -> Section:
    """AICPU phases of both runs, with the change of the time spent in them.

    A dash where a run has no phases of that thread, as at a lower swimlane level.
    """
    in_a, in_b = _phases(a), _phases(b)
    entries = tuple(
        _phase_entry(
            kind, _change_where_recorded(*(_recorded_ps(one, kind) for one in (in_a, in_b)))
        )
        for kind in PhaseKind
        if in_a[kind][0] or in_b[kind][0]
    )
    return Section("AICPU phases us", _CHANGE, entries)


def _scope_entry(scope: str, style: ScopeStyle, cells: tuple[str, ...]) -> Entry:
    mark = str(style.number)
    return Entry(scope, cells, style.colour, style.hatch, mark, style.text_colour)


def _reason_entries(trace: Trace) -> tuple[Entry, ...]:
    """Reasons that occur, and UNKNOWN always."""
    accounts = core_accounts(trace)
    entries = []
    for reason in WaitReason:
        waits_ps = [account.total.waits_ps[reason] for account in accounts]
        if any(waits_ps) or reason is WaitReason.UNKNOWN:
            entries.append(_reason_entry(reason, tuple(_us(value) for value in waits_ps)))
    return tuple(entries)


def _reason_entry(reason: WaitReason, cells: tuple[str, ...]) -> Entry:
    label = reason.name.lower().replace("_", " ")
    return Entry(label, cells, REASON_COLOURS[reason], REASON_HATCHES.get(reason, ""))


def _phase_entry(kind: PhaseKind, cells: tuple[str, ...]) -> Entry:
    return Entry(kind.name.lower().replace("_", " "), cells, PHASE_COLOURS[kind])


def _phases(trace: Trace) -> dict[PhaseKind, tuple[int, int]]:
    """Count and total time in ps of each kind; RESOLVE lies inside COMPLETE and counts in both."""
    found = {}
    for kind in PhaseKind:
        rows = trace.phases[trace.phases["kind"] == kind]
        found[kind] = (len(rows), int((rows["end_ps"] - rows["start_ps"]).sum()))
    return found


def _recorded_ps(phases: Mapping[PhaseKind, tuple[int, int]], kind: PhaseKind) -> int | None:
    """Time of a kind of phase; None if no phase of the thread that does it was recorded."""
    is_submit = kind is PhaseKind.SUBMIT
    is_recorded = any(
        count for one, (count, _) in phases.items() if (one is PhaseKind.SUBMIT) is is_submit
    )
    return phases[kind][1] if is_recorded else None


def _change_where_recorded(a_ps: int | None, b_ps: int | None) -> tuple[str, ...]:
    if a_ps is not None and b_ps is not None:
        return _change(a_ps, b_ps)
    return (*(_NOT_RECORDED if one is None else _us(one) for one in (a_ps, b_ps)), _NOT_RECORDED)


def _us(time_ps: int) -> str:
    return f"{ps_to_us(time_ps):,.1f}"


def _change(a_ps: int, b_ps: int) -> tuple[str, ...]:
    return _us(a_ps), _us(b_ps), f"{ps_to_us(b_ps - a_ps):+,.1f}"

"""Which dummy a scheduler thread was busy with: the phases cut at the markers that name them."""

from bisect import bisect_left, bisect_right

from npusim.formats.tick_phase import TickPhase
from npusim.trace import PhaseKind


def name_dummies(
    stream: int, phases: list[TickPhase], markers: list[tuple[int, int]]
) -> list[TickPhase]:
    """``phases`` with each DUMMY phase cut at the markers inside it, one task per piece.

    One record pops several dummies, and only the zero-width markers say which::

        dummy    [--------------------]            marker   t4     t7
        phases   [ DUMMY t4 |DUMMY t7 ]

    A marker outside every dummy record becomes a phase of no length. In the middle of other work,
    where a task with a false predicate has its marker, it has no room on the lane and moves to the
    end of that work.

    Args:
        stream: The scheduler thread.
        phases: Its phases; those that are not RESOLVE do not overlap.
        markers: (tick, token) of the tasks that it completed without running anything.
    """
    if not markers:
        return phases
    markers = sorted(markers)
    ticks = [tick for tick, _ in markers]
    named, used = [], set()
    for phase in phases:
        if phase.kind is not PhaseKind.DUMMY:
            named.append(phase)
            continue
        first, stop = bisect_left(ticks, phase.start), bisect_right(ticks, phase.end)
        inside = [index for index in range(first, stop) if index not in used]
        used.update(inside)
        ends = [ticks[index] for index in inside[:-1]] + [phase.end]
        starts = [phase.start, *ends[:-1]]
        if not inside:
            named.append(phase)
            continue
        for start, end, index in zip(starts, ends, inside, strict=True):
            token = markers[index][1]
            named.append(phase._replace(start=start, end=end, token=token, handled=1))
    outer = sorted((p.start, p.end) for p in phases if p.kind is not PhaseKind.RESOLVE)
    starts = [start for start, _ in outer]
    for index, (tick, token) in enumerate(markers):
        if index in used:
            continue
        before = bisect_left(starts, tick) - 1
        free = max(tick, outer[before][1]) if before >= 0 else tick
        named.append(TickPhase(stream, PhaseKind.DUMMY, free, free, token, 1))
    return named

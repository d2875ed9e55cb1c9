"""Core lanes of a chip of which a file names only the cores that ran something."""

from collections.abc import Mapping, Sequence

from npusim.formats.layout import CORE_TYPES
from npusim.trace import Lane, LaneKind

UNOBSERVED_NOTE = "idle cores: {count} of {total} are taken to be numbered AIC first, then AIV"


def observed_lanes(
    core_types: Mapping[int, str], threads: Sequence[int], *, least: int = 0
) -> tuple[tuple[Lane, ...], list[str]]:
    """One lane per core id from 0 on, and a note if some of them are guessed.

    The chip numbers its AIC first and its AIV after them, so an unseen core below the first AIV is
    an AIC.

    Args:
        core_types: ``aic`` or ``aiv`` by core id, of cores that ran something.
        threads: Scheduler thread by core id; may be short or empty.
        least: Cores that the chip has at least.
    """
    total = max(least, len(threads), 1 + max(core_types, default=-1))
    first_aiv = min((core for core, kind in core_types.items() if kind == "aiv"), default=total)
    counts = dict.fromkeys(CORE_TYPES, 0)
    lanes = []
    for core_id in range(total):
        kind = core_types.get(core_id, "aic" if core_id < first_aiv else "aiv")
        thread = threads[core_id] if core_id < len(threads) else -1
        lanes.append(Lane(f"{kind.upper()}[{counts[kind]}]", LaneKind(kind), core_id, thread))
        counts[kind] += 1
    unseen = total - len(core_types)
    notes = [UNOBSERVED_NOTE.format(count=unseen, total=total)] if unseen else []
    return tuple(lanes), notes

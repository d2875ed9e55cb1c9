"""Idle time as the page shows it: on cores by cause, on pipes by the reason of the trace."""

from dataclasses import dataclass

import numpy as np

from npusim.analysis.accounting import Records
from npusim.analysis.causes import CAUSE_DTYPE, CAUSES, MEANING, Cause, idle_causes
from npusim.analysis.moments import Ints
from npusim.plotting.style import CAUSE_COLOURS, REASON_COLOURS
from npusim.trace import LaneKind, Trace, WaitReason


@dataclass(frozen=True, slots=True)
class IdleKind:
    """One kind of idle time."""

    name: str
    meaning: str
    tint: str
    is_blank: bool = False
    """Not drawn: there was nothing to do."""


_PIPE_MEANINGS = {
    "DEPENDENCY": "an operand, or room for the result, was not ready",
    "QUEUE": "ready; the scalar unit had not issued the instruction",
    "MEMORY": "issued and ready; other cores had its share of the bandwidth",
    "NO_WORK": "no kernel on the core, or nothing left for this pipe",
}

IDLE_KINDS = (
    *(
        IdleKind(one.replace("_", " "), MEANING[one], CAUSE_COLOURS[one], one is Cause.NO_WORK)
        for one in CAUSES
    ),
    *(
        IdleKind(
            f"pipe {one.name.lower().replace('_', ' ')}",
            _PIPE_MEANINGS.get(one.name, "see WaitReason"),
            REASON_COLOURS[one],
            one is WaitReason.NO_WORK,
        )
        for one in WaitReason
    ),
)
"""By the number in ``idle_rows``: the causes of cores, then the reasons of pipes."""


def idle_rows(trace: Trace, needed_edges: Ints | None = None) -> Records:
    """Idle time of all core and pipe lanes, as ``CAUSE_DTYPE`` records; ``cause`` counts kinds."""
    inside = trace.waits[np.isin(trace.waits["lane"], trace.lane_indices(LaneKind.PIPE))]
    pipes = np.empty(len(inside), CAUSE_DTYPE)
    for name in ("lane", "start_ps", "end_ps", "task", "blamed"):
        pipes[name] = inside[name]
    pipes["cause"] = inside["reason"] + len(CAUSES)
    return np.concatenate([idle_causes(trace, needed_edges), pipes])

"""One AICPU record of a capture, in ticks of its clock."""

from typing import NamedTuple

from npusim.trace import PhaseKind

NO_TASK = -1


class TickPhase(NamedTuple):
    """One phase; ``token`` is the task of SUBMIT and DUMMY phases, else -1."""

    stream: int
    kind: PhaseKind
    start: int
    end: int
    token: int = NO_TASK
    handled: int = 0
    """Of a SUBMIT its number, else the tasks handled."""
    loop_iter: int = 0
    pop_hit: int = 0
    pop_miss: int = 0
    ready_start: tuple[int, ...] = (0, 0, 0)
    ready_end: tuple[int, ...] = (0, 0, 0)

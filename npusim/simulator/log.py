"""What the processes of a simulation write down; it becomes the trace afterwards."""

from dataclasses import dataclass, field

from npusim.simulator.machine import Run
from npusim.trace import PhaseKind


@dataclass(slots=True)
class Phase:
    """One piece of work of an AICPU thread, as in ``PHASE_DTYPE``."""

    lane: int
    kind: PhaseKind
    start_ps: int
    end_ps: int
    count: int
    task: int = -1
    loop_iter: int = 0
    pop_hit: int = 0
    pop_miss: int = 0
    ready_start: tuple[int, int, int] = (0, 0, 0)
    ready_end: tuple[int, int, int] = (0, 0, 0)


@dataclass(slots=True)
class EventLog:
    """Everything that happened, in the order in which it ended."""

    runs: list[Run] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)

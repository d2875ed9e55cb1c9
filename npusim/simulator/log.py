"""What the threads of a simulation write down; it becomes the trace afterwards.

Rows are kept as plain integers in one array each: a million objects would not fit.
"""

from array import array
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from npusim.simulator.machine import Run
from npusim.simulator.work import IntArray

RUN_COLUMNS = (
    "lane", "task", "block", "slot", "popped_ps", "dispatch_ps", "receive_ps", "start_ps", "end_ps",
    "finish_ps", "stall_ps",
)  # fmt: skip

PHASE_COLUMNS = (
    "lane", "kind", "start_ps", "end_ps", "task", "count", "loop_iter", "pop_hit", "pop_miss",
    "aic_start", "aiv_start", "mix_start", "aic_end", "aiv_end", "mix_end",
)  # fmt: skip

Depths = tuple[int, int, int]
NO_DEPTHS: Depths = (0, 0, 0)


class Phase(NamedTuple):
    """One piece of work of an AICPU thread, as in ``PHASE_DTYPE``."""

    lane: int
    kind: int
    start_ps: int
    end_ps: int
    task: int = -1
    processed: int = 0
    loop_iter: int = 0
    pop_hit: int = 0
    pop_miss: int = 0
    before: Depths = NO_DEPTHS
    """Tasks in the ready queues, AIC, AIV and MIX, when it began ..."""
    after: Depths = NO_DEPTHS
    """... and when it ended."""


class EventLog:
    """Runs in the order in which they were seen to end, and phases of the AICPU threads."""

    def __init__(self, *, has_scheduler: bool = True, has_orchestrator: bool = True) -> None:
        self.has_scheduler = has_scheduler
        """Write down the phases of scheduler threads."""
        self.has_orchestrator = has_orchestrator
        """Write down the submits of the orchestrator."""
        self._runs = array("q")
        self._phases = array("q")

    def add_run(self, run: Run) -> None:
        """A run whose completion was seen."""
        core = run.core
        self._runs.extend(
            (
                core.core_id,
                run.state.task_id,
                run.block,
                core.slot,
                run.popped_ps,
                run.dispatch_ps,
                run.receive_ps,
                run.start_ps,
                run.end_ps,
                run.finish_ps,
                run.stall_ps,
            )
        )

    def add_row(self, row: Iterable[int]) -> None:
        """A run by its columns."""
        self._runs.extend(row)

    def add_phase(self, phase: Phase) -> None:
        """One piece of work of an AICPU thread."""
        *head, before, after = phase
        self._phases.extend((*head, *before, *after))

    @property
    def runs(self) -> IntArray:
        """(runs, columns of ``RUN_COLUMNS``)."""
        return np.frombuffer(self._runs, np.int64).reshape(-1, len(RUN_COLUMNS))

    @property
    def phases(self) -> IntArray:
        """(phases, columns of ``PHASE_COLUMNS``)."""
        return np.frombuffer(self._phases, np.int64).reshape(-1, len(PHASE_COLUMNS))

"""The phases of one scheduler thread, written down as they end."""

from typing import TYPE_CHECKING

from npusim.simulator.log import NO_DEPTHS, Depths, Phase
from npusim.simulator.poll import PollLoop
from npusim.trace import PhaseKind

if TYPE_CHECKING:
    from npusim.simulator.runtime_state import RuntimeState

Head = tuple[int, int, int, int, int, int, int, int, int]
"""The columns of a phase before the depths of the queues."""


class PhaseLog:
    """Writes to the log of the simulation, or nothing at levels that do not record phases."""

    def __init__(self, state: "RuntimeState", loop: PollLoop, lane: int) -> None:
        self._state = state
        self._loop = loop
        self._lane = lane
        self._is_on = state.log.has_scheduler
        self._open: list[int] | None = None
        """Completions of the present pass: start, end, count, iteration."""
        self._before: Depths = NO_DEPTHS
        self._after: Depths = NO_DEPTHS

    def depths(self) -> Depths:
        """How many tasks wait per shape now; zeros where nothing is recorded."""
        return self._state.queues.depths if self._is_on else NO_DEPTHS

    def add(
        self,
        kind: PhaseKind,
        start_ps: int,
        end_ps: int,
        count: int,
        before: Depths,
        *,
        task: int = -1,
        pops: tuple[int, int] = (0, 0),
    ) -> None:
        """One phase that began with these depths of the queues and ends now or later."""
        if self._is_on:
            head = (self._lane, kind, start_ps, end_ps, task, count, self._loop.iteration, *pops)
            # Written when it ends, because others fill and empty the queues meanwhile.
            self._state.clock.call_at(end_ps, self._write, head, before)

    def _write(self, head: Head, before: Depths) -> None:
        self._state.log.add_phase(Phase(*head, before=before, after=self.depths()))

    def complete(self, start_ps: int, end_ps: int) -> None:
        """One completion; all of one pass are one phase."""
        if not self._is_on:
            return
        iteration = self._loop.iteration
        if self._open is not None and self._open[3] != iteration:
            self.close()
        if self._open is None:
            self._open, self._before = [start_ps, end_ps, 0, iteration], self.depths()
        self._open[2] += 1
        self.extend_complete(end_ps)

    def extend_complete(self, end_ps: int) -> None:
        """The consumers of a completion were walked until then."""
        if self._open is not None:
            self._open[1] = max(self._open[1], end_ps)
            self._state.clock.call_at(end_ps, self._note_depths)

    def _note_depths(self) -> None:
        self._after = self.depths()

    def close(self) -> None:
        """No completion is added to the open phase any more."""
        if self._open is None:
            return
        start_ps, end_ps, count, iteration = self._open
        self._open = None
        self._state.log.add_phase(
            Phase(
                self._lane,
                PhaseKind.COMPLETE,
                start_ps,
                end_ps,
                processed=count,
                loop_iter=iteration,
                before=self._before,
                after=self._after,
            )
        )

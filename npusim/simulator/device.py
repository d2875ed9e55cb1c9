"""Kernels on cores: from the published block to the completion that can be read.

::

    dispatch   +publish  +visible      +setup                       +finish visible
    |----------|---------|-------------|======== kernel ========|---|
               register  receive       start                   end  FIN can be read
                         (not before the records of the kernel before are written)
"""

from collections.abc import Callable, Sequence

from npusim.simulator.bandwidth import MemoryServer
from npusim.simulator.machine import Run
from npusim.simulator.options import SimulationOptions
from npusim.simulator.profile import BlockProfile
from npusim.simulator.runtime_state import Process, RuntimeState
from npusim.units import ns_to_ps


class Device:
    """Starts kernels and marks their completion on the cores."""

    def __init__(
        self,
        state: RuntimeState,
        profiles: Sequence[BlockProfile],
        memory: MemoryServer,
        options: SimulationOptions,
    ) -> None:
        runtime = state.chip.runtime
        observed = options.is_observed
        self._state = state
        self._profiles = profiles
        self._memory = memory
        self._visible_ps = ns_to_ps(runtime.store_visible_ns)
        self._setup_ps = ns_to_ps(
            runtime.core_setup_swimlane_ns if observed else runtime.core_setup_ns
        )
        self._record_ps = ns_to_ps(runtime.record_swimlane_ns) if observed else 0
        self._finish_visible_ps = ns_to_ps(runtime.finish_visible_ns)

    def launch(
        self, runs: Sequence[Run], publish_ps: Sequence[int], notify: Callable[[], None]
    ) -> None:
        """Publish one block to its cores.

        Args:
            runs: One run per core, with the dispatch time set; their kernels start together.
            publish_ps: When the register of each core is written, now or later.
            notify: Called when the kernel has ended and the owner should poll for it.
        """
        for run, published_ps in zip(runs, publish_ps, strict=True):
            run.core.run = run
            run.core.finish_visible_ps = None
            run.receive_ps = max(published_ps + self._visible_ps, run.core.receives_from_ps)
        # The parts of a MIX block wait for each other before the first tile crosses over.
        start_ps = max(run.receive_ps for run in runs) + self._setup_ps
        self._state.env.process(self._execute(runs, start_ps, notify))

    def _execute(self, runs: Sequence[Run], start_ps: int, notify: Callable[[], None]) -> Process:
        yield self._state.env.timeout(start_ps - self._state.now_ps)
        state = self._state.tasks[runs[0].task]
        profile = self._profiles[state.task.first_block + runs[0].block]
        yield self._memory.run(profile)
        end_ps = self._state.now_ps
        state.end_ps = max(state.end_ps, end_ps)
        for run in runs:
            run.start_ps, run.end_ps = start_ps, end_ps
            run.stall_ps = max(0, end_ps - start_ps - profile.alone_ps)
            run.core.finish_visible_ps = end_ps + self._finish_visible_ps
            run.core.receives_from_ps = end_ps + self._record_ps
        notify()

"""Kernels on cores: from the published block to the completion that can be read.

::

    dispatch   +publish  +visible      +setup = ACK                 +finish visible
    |----------|---------|-------------|======== kernel ========|---|
               register  receive       start                   end  FIN can be read
                         (not before the records of the kernel before are written)

A block behind a gate is on its core already; its register is the doorbell, and the setup that is
left is shorter. The parts of a MIX block acknowledge one by one and start together.
"""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from npusim.hardware.spec import RuntimeSpec
from npusim.simulator.costs import RuntimeCosts
from npusim.simulator.kernels import Kernels
from npusim.simulator.machine import NEVER_PS, Core, Run
from npusim.simulator.options import SimulationOptions
from npusim.units import ns_to_ps


class Device:
    """Fills the slots of cores, starts kernels and says when their owner can see that."""

    def __init__(
        self, kernels: Kernels, costs: RuntimeCosts, core_changed: Callable[[Core], None]
    ) -> None:
        """``core_changed`` is called when a time of a core has become known."""
        self._kernels = kernels
        self._core_changed = core_changed
        self._setup_ps = costs.setup_ps
        self._gate_ps = costs.gate_ps
        self._switch_ps = costs.switch_ps
        self._store_visible_ps = costs.store_visible_ps
        self._finish_visible_ps = costs.finish_visible_ps

    def place(self, runs: Sequence[Run], publish_ps: Sequence[int]) -> None:
        """Put one block into a free slot of each of its cores.

        Args:
            runs: One run per core, with the dispatch time set.
            publish_ps: When the register of each core is written, now or later.
        """
        for run, written_ps in zip(runs, publish_ps, strict=True):
            core = run.core
            run.published_ps = written_ps + self._store_visible_ps
            if core.running is None:
                core.running, core.is_acked = run, False
            else:
                assert core.pending is None, "a core has two slots"
                core.pending = run
        if not runs[0].is_gated:
            for run in runs:
                self._receive(run, self._setup_ps)

    def open_gate(self, run: Run, written_ps: int) -> None:
        """Ring the doorbell of a staged run at a time that is not past."""
        run.is_gated = False
        # Its thread may still be at work on publishing it.
        run.published_ps = max(run.published_ps, written_ps + self._store_visible_ps)
        self._receive(run, self._gate_ps)

    def visible_ps(self, core: Core) -> int:
        """From when on a poll of the core finds something to act on; ``NEVER_PS`` if unknown.

        With a block staged behind it, the end of a kernel is inferred from the ACK of that block.
        """
        running, pending = core.running, core.pending
        if running is None:
            return NEVER_PS
        if pending is not None and not pending.is_gated:
            return min(NEVER_PS, pending.ack_ps + self._finish_visible_ps)
        if running.is_gated:
            return NEVER_PS
        return min(NEVER_PS, running.end_ps + self._finish_visible_ps)

    def ack_visible_ps(self, core: Core) -> int:
        """From when on a poll reads the ACK of the running block."""
        running = core.running
        assert running is not None, "an idle core acknowledges nothing"
        return min(NEVER_PS, running.ack_ps + self._finish_visible_ps)

    def _receive(self, run: Run, setup_ps: int) -> None:
        """The core takes the run, unless the kernel before has not ended yet."""
        core = run.core
        if core.free_ps >= NEVER_PS:
            return
        run.receive_ps = max(run.published_ps, core.free_ps)
        run.ack_ps = run.receive_ps + setup_ps + core.cold_ps
        core.cold_ps = 0
        core.free_ps = NEVER_PS
        if not run.mates:
            self._start((run,), run.ack_ps)
            return
        self._core_changed(core)
        start_ps = max(mate.ack_ps for mate in run.mates)
        if start_ps < NEVER_PS:
            self._start(run.mates, start_ps)

    def _start(self, runs: tuple[Run, ...], start_ps: int) -> None:
        for run in runs:
            run.start_ps = start_ps
        first = runs[0]
        block = first.state.first_block + first.block
        self._kernels.start(block, start_ps, partial(self._ended, runs))
        if first.end_ps >= NEVER_PS:
            for run in runs:
                self._core_changed(run.core)

    def _ended(self, runs: tuple[Run, ...], end_ps: int, stall_ps: int) -> None:
        state = runs[0].state
        state.end_ps = max(state.end_ps, end_ps)
        for run in runs:
            run.end_ps, run.stall_ps = end_ps, stall_ps
            run.core.free_ps = end_ps + self._switch_ps
        for run in runs:
            core = run.core
            following = core.pending
            if following is not None and following is not run and not following.is_gated:
                self._receive(following, self._gate_ps if following.is_staged else self._setup_ps)
            self._core_changed(core)


def cold_starts_ps(runtime: RuntimeSpec, options: SimulationOptions, cores: int) -> list[int]:
    """How much later the first kernel of each core starts: two kinds of cores, drawn by the seed.

    Source: hardware figures runtime.cold_*; half the cores start at once, the others late.
    """
    if not options.warm_up or not runtime.cold_core_frac:
        return [0] * cores
    draw = Random(options.seed)
    delays = []
    for _ in range(cores):
        is_cold, share = draw.random() < runtime.cold_core_frac, draw.random()
        span_ns = runtime.cold_max_ns - runtime.cold_min_ns
        delays.append(ns_to_ps(runtime.cold_min_ns + share * span_ns) if is_cold else 0)
    return delays

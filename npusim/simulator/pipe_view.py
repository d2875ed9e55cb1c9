"""A finished run, seen from inside its cores.

The simulation treats a block as a whole: it knows how long it takes under any sharing. This goes
back to the instructions behind the blocks that a trace holds. It changes nothing of the run, so a
run costs the same whether somebody looks inside afterwards or not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from npusim.errors import UsageError
from npusim.hardware.spec import ChipSpec
from npusim.program import CoreType, Program
from npusim.simulator.buffers import BufferPlan
from npusim.simulator.catalog import ProfileCatalog
from npusim.simulator.lowering import LoweredOps, is_split_task
from npusim.simulator.pipe_timeline import BlockTimeline, PassInputs
from npusim.simulator.recipe import Pipe
from npusim.trace import LaneKind, Trace

_AIC_PIPES = (Pipe.AIC_S, Pipe.AIC_MTE2, Pipe.AIC_MTE1, Pipe.AIC_M, Pipe.AIC_FIX, Pipe.AIC_MTE3)
_AIV_PIPES = (Pipe.AIV_S, Pipe.AIV_MTE2, Pipe.AIV_V, Pipe.AIV_MTE3)
_FIRST_AIV_SLOT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """One block on one core: a core slice with what ran inside it."""

    lane: int
    task: int
    block: int
    """Number of the block within its task."""
    slot: int
    start_ps: int
    end_ps: int
    program_block: int
    """Index into ``Program.blocks``."""
    timeline: BlockTimeline
    pipes: tuple[Pipe, ...]
    """Those of the core that take part; none where another AIV does all vector work of a MIX."""

    @property
    def duration_ps(self) -> int:
        """Kernel start to kernel end."""
        return self.end_ps - self.start_ps

    def instructions(self, pipe: Pipe) -> npt.NDArray[np.int64]:
        """Indices of the instructions that run on ``pipe``, in program order."""
        return np.flatnonzero(self.timeline.inputs.pipe == pipe)


class CoreView:
    """The instructions behind the kernels of one simulated trace.

    Raises:
        UsageError: If the trace is a capture, or not of this program on this chip.
    """

    def __init__(self, trace: Trace, program: Program, chip: ChipSpec) -> None:
        _check_origin(trace, program, chip)
        self.trace = trace
        self.program = program
        self.chip = chip
        self._timelines: dict[int, BlockTimeline] = {}
        self._plans: dict[int, BufferPlan] = {}

    @cached_property
    def _catalog(self) -> ProfileCatalog:
        return ProfileCatalog(self.program, self.chip, memoise=True)

    @property
    def lowered(self) -> LoweredOps:
        """Columns over the operations of the program."""
        return self._catalog.lowered

    def kernels(self, lane: int) -> Iterator[Kernel]:
        """The kernels of a core lane by start."""
        rows = self.trace.slices[self.trace.slices["lane"] == lane]
        for row in np.sort(rows, order=("start_ps", "end_ps")):
            task, block = int(row["task"]), int(row["block"])
            program_block = self.program.tasks[task].first_block + block
            yield Kernel(
                lane=lane,
                task=task,
                block=block,
                slot=int(row["slot"]),
                start_ps=int(row["start_ps"]),
                end_ps=int(row["end_ps"]),
                program_block=program_block,
                timeline=self._timeline(program_block),
                pipes=self._active_pipes(lane, task, int(row["slot"])),
            )

    def operands(self, kernel: Kernel) -> list[list[int]]:
        """Tiles of the block, or NO_INDEX: out and ins of each of its operations."""
        row = self.program.blocks[kernel.program_block]
        rows: list[list[int]] = self.lowered.operands[row["op_start"] : row["op_stop"]].tolist()
        return rows

    def buffer_plan(self, kernel: Kernel) -> BufferPlan:
        """Where the tiles of a kernel lie."""
        # Kernels with the same instructions have the same tiles.
        key = id(kernel.timeline.inputs.stream)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._catalog.buffer_plan(kernel.program_block)
        return plan

    def lane_pipes(self, lane: int) -> tuple[Pipe, ...]:
        """All pipes of the core of a lane."""
        return _AIC_PIPES if self.trace.lanes[lane].kind is LaneKind.AIC else _AIV_PIPES

    def _active_pipes(self, lane: int, task: int, slot: int) -> tuple[Pipe, ...]:
        is_mix = self.program.tasks[task].core_type is CoreType.MIX
        if is_mix and slot > _FIRST_AIV_SLOT and not is_split_task(self.program, task):
            return ()
        return self.lane_pipes(lane)

    def _timeline(self, block: int) -> BlockTimeline:
        profile = self._catalog.profile(block)
        timeline = self._timelines.get(id(profile))
        if timeline is None:
            inputs = PassInputs.of(profile, self.chip)
            timeline = BlockTimeline(inputs, self._catalog.ladder, self.chip.clock.core_mhz)
            self._timelines[id(profile)] = timeline
        return timeline


def _check_origin(trace: Trace, program: Program, chip: ChipSpec) -> None:
    info = trace.info
    found = (info.source, info.kernel, info.chip, len(trace.tasks))
    expected = ("simulated", program.kernel, chip.name, len(program.tasks))
    if found != expected:
        msg = (
            f"inside view: the trace is {found[0]}, of {found[1]} on {found[2]} with {found[3]} "
            f"tasks; expected a simulated one of {expected[1]} on {expected[2]} with {expected[3]} "
            "tasks; give the program and the chip that it was simulated with"
        )
        raise UsageError(msg)

"""The instruction stream of a block: what has to wait for what, without any time.

Pipes are in order and every dependency points backwards, so a stream of instructions with their
predecessors is all the timing pass needs. Rules:

- an operand is ready when the last operation that wrote its tile has finished, latency included;
- a tile may be written when earlier readers and writers of overlapping addresses are done;
- on one pipe order is enough, except that V has to wait for the latency of a result it needs
  (HARDWARE.md section 3);
- a load into half of L0 waits for the MMAD that read this half, two K steps ago.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from npusim.program import NO_INDEX
from npusim.simulator.buffers import BufferPlan
from npusim.simulator.recipe import Pipe, Step

Recipe = tuple[Step, ...]


@dataclass(slots=True)
class InstructionStream:
    """Columns over the instructions of one block, in program order.

    Predecessors are moments: ``2 * i`` is when instruction i leaves its pipe, ``2 * i + 1`` when
    its result can be used.
    """

    op: list[int] = field(default_factory=list)
    """Operation of the block that an instruction belongs to."""
    step: list[Step] = field(default_factory=list)
    pipe: list[int] = field(default_factory=list)
    scalar_pipe: list[int] = field(default_factory=list)
    predecessors: list[tuple[int, ...]] = field(default_factory=list)


def build_stream(
    recipes: Sequence[Recipe],
    operands: Sequence[Sequence[int]],
    plan: BufferPlan,
    gm_predecessors: dict[int, tuple[int, ...]],
) -> InstructionStream:
    """The instructions of a block.

    Args:
        recipes: Steps of each operation, in program order.
        operands: out, in0, in1, in2 of each operation; tiles, or NO_INDEX.
        plan: Where the tiles lie.
        gm_predecessors: Operations that wrote what an operation reads from global memory.
    """
    tracker = _Tracker(plan)
    stream = InstructionStream()
    last_of_op: list[int] = []
    for op, (recipe, tiles) in enumerate(zip(recipes, operands, strict=True)):
        through_gm = [2 * last_of_op[one] + 1 for one in gm_predecessors.get(op, ())]
        for step in recipe:
            index = len(stream.op)
            waits = tracker.waits(index, step, tiles)
            waits.update(through_gm)
            stream.op.append(op)
            stream.step.append(step)
            stream.pipe.append(int(step.pipe))
            stream.scalar_pipe.append(int(step.pipe.scalar_pipe))
            stream.predecessors.append(tuple(sorted(waits)))
        last_of_op.append(len(stream.op) - 1)
    return stream


class _Tracker:
    """Who wrote a tile last and who uses which addresses, while a block is walked."""

    def __init__(self, plan: BufferPlan) -> None:
        self._plan = plan
        self._writer: dict[int, tuple[int, Pipe]] = {}
        # Pipes are in order, so the last user on each pipe stands for all before it.
        self._readers: list[dict[Pipe, int]] = [{} for _ in plan.overlaps]
        self._writers: list[dict[Pipe, int]] = [{} for _ in plan.overlaps]
        self._cube_steps: list[int] = []

    def waits(self, index: int, step: Step, tiles: Sequence[int]) -> set[int]:
        """Moments that instruction ``index`` waits for; it counts as a user from now on."""
        waits: set[int] = set()
        if step.follows:
            waits.add(2 * (index - 1) + 1)
        if step.pipe is Pipe.AIC_MTE1 and len(self._cube_steps) > 1:
            waits.add(2 * self._cube_steps[-2])
        if step.pipe is Pipe.AIC_M:
            self._cube_steps.append(index)
        for position in step.reads:
            if (tile := tiles[1 + position]) != NO_INDEX:
                self._read(index, step.pipe, tile, waits)
        if step.is_writer and tiles[0] != NO_INDEX:
            self._write(index, step.pipe, tiles[0], waits)
        return waits

    def _read(self, index: int, pipe: Pipe, tile: int, waits: set[int]) -> None:
        if tile in self._writer:
            writer, writer_pipe = self._writer[tile]
            if writer_pipe is not pipe or pipe is Pipe.AIV_V:
                waits.add(2 * writer + 1)
        self._readers[self._plan.buffer_of_tile[tile]][pipe] = index

    def _write(self, index: int, pipe: Pipe, tile: int, waits: set[int]) -> None:
        buffer = self._plan.buffer_of_tile[tile]
        for other in self._plan.overlaps[buffer]:
            waits.update(2 * one for user, one in self._readers[other].items() if user is not pipe)
            waits.update(
                2 * one + 1 for user, one in self._writers[other].items() if user is not pipe
            )
        # Whoever waits for this write has waited for all users before it.
        self._readers[buffer].clear()
        self._writers[buffer] = {pipe: index}
        self._writer[tile] = (index, pipe)

"""The instruction stream of a block: what has to wait for what, without any time.

Pipes are in order and every dependency points backwards, so a stream of instructions with their
predecessors is all the timing pass needs. Rules:

- an operand is ready when the last operation that wrote its tile has finished, latency included;
- a tile may be written when earlier readers and writers of overlapping addresses are done;
- on one pipe order is enough, except that V has to wait for the latency of a result it needs
  (HARDWARE.md section 3);
- a load into half of L0 waits for the MMAD that read this half, two K steps ago.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

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


class _Instruction(NamedTuple):
    """A step with what the walk asks of it again and again."""

    step: Step
    pipe: int
    scalar_pipe: int
    operands: tuple[int, ...]
    """Places of the tiles it reads, in (out, in0, in1, in2)."""


def build_stream(
    recipes: Sequence[Recipe],
    operands: Sequence[Sequence[int]],
    plan: BufferPlan,
    gm_predecessors: dict[int, tuple[int, ...]],
    crossing_cycles: float = 0.0,
) -> InstructionStream:
    """The instructions of a block.

    Args:
        recipes: Steps of each operation, in program order.
        operands: out, in0, in1, in2 of each operation; tiles, or NO_INDEX.
        plan: Where the tiles lie.
        gm_predecessors: Operations that wrote what an operation reads from global memory.
        crossing_cycles: Handshake for data that one core of a cluster wrote to global memory and
            another reads.
    """
    tracker = _Tracker(plan)
    stream = InstructionStream()
    steps, add_predecessors = stream.step, stream.predecessors.append
    last_of_op: list[int] = []
    prepared: dict[int, list[_Instruction]] = {}
    for op, (recipe, tiles) in enumerate(zip(recipes, operands, strict=True)):
        instructions = prepared.get(id(recipe))
        if instructions is None:
            instructions = prepared[id(recipe)] = [_prepare(step) for step in recipe]
        writers = [last_of_op[one] for one in gm_predecessors.get(op, ())]
        for instruction in instructions:
            waits = [2 * one + 1 for one in writers]
            tracker.add_waits(len(steps), instruction, tiles, waits)
            if writers:
                _delay_crossing(stream, writers, instruction, crossing_cycles)
            steps.append(instruction.step)
            add_predecessors(tuple(waits))
        count = len(instructions)
        stream.op += [op] * count
        stream.pipe += [one.pipe for one in instructions]
        stream.scalar_pipe += [one.scalar_pipe for one in instructions]
        last_of_op.append(len(steps) - 1)
    return stream


def _prepare(step: Step) -> _Instruction:
    places = tuple(1 + position for position in step.reads)
    return _Instruction(step, int(step.pipe), int(step.pipe.scalar_pipe), places)


def _delay_crossing(
    stream: InstructionStream, writers: list[int], reader: _Instruction, cycles: float
) -> None:
    """What another core of the cluster reads is visible to it one handshake later."""
    for writer in writers:
        step = stream.step[writer]
        if stream.scalar_pipe[writer] != reader.scalar_pipe and not step.is_crossing:
            tail_cycles = step.tail_cycles + cycles
            stream.step[writer] = replace(step, tail_cycles=tail_cycles, is_crossing=True)


_MTE1, _CUBE, _VECTOR = int(Pipe.AIC_MTE1), int(Pipe.AIC_M), int(Pipe.AIV_V)


class _Tracker:
    """Who wrote a tile last and who uses which addresses, while a block is walked."""

    def __init__(self, plan: BufferPlan) -> None:
        # Buffers that all share bytes with each other, and with no other, are one place.
        sizes = Counter(plan.overlaps)
        is_place = [sizes[beside] == len(beside) for beside in plan.overlaps]
        place = [
            beside[0] if is_place[buffer] else buffer for buffer, beside in enumerate(plan.overlaps)
        ]
        self._place_of_tile = {tile: place[one] for tile, one in plan.buffer_of_tile.items()}
        self._overlaps = [
            (buffer,) if is_place[buffer] else beside for buffer, beside in enumerate(plan.overlaps)
        ]
        self._writer: dict[int, tuple[int, int]] = {}
        # Pipes are in order, so the last user on each pipe stands for all before it.
        self._readers: list[dict[int, int]] = [{} for _ in plan.overlaps]
        self._writers: list[dict[int, int]] = [{} for _ in plan.overlaps]
        self._cube_steps: list[int] = []

    def add_waits(
        self, index: int, instruction: _Instruction, tiles: Sequence[int], waits: list[int]
    ) -> None:
        """Append the moments that ``instruction`` waits for; it is a user from now on."""
        step, pipe, _, places = instruction
        if step.follows:
            waits.append(2 * index - 1)
        if pipe == _MTE1:
            if len(self._cube_steps) > 1:
                waits.append(2 * self._cube_steps[-2])
        elif pipe == _CUBE:
            self._cube_steps.append(index)
        for place in places:
            if (tile := tiles[place]) != NO_INDEX:
                written = self._writer.get(tile)
                if written is not None and (written[1] != pipe or pipe == _VECTOR):
                    waits.append(2 * written[0] + 1)
                self._readers[self._place_of_tile[tile]][pipe] = index
        if step.is_writer and tiles[0] != NO_INDEX:
            self._write(index, pipe, tiles[0], waits)

    def _write(self, index: int, pipe: int, tile: int, waits: list[int]) -> None:
        place = self._place_of_tile[tile]
        readers, writers = self._readers, self._writers
        for other in self._overlaps[place]:
            if users := readers[other]:
                for user, one in users.items():
                    if user != pipe:
                        waits.append(2 * one)
            if users := writers[other]:
                for user, one in users.items():
                    if user != pipe:
                        waits.append(2 * one + 1)
        # Whoever waits for this write has waited for all users before it.
        readers[place].clear()
        writers[place] = {pipe: index}
        self._writer[tile] = (index, pipe)

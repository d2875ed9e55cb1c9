"""Profiles of all blocks of a program; equal blocks are timed once.

Two blocks are equal if they have the same operations on the same tiles and move the same bytes
from the same level of memory. Where only the bytes differ, the instruction stream is shared.
"""

from functools import partial

from npusim.hardware.spec import ChipSpec
from npusim.program import NO_INDEX, Program, Space
from npusim.simulator.buffers import TileUse, plan_buffers
from npusim.simulator.lowering import is_split_task, lower_ops
from npusim.simulator.profile import BlockProfile, SharingLadder
from npusim.simulator.structure import InstructionStream, build_stream


class ProfileCatalog:
    """Makes the profile of a block when it is first asked for."""

    def __init__(self, program: Program, chip: ChipSpec, *, memoise: bool) -> None:
        self._program = program
        self._chip = chip
        self._memoise = memoise
        self._lowered = lower_ops(program, chip)
        self.ladder = SharingLadder(chip)
        self._streams: dict[tuple[object, ...], InstructionStream] = {}
        self._profiles: dict[tuple[object, ...], BlockProfile] = {}

    def profile(self, block: int) -> BlockProfile:
        """The profile of block ``block`` of the program.

        Raises:
            BufferOverflowError: If its tiles do not fit the buffers of a core.
        """
        if not self._memoise:
            return self._build_profile(block, self._build_stream(block))
        stream_key = self._stream_key(block)
        key = (stream_key, *self._timing_key(block))
        profile = self._profiles.get(key)
        if profile is None:
            stream = self._streams.get(stream_key)
            if stream is None:
                stream = self._streams[stream_key] = self._build_stream(block)
            profile = self._profiles[key] = self._build_profile(block, stream)
        return profile

    def _ops(self, block: int) -> slice:
        row = self._program.blocks[block]
        return slice(int(row["op_start"]), int(row["op_stop"]))

    def _gm_predecessors(self, block: int) -> dict[int, tuple[int, ...]]:
        """Within the block: numbers of operations count from its first."""
        ops = self._ops(block)
        everywhere = self._lowered.gm_predecessors
        if not everywhere:
            return {}
        return {
            op - ops.start: tuple(one - ops.start for one in everywhere[op])
            for op in range(ops.start, ops.stop)
            if op in everywhere
        }

    def _stream_key(self, block: int) -> tuple[object, ...]:
        ops = self._ops(block)
        return (
            self._lowered.recipe[ops].tobytes(),
            self._lowered.operands[ops].tobytes(),
            self._program.block_tiles(block).tobytes(),
            tuple(self._gm_predecessors(block).items()),
            self._is_split(block),
        )

    def _timing_key(self, block: int) -> tuple[bytes, ...]:
        ops, lowered = self._ops(block), self._lowered
        columns = (lowered.scalar_cycles, lowered.moved_bytes, lowered.server_cycles)
        return tuple(column[ops].tobytes() for column in columns)

    def _is_split(self, block: int) -> bool:
        return is_split_task(self._program, int(self._program.blocks["task"][block]))

    def _build_profile(self, block: int, stream: InstructionStream) -> BlockProfile:
        ops, lowered = self._ops(block), self._lowered
        return BlockProfile(
            stream,
            scalar_cycles=lowered.scalar_cycles[ops],
            moved_bytes=lowered.moved_bytes[ops],
            server_cycles=lowered.server_cycles[ops],
            streams=lowered.streams[ops],
            chip=self._chip,
            ladder=self.ladder,
        )

    def _build_stream(self, block: int) -> InstructionStream:
        ops = self._ops(block)
        operands = self._lowered.operands[ops].tolist()
        plan = plan_buffers(
            self._tile_uses(block, operands),
            self._chip.buffer,
            partial(self._describe_tile, block),
        )
        recipes = [self._lowered.recipes[one] for one in self._lowered.recipe[ops].tolist()]
        return build_stream(recipes, operands, plan, self._gm_predecessors(block))

    def _tile_uses(self, block: int, operands: list[list[int]]) -> list[TileUse]:
        """The tiles of a block that an operation uses, in the order of their first use."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for op, (out, *ins) in enumerate(operands):
            for tile, moment in (*((one, 2 * op) for one in ins), (out, 2 * op + 1)):
                if tile != NO_INDEX:
                    first.setdefault(tile, moment)
                    last[tile] = moment
        rows = self._program.block_tiles(block)
        columns = [rows[name].tolist() for name in ("space", "site", "slot", "stages", "nbytes")]
        lanes = 2 if self._is_split(block) else 1
        uses = []
        for tile, begin in first.items():
            space, site, slot, stages, nbytes = (column[tile] for column in columns)
            share = -(-nbytes // lanes) if space == Space.UB else nbytes
            uses.append(TileUse(tile, space, site, slot, stages, share, begin, last[tile]))
        return uses

    def _describe_tile(self, block: int, tile: int) -> str:
        program = self._program
        task = program.tasks[int(program.blocks["task"][block])]
        row = program.block_tiles(block)[tile]
        site = program.sites[row["site"]] if len(program.sites) > row["site"] else "unknown line"
        return f"{site} task {task.task_id} ({task.name}) tile {tile}"

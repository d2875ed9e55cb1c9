"""Profiles of all blocks of a program; equal blocks are timed once.

Two blocks are equal if they have the same operations on the same tiles and move the same bytes
from the same level of memory. Where only the bytes differ, the instruction stream is shared.
"""

from dataclasses import fields
from functools import partial

import numpy as np
import numpy.typing as npt

from npusim.cost import latency_cycles
from npusim.hardware.spec import ChipSpec
from npusim.program import NO_INDEX, Program, Space, Unit
from npusim.simulator.buffers import BufferPlan, TileUse, plan_buffers
from npusim.simulator.in_place import kept_operands
from npusim.simulator.lowering import is_split_task, lower_ops
from npusim.simulator.profile import BlockProfile, SharingLadder
from npusim.simulator.structure import InstructionStream, build_stream


class ProfileCatalog:
    """Makes the profile of a block when it is first asked for."""

    def __init__(self, program: Program, chip: ChipSpec, *, memoise: bool) -> None:
        self._program = program
        self._chip = chip
        self._memoise = memoise
        self._is_move = np.asarray([kind.unit is Unit.MOVE for kind in program.op_kinds])
        self._kept_operands = kept_operands(program)
        self.lowered = lower_ops(program, chip)
        """Recipe, operands and work of every operation of the program."""
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
        everywhere = self.lowered.gm_predecessors
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
            self.lowered.recipe[ops].tobytes(),
            self.lowered.operands[ops].tobytes(),
            self._program.block_tiles(block).tobytes(),
            tuple(self._gm_predecessors(block).items()),
            self._is_split(block),
        )

    def _timing_key(self, block: int) -> tuple[bytes, ...]:
        work = self.lowered.work.part(self._ops(block))
        return tuple(getattr(work, item.name).tobytes() for item in fields(work))

    def _is_split(self, block: int) -> bool:
        return is_split_task(self._program, int(self._program.blocks["task"][block]))

    def _build_profile(self, block: int, stream: InstructionStream) -> BlockProfile:
        work = self.lowered.work.part(self._ops(block))
        return BlockProfile(stream, work, self._chip, self.ladder)

    def buffer_plan(self, block: int) -> BufferPlan:
        """Where the tiles of a block lie in the buffers of a core.

        Raises:
            BufferOverflowError: If they do not fit.
        """
        return plan_buffers(
            self._tile_uses(block, self.lowered.operands[self._ops(block)]),
            self._chip.buffer,
            partial(self._describe_tile, block),
        )

    def _build_stream(self, block: int) -> InstructionStream:
        ops = self._ops(block)
        operands = self.lowered.operands[ops]
        plan = self.buffer_plan(block)
        recipes = [self.lowered.recipes[one] for one in self.lowered.recipe[ops].tolist()]
        sync = self._chip.sync
        return build_stream(
            recipes,
            operands.tolist(),
            plan,
            self._gm_predecessors(block),
            latency_cycles(sync.handshake_ns, self._chip),
        )

    def _tile_uses(self, block: int, operands: npt.NDArray[np.int32]) -> list[TileUse]:
        """The tiles of a block that an operation uses, in the order of their first use."""
        flat = operands[:, (1, 2, 3, 0)].ravel()
        # An operand that the result may not overwrite is held until the result is there.
        is_late = np.ones((len(operands), 4), np.int64)
        is_late[:, :3] = self._kept_operands[self._ops(block)]
        moment = np.repeat(2 * np.arange(len(operands)), 4) + is_late.ravel()
        used = flat != NO_INDEX
        flat, moment = flat[used], moment[used]
        tiles, at = np.unique(flat, return_index=True)
        order = np.argsort(at)
        ends = len(flat) - 1 - np.unique(flat[::-1], return_index=True)[1]
        is_move = self._is_move[self._program.block_ops(block)["kind"]]
        loaded = set(operands[is_move, 0].tolist())
        rows = self._program.block_tiles(block)
        columns = [rows[name].tolist() for name in ("space", "site", "slot", "stages", "nbytes")]
        lanes = 2 if self._is_split(block) else 1
        uses = []
        found = (column[order].tolist() for column in (tiles, moment[at], moment[ends]))
        for tile, begin, end in zip(*found, strict=True):
            space, site, slot, stages, nbytes = (column[tile] for column in columns)
            share = -(-nbytes // lanes) if space == Space.UB else nbytes
            uses.append(TileUse(tile, space, site, slot, stages, share, begin, end, tile in loaded))
        return uses

    def _describe_tile(self, block: int, tile: int) -> str:
        program = self._program
        task = program.tasks[int(program.blocks["task"][block])]
        row = program.block_tiles(block)[tile]
        site = program.sites[row["site"]] if len(program.sites) > row["site"] else "unknown line"
        return f"{site} task {task.task_id} ({task.name}) tile {tile}"

"""The two AIV lanes of a cluster, written out by hand (DSL_REFERENCE.md sections 2 and 3.2).

``for lane in pl.split_aiv(2, mode=m):`` runs its body once for each lane, one after the other. Both
lanes record into the one block of the task, whose vector work the chip model shares between them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from npusim.errors import KernelError
from npusim.language.block import Block
from npusim.language.compute import Operand, as_tile
from npusim.language.enums import SplitMode
from npusim.language.recorder import current_block
from npusim.language.transfer import assemble
from npusim.language.values import Shape, Tile
from npusim.language.views import slice_
from npusim.program import Space

_LANES = 2
_SPLIT_AXIS = {SplitMode.UP_DOWN: -2, SplitMode.LEFT_RIGHT: -1}


@dataclass(slots=True)
class Lane:
    """The lane that runs, and the tiles its gathers have made so far."""

    mode: SplitMode
    index: int = 0
    gathers: int = 0
    """Gathers of this lane so far."""
    gathered: list[Tile] = field(default_factory=list)
    """Whole tiles in the order of the gathers of lane 0; lane 1 completes them."""


def split_aiv(lanes: int = _LANES, *, mode: SplitMode = SplitMode.NONE) -> Iterator[int]:
    """The body runs for AIV lane 0, then for lane 1.

    With ``NONE`` each lane runs the whole body and picks its work by the index; with ``UP_DOWN``
    and ``LEFT_RIGHT`` a lane gets its half of a tile from ``pl.aiv_shard``.

    Raises:
        KernelError: If ``lanes`` is not 2, or the construct is nested.
    """
    block = current_block("split_aiv")
    if lanes != _LANES or not isinstance(mode, SplitMode) or block.lane is not None:
        msg = (
            f"{block.recorder.where()}: pl.split_aiv of {lanes!r} lanes with mode {mode!r}"
            f"{' inside another' if block.lane is not None else ''}; "
            "expected 2 lanes, a pl.SplitMode and no nesting"
        )
        raise KernelError(msg)
    return _run_lanes(block, mode)


def aiv_shard(x: Operand) -> Tile:
    """The part of ``x`` that the running lane works on.

    Shapes: x (M, N) → (M / 2, N) for ``UP_DOWN``, (M, N / 2) for ``LEFT_RIGHT``, x for ``NONE``.

    Raises:
        KernelError: Outside ``pl.split_aiv``, or if the extent is odd.
    """
    block = current_block("aiv_shard")
    lane, tile = _lane(block, "aiv_shard"), as_tile(block, x, "aiv_shard")
    block.operand(tile, Space.UB)
    axis = _SPLIT_AXIS.get(lane.mode)
    if axis is None:
        return tile
    if tile.shape[axis] % _LANES:
        msg = (
            f"{block.recorder.where()}: pl.aiv_shard of {tile!r} with mode {lane.mode.name}; "
            "expected an even extent along the split axis; pad the tile"
        )
        raise KernelError(msg)
    shape = _scaled(tile.shape, axis, 1, _LANES)
    part = slice_(tile, shape, _start(shape, axis, lane.index))
    assert isinstance(part, Tile), "a slice of a tile is a tile"
    return part


def aic_gather(x: Operand) -> Tile:
    """The shards of both lanes put together, for the cube; complete once lane 1 has run.

    Shapes: x (M, N) → (2 * M, N) for ``UP_DOWN``, (M, 2 * N) for ``LEFT_RIGHT``, x for ``NONE``.

    Raises:
        KernelError: Outside ``pl.split_aiv``, or if the lanes gather different shapes.
    """
    block = current_block("aic_gather")
    lane, tile = _lane(block, "aic_gather"), as_tile(block, x, "aic_gather")
    axis = _SPLIT_AXIS.get(lane.mode)
    if axis is None:
        return tile
    shape = _scaled(tile.shape, axis, _LANES, 1)
    if lane.index == 0:
        array = block.recorder.fresh(shape, tile.dtype)
        whole = block.new_tile(array, tile.dtype, Space.UB, block.recorder.site())
        lane.gathered.append(whole)
    if lane.gathers >= len(lane.gathered) or lane.gathered[lane.gathers].shape != shape:
        msg = (
            f"{block.recorder.where()}: pl.aic_gather of {tile!r} in lane {lane.index} has no "
            "counterpart in lane 0; expected both lanes to gather the same tiles in one order"
        )
        raise KernelError(msg)
    whole = lane.gathered[lane.gathers]
    lane.gathers += 1
    assemble(whole, tile, _start(tile.shape, axis, lane.index))
    return whole


def _run_lanes(block: Block, mode: SplitMode) -> Iterator[int]:
    # The task runs on both AIV of a cluster, which only a MIX task has.
    block.task.uses_cube = block.task.uses_vector = True
    block.task.split_mode = block.task.split_mode or mode.value
    lane = block.lane = Lane(mode)
    try:
        for index in range(_LANES):
            lane.index, lane.gathers = index, 0
            yield index
    finally:
        block.lane = None


def _lane(block: Block, operation: str) -> Lane:
    if block.lane is None:
        msg = (
            f"{block.recorder.where()}: pl.{operation} outside pl.split_aiv; "
            "expected it in `for lane in pl.split_aiv(2, mode=...)`"
        )
        raise KernelError(msg)
    return block.lane


def _scaled(shape: Shape, axis: int, factor: int, divisor: int) -> Shape:
    changed = list(shape)
    changed[axis] = changed[axis] * factor // divisor
    return tuple(changed)


def _start(shape: Shape, axis: int, lane: int) -> Shape:
    start = [0] * len(shape)
    start[axis] = lane * shape[axis]
    return tuple(start)

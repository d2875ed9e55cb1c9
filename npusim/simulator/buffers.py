"""Static allocation of the on-chip buffers of one block, as a compiler does it.

All tiles of one (site, slot) share one address. A tile lives from the operation that makes it to
its last use; a tile of a pipelined loop keeps its buffer until the next tile of its slot, so that
the loop can prefetch. Where that does not fit, only tiles that a transfer fills keep theirs, which
are those that prefetch; then none::

    pl.range, one buffer        load0 use0 load1 use1      load1 waits for use0
    pl.pipeline(stage=2)        load0 use0      load2      slot 0, held until load2
                                     load1 use1      ...   slot 1, another address

Addresses are chosen by first fit over the buffers that live at the same time.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from npusim.errors import BufferOverflowError
from npusim.hardware.spec import BufferSpec
from npusim.program import Space


class TileUse(NamedTuple):
    """One tile as the allocator sees it.

    ``first`` and ``last`` are moments of the block: operation i reads at ``2 * i`` and writes at
    ``2 * i + 1``. So a result may take the place of an operand that is used for the last time, as
    compilers let it; whether the operation is safe in place is not checked.
    """

    tile: int
    space: int
    site: int
    slot: int
    stages: int
    nbytes: int
    first: int
    last: int
    is_loaded: bool = True
    """A transfer fills it."""


class Hold(IntEnum):
    """Which tiles of pipelined loops keep their buffer until the next tile of their slot."""

    EVERY = 0
    LOADED = 1
    NONE = 2


@dataclass(slots=True)
class _Buffer:
    """Tiles that follow each other at one address."""

    index: int
    space: int
    site: int
    slot: int
    nbytes: int = 0
    address: int = 0
    tiles: list[TileUse] = field(default_factory=list)
    holds: list[tuple[int, int]] = field(default_factory=list)
    """When it is taken: moments from, to, both included."""
    rivals: set[int] = field(default_factory=set)
    """Buffers that are taken at the same time."""

    @property
    def stop(self) -> int:
        return self.address + self.nbytes


@dataclass(frozen=True, slots=True)
class BufferPlan:
    """Where the tiles of a block lie."""

    buffer_of_tile: dict[int, int]
    overlaps: tuple[tuple[int, ...], ...]
    """For each buffer the buffers that share a byte with it, itself included."""
    peak_bytes: dict[int, int]
    """Highest address in use, by space."""


def plan_buffers(
    uses: Sequence[TileUse], limits: BufferSpec, describe: Callable[[int], str]
) -> BufferPlan:
    """Give every tile an address.

    Each space begins with ``Hold.EVERY`` and holds less where it does not fit. Tried for each:
    buffers placed in program order, then largest first.

    Args:
        uses: The tiles of one block that are used, in the order of ``first``.
        limits: The capacities.
        describe: Turns a tile into the words that name it in an error.

    Raises:
        BufferOverflowError: If no attempt fits.
    """
    capacities = {
        int(Space.L1): limits.l1_capacity_bytes,
        int(Space.L0C): limits.l0c_capacity_bytes,
        int(Space.UB): limits.ub_usable_bytes,
    }
    holds = dict.fromkeys(capacities, Hold.EVERY)
    while True:
        buffers = _group(uses, limits.alignment_bytes)
        _find_rivals(buffers, holds)
        for order in (buffers, sorted(buffers, key=lambda one: (-one.nbytes, one.index))):
            overflow = _place(order, buffers, capacities)
            if overflow is None:
                return _plan(buffers)
        assert overflow is not None, "the loop above tries twice"
        if holds[overflow.space] is Hold.NONE:
            raise BufferOverflowError(_overflow_message(overflow, buffers, capacities, describe))
        holds[overflow.space] = Hold(holds[overflow.space] + 1)


def _group(uses: Sequence[TileUse], alignment_bytes: int) -> list[_Buffer]:
    """Buffers of a block. Tiles of one slot that live at once get a buffer each."""
    buffers: list[_Buffer] = []
    by_slot: dict[tuple[int, int, int], list[_Buffer]] = defaultdict(list)
    for use in uses:
        family = by_slot[use.space, use.site, use.slot]
        buffer = next((one for one in family if one.tiles[-1].last < use.first), None)
        if buffer is None:
            buffer = _Buffer(len(buffers), use.space, use.site, use.slot)
            buffers.append(buffer)
            family.append(buffer)
        buffer.tiles.append(use)
        aligned = -(-use.nbytes // alignment_bytes) * alignment_bytes
        buffer.nbytes = max(buffer.nbytes, aligned)
    return buffers


def _find_rivals(buffers: list[_Buffer], holds: dict[int, Hold]) -> None:
    for buffer in buffers:
        buffer.holds = _holds(buffer, holds[buffer.space])
        buffer.rivals = set()
    starts = sorted(
        (start, stop, buffer.index) for buffer in buffers for start, stop in buffer.holds
    )
    active: list[tuple[int, int]] = []
    for start, stop, index in starts:
        active = [one for one in active if one[0] >= start]
        for _, other in active:
            if other != index and buffers[other].space == buffers[index].space:
                buffers[other].rivals.add(index)
                buffers[index].rivals.add(other)
        active.append((stop, index))
    _part_slots(buffers, holds)


def _holds(buffer: _Buffer, hold: Hold) -> list[tuple[int, int]]:
    tiles = buffer.tiles
    holds = [(tile.first, tile.last) for tile in tiles]
    if hold is Hold.NONE or (hold is Hold.LOADED and not tiles[0].is_loaded):
        return holds
    for index, (tile, following) in enumerate(pairwise(tiles)):
        if tile.stages > 1:
            holds[index] = (tile.first, following.first - 1)
    return holds


def _part_slots(buffers: list[_Buffer], holds: dict[int, Hold]) -> None:
    """The slots of one site never share an address, however short the loop was.

    Where room is short that holds for loaded tiles only: a result of the vector unit may follow
    another at once.
    """
    by_site: dict[tuple[int, int], list[_Buffer]] = defaultdict(list)
    for buffer in buffers:
        is_parted = holds[buffer.space] is Hold.EVERY or buffer.tiles[0].is_loaded
        if buffer.tiles[0].stages > 1 and is_parted:
            by_site[buffer.space, buffer.site].append(buffer)
    for family in by_site.values():
        for buffer in family:
            buffer.rivals |= {one.index for one in family if one.slot != buffer.slot}


def _place(
    order: Sequence[_Buffer], buffers: list[_Buffer], capacities: dict[int, int]
) -> _Buffer | None:
    """First fit; returns the buffer that does not fit, or None."""
    placed: set[int] = set()
    for buffer in order:
        taken = sorted((buffers[one].address, buffers[one].stop) for one in buffer.rivals & placed)
        address = 0
        for start, stop in taken:
            if start - address >= buffer.nbytes:
                break
            address = max(address, stop)
        buffer.address = address
        if buffer.stop > capacities[buffer.space]:
            return buffer
        placed.add(buffer.index)
    return None


def _plan(buffers: list[_Buffer]) -> BufferPlan:
    overlaps = tuple(
        tuple(
            other.index
            for other in buffers
            if other.space == one.space
            and (other is one or (other.address < one.stop and one.address < other.stop))
        )
        for one in buffers
    )
    peak: dict[int, int] = defaultdict(int)
    for buffer in buffers:
        peak[buffer.space] = max(peak[buffer.space], buffer.stop)
    owner = {use.tile: buffer.index for buffer in buffers for use in buffer.tiles}
    return BufferPlan(owner, overlaps, dict(peak))


def _overflow_message(
    overflow: _Buffer,
    buffers: list[_Buffer],
    capacities: dict[int, int],
    describe: Callable[[int], str],
) -> str:
    """Names the tile at whose start the buffer has the most company, and that company."""
    _, tile, live = max(
        (
            (sum(one.nbytes for _, one in beside), use.tile, beside)
            for use, beside in _company(overflow, buffers)
        ),
        key=lambda one: (one[0], -one[1]),
    )
    beside_bytes = sum(buffer.nbytes for _, buffer in live)
    listing = ", ".join(f"{buffer.nbytes} B {describe(one.tile)}" for one, buffer in live)
    space = Space(overflow.space).name
    return (
        f"{describe(tile)}: {space} has no room for {overflow.nbytes} B beside {beside_bytes} B in "
        f"{len(live)} live tiles ({listing}); expected at most {capacities[overflow.space]} B "
        "together; use smaller tiles or fewer pipeline stages"
    )


def _company(
    overflow: _Buffer, buffers: list[_Buffer]
) -> list[tuple[TileUse, list[tuple[TileUse, _Buffer]]]]:
    """For each tile of a buffer: tiles that live when it starts, and other slots of its loop."""
    found = []
    for use in overflow.tiles:
        live: list[tuple[TileUse, _Buffer]] = []
        for index in sorted(overflow.rivals):
            rival = buffers[index]
            tiles = [one for one in rival.tiles if one.first <= use.first <= one.last]
            is_other_slot = rival.site == use.site and rival.slot != use.slot
            if is_other_slot and not tiles:
                tiles = rival.tiles[:1]
            live += [(one, rival) for one in tiles]
        found.append((use, live))
    return found

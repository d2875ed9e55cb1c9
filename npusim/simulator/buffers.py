"""Static allocation of the on-chip buffers of one block, as a compiler does it.

All tiles of one (site, slot) share one address. A tile lives from the operation that makes it to
its last use; a tile of a pipelined loop keeps its buffer until the next tile of its slot, so that
the loop can prefetch. Where that does not fit, only tiles that a transfer fills keep theirs, which
are those that prefetch; then none::

    pl.range, one buffer        load0 use0 load1 use1      load1 waits for use0
    pl.pipeline(stage=2)        load0 use0      load2      slot 0, held until load2
                                     load1 use1      ...   slot 1, another address

Buffers that live at different times share an address, whether room is short or not.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from itertools import pairwise
from typing import NamedTuple

from npusim.errors import BufferOverflowError
from npusim.hardware.spec import BufferSpec
from npusim.program import Space


class TileUse(NamedTuple):
    """One tile as the allocator sees it.

    ``first`` and ``last`` are moments of the block: operation i reads at ``2 * i`` and writes at
    ``2 * i + 1``. So a result may take the place of an operand that is used for the last time, as
    compilers let it, where the operation is safe in place; where it is not, the operand counts as
    read at ``2 * i + 1`` too (``in_place.py``).
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
    rivals: list["_Buffer"] = field(default_factory=list)
    """Buffers that are taken at the same time."""

    @property
    def stop(self) -> int:
        return self.address + self.nbytes


class Room(NamedTuple):
    """The addresses of one buffer, from the first to the one behind the last."""

    space: int
    address: int
    stop: int


@dataclass(frozen=True, slots=True)
class BufferPlan:
    """Where the tiles of a block lie."""

    buffer_of_tile: dict[int, int]
    overlaps: tuple[tuple[int, ...], ...]
    """For each buffer the buffers that share a byte with it, itself included."""
    peak_bytes: dict[int, int]
    """Highest address in use, by space."""
    rooms: tuple[Room, ...]
    """By buffer."""


def plan_buffers(
    uses: Sequence[TileUse], limits: BufferSpec, describe: Callable[[int], str]
) -> BufferPlan:
    """Give every tile an address.

    Spaces are independent. Each begins with ``Hold.EVERY`` and holds less where it does not fit.
    Tried for each: whole buffers on top of each other, largest first, which is what compilers do
    (hw-native-sys/pypto, docs/en/dev/passes/33-memory_reuse.md, step 3); then first fit of
    addresses in program order, and largest first.

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
    buffers = _group(uses, limits.alignment_bytes)
    by_space: dict[int, list[_Buffer]] = defaultdict(list)
    for buffer in buffers:
        by_space[buffer.space].append(buffer)
    for space in sorted(by_space):
        overflow = _fit(by_space[space], capacities[space])
        if overflow is not None:
            raise BufferOverflowError(_overflow_message(overflow, capacities, describe))
    return _plan(by_space, buffers)


def _fit(family: list[_Buffer], capacity_bytes: int) -> _Buffer | None:
    """Place the buffers of one space; returns one that does not fit, or None."""
    overflow = None
    for hold in Hold:
        _find_rivals(family, hold)
        largest_first = sorted(family, key=lambda one: (-one.nbytes, one.index))
        if _pack(largest_first) <= capacity_bytes:
            return None
        for order in (family, largest_first):
            overflow = _place(order, capacity_bytes)
            if overflow is None:
                return None
    return overflow


def _pack(largest_first: Sequence[_Buffer]) -> int:
    """Whole buffers on top of each other, each on the first where nobody lives at the same time.

    Returns the bytes that they take together.
    """
    shelves: list[list[_Buffer]] = []
    top = 0
    for buffer in largest_first:
        rivals = {one.index for one in buffer.rivals}
        for shelf in shelves:
            if not any(one.index in rivals for one in shelf):
                buffer.address = shelf[0].address
                shelf.append(buffer)
                break
        else:
            buffer.address = top
            top = buffer.stop
            shelves.append([buffer])
    return top


def _group(uses: Sequence[TileUse], alignment_bytes: int) -> list[_Buffer]:
    """Buffers of a block. Tiles of one slot that live at once get a buffer each."""
    buffers: list[_Buffer] = []
    by_slot: dict[tuple[int, int, int], list[_Buffer]] = defaultdict(list)
    for use in uses:
        family = by_slot[use.space, use.site, use.slot]
        for buffer in family:
            if buffer.tiles[-1].last < use.first:
                break
        else:
            buffer = _Buffer(len(buffers), use.space, use.site, use.slot)
            buffers.append(buffer)
            family.append(buffer)
        buffer.tiles.append(use)
        aligned = -(-use.nbytes // alignment_bytes) * alignment_bytes
        buffer.nbytes = max(buffer.nbytes, aligned)
    return buffers


def _find_rivals(family: list[_Buffer], hold: Hold) -> None:
    for buffer in family:
        buffer.holds = _holds(buffer, hold)
    for buffer, beside in zip(family, _held_together(family), strict=True):
        buffer.rivals = [family[bit] for bit in _bits(beside)]
    _part_slots(family, hold)


def _held_together(family: list[_Buffer]) -> list[int]:
    """For each buffer of a space the bits of the others that are taken at the same time.

    One sweep over the holds. Who is taken is one whole number, a bit per buffer, so a hold costs
    the same however many others there are; a set per pair is what made large blocks slow.
    """
    starts = sorted(
        (start, stop, bit) for bit, buffer in enumerate(family) for start, stop in buffer.holds
    )
    beside = [0] * len(family)
    started: list[tuple[int, int]] = []
    """Holds by the moment they end; the holds of one buffer never meet."""
    taken = 0
    for start, stop, bit in starts:
        while started and started[0][0] < start:
            taken &= ~(1 << heappop(started)[1])
        # Only those before it are known here; the pairs are completed below.
        beside[bit] |= taken
        taken |= 1 << bit
        heappush(started, (stop, bit))
    for bit in range(len(family)):
        for other in _bits(beside[bit]):
            beside[other] |= 1 << bit
        beside[bit] &= ~(1 << bit)
    return beside


def _bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _holds(buffer: _Buffer, hold: Hold) -> list[tuple[int, int]]:
    tiles = buffer.tiles
    holds = [(tile.first, tile.last) for tile in tiles]
    if hold is Hold.NONE or (hold is Hold.LOADED and not tiles[0].is_loaded):
        return holds
    for index, (tile, following) in enumerate(pairwise(tiles)):
        if tile.stages > 1:
            holds[index] = (tile.first, following.first - 1)
    return holds


def _part_slots(family: list[_Buffer], hold: Hold) -> None:
    """The slots of one site never share an address, however short the loop was.

    Where room is short that holds for loaded tiles only: a result of the vector unit may follow
    another at once.
    """
    by_site: dict[int, list[_Buffer]] = defaultdict(list)
    for buffer in family:
        is_parted = hold is Hold.EVERY or buffer.tiles[0].is_loaded
        if buffer.tiles[0].stages > 1 and is_parted:
            by_site[buffer.site].append(buffer)
    for parted in by_site.values():
        for buffer in parted:
            known = {one.index for one in buffer.rivals}
            buffer.rivals += [
                one for one in parted if one.slot != buffer.slot and one.index not in known
            ]


def _place(order: Sequence[_Buffer], capacity_bytes: int) -> _Buffer | None:
    """First fit; returns the buffer that does not fit, or None."""
    placed: set[int] = set()
    for buffer in order:
        taken = sorted((one.address, one.stop) for one in buffer.rivals if one.index in placed)
        address = 0
        for start, stop in taken:
            if start - address >= buffer.nbytes:
                break
            address = max(address, stop)
        buffer.address = address
        if buffer.stop > capacity_bytes:
            return buffer
        placed.add(buffer.index)
    return None


def _plan(by_space: dict[int, list[_Buffer]], buffers: list[_Buffer]) -> BufferPlan:
    overlaps = tuple(
        tuple(
            other.index
            for other in by_space[one.space]
            if other is one or (other.address < one.stop and one.address < other.stop)
        )
        for one in buffers
    )
    peak = {
        space: max(buffer.stop for buffer in family) for space, family in sorted(by_space.items())
    }
    owner = {use.tile: buffer.index for buffer in buffers for use in buffer.tiles}
    rooms = tuple(Room(one.space, one.address, one.stop) for one in buffers)
    return BufferPlan(owner, overlaps, peak, rooms)


def _overflow_message(
    overflow: _Buffer,
    capacities: dict[int, int],
    describe: Callable[[int], str],
) -> str:
    """Names the tile at whose start the buffer has the most company, and that company."""
    _, tile, live = max(
        (
            (sum(one.nbytes for _, one in beside), use.tile, beside)
            for use, beside in _company(overflow)
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


def _company(overflow: _Buffer) -> list[tuple[TileUse, list[tuple[TileUse, _Buffer]]]]:
    """For each tile of a buffer: tiles that live when it starts, and other slots of its loop."""
    found = []
    for use in overflow.tiles:
        live: list[tuple[TileUse, _Buffer]] = []
        for rival in sorted(overflow.rivals, key=lambda one: one.index):
            tiles = [one for one in rival.tiles if one.first <= use.first <= one.last]
            is_other_slot = rival.site == use.site and rival.slot != use.slot
            if is_other_slot and not tiles:
                tiles = rival.tiles[:1]
            live += [(one, rival) for one in tiles]
        found.append((use, live))
    return found

"""The block being recorded: its tiles, where they live, and what they touch."""

from typing import TYPE_CHECKING

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.draft import ArgumentDraft, TaskDraft
from npusim.language.dtypes import Array, DType
from npusim.language.rows import CHUNK_ROWS, RowStore
from npusim.language.values import Shape, Tensor, Tile, TileStorage, collapse, rows_and_cols
from npusim.program import NO_INDEX, AccessMode, Space

if TYPE_CHECKING:
    from npusim.language.lanes import Lane
    from npusim.language.recorder import Recorder


NO_TILES = (NO_INDEX, NO_INDEX, NO_INDEX, NO_INDEX)


class Block:
    """The block being recorded: its tiles, its loops and the scalar reads not yet written out."""

    __slots__ = (
        "block_idx",
        "imports",
        "lane",
        "loop_depth",
        "op_start",
        "ops",
        "read_next",
        "read_site",
        "read_start",
        "read_tensor",
        "recorder",
        "serial",
        "slot",
        "stages",
        "task",
        "tiles",
    )

    def __init__(
        self, recorder: "Recorder", task: TaskDraft, *, serial: int, ops: RowStore
    ) -> None:
        self.recorder = recorder
        self.task = task
        self.block_idx = task.block_num
        self.serial = serial
        self.ops = ops
        """The store of the recorder, or one of its own while blocks take turns."""
        self.op_start = len(ops)
        self.tiles: list[list[int]] = []
        self.loop_depth = 0
        self.stages = 1
        self.slot = 0
        self.imports: dict[TileStorage, TileStorage] = {}
        self.read_tensor: Tensor | None = None
        self.read_start = 0
        self.read_next = -1
        self.read_site = 0
        self.lane: Lane | None = None
        """The AIV lane whose work is being recorded (``pl.split_aiv``)."""

    def emit(
        self,
        kind: int,
        dtypes: tuple[DType, DType],
        shape: tuple[int, int, int],
        tiles: tuple[int, int, int, int],
        access: int = NO_INDEX,
        site: int = 0,
    ) -> None:
        """Append one operation.

        Args:
            kind: Index in the op table.
            dtypes: Type the unit computes in, type of the result.
            shape: Rows, columns, depth, as ``OP_DTYPE`` defines them.
            tiles: Ids of the result and of up to three operands, ``NO_INDEX`` where none.
            access: Index of the region of global memory, or ``NO_INDEX``.
            site: Index of the source line.
        """
        if self.read_tensor is not None:
            self.flush_reads()
        ops = self.ops
        ops.rows.append((kind, dtypes[0].index, dtypes[1].index, *shape, *tiles, access, site))
        if len(ops.rows) >= CHUNK_ROWS:
            ops.pack_if_large()
            self.recorder.pack()

    def new_tile(self, array: Array, dtype: DType, space: Space, site: int) -> Tile:
        """A fresh tile of this block in ``space``."""
        stages, slot = self.stages, self.slot
        if stages > 1 and self.recorder.is_in_branch(site):
            stages, slot = 1, 0  # see branches.py
        row = [int(space), stages, slot, site, array.nbytes]
        self.tiles.append(row)
        self._mark(space)
        return Tile(array, dtype, TileStorage(self, len(self.tiles) - 1, row, array))

    def operand(self, tile: Tile, space: Space, position: int = 0) -> int:
        """The id of ``tile`` in ``space`` of this block; moves it there if it is elsewhere."""
        storage = tile.storage
        if storage.block is not self:
            storage = self._import(tile)
        row = storage.row
        if row[0] == space:
            return storage.tile_id
        if row[0] == Space.UNRESOLVED:
            row[0] = int(space)
            self._mark(space)
            return storage.tile_id
        if space not in storage.copies:
            storage.copies[space] = self._copy(storage, tile.dtype, space, position)
        return storage.copies[space]

    def resident(self, tile: Tile) -> int:
        """The id of ``tile`` where it already is; one that nobody placed yet goes to UB."""
        storage = tile.storage
        if storage.block is not self:
            storage = self._import(tile)
        if storage.row[0] == Space.UNRESOLVED:
            storage.row[0] = int(Space.UB)
            self._mark(Space.UB)
        return storage.tile_id

    def in_place(self, tile: Tile, position: int = 0, *, space: Space = Space.UB) -> int:
        """The id of ``tile`` in ``space``, for an operation that overwrites part of it.

        That copy is the tile from then on: others are stale, and so is the region of global memory
        it was loaded from. A tile of another block is loaded and becomes a tile of this one.
        """
        storage = tile.storage
        if storage.block is not self:
            loaded = self._import(tile)
            del self.imports[storage]
            tile.storage, tile.array = loaded, tile.array.copy()
            if loaded.full.size == tile.array.size:
                loaded.full = tile.array
            tile.widened, storage = None, loaded
        place = self.operand(tile, space, position)
        storage.tile_id, storage.row = place, self.tiles[place]
        storage.copies.clear()
        storage.load_access = NO_INDEX
        storage.writes += 1
        return place

    def accumulator(self, tile: Tile) -> int:
        """The id of ``tile`` in L0C, where a product is added to it.

        Raises:
            KernelError: If the tile is anywhere else; nothing but the cube fills L0C.
        """
        storage = tile.storage
        place = Space(storage.row[0])
        if (
            storage.block is not self
            or storage.load_access != NO_INDEX
            or place not in {Space.UNRESOLVED, Space.L0C}
        ):
            from_where = "another scope" if storage.block is not self else "memory"
            found = from_where if place in {Space.UNRESOLVED, Space.L0C} else place.name
            msg = (
                f"{self.recorder.where()}: the accumulator of pl.matmul_acc comes from {found}; "
                "expected a tile that pl.matmul or pl.create_tensor made in this scope; add "
                "partial products of several scopes with pl.add"
            )
            raise KernelError(msg)
        return self.operand(tile, Space.L0C)

    def outside(self, tile: Tile) -> Tensor | None:
        """The tensor behind a tile of another block, to write into; ``None`` for an own tile.

        The compiler turned that tile into a tensor when it left its scope, so a store into it goes
        to global memory and leaves the rest of it alone.
        """
        storage = tile.storage
        if storage.block is self:
            return None
        self._check_producer(storage)
        tensor = self.recorder.spill(storage, tile.dtype)
        if tile.array.size != storage.full.size or not np.may_share_memory(
            tile.array, storage.full
        ):
            msg = (
                f"{self.recorder.where()}: a write into {tile!r}, which is a part or an older "
                f"value of a tile of {storage.block.where()}; expected the whole tile; write into "
                "that, or into a tensor made outside the scopes"
            )
            raise KernelError(msg)
        self.imports.pop(storage, None)
        storage.writes += 1
        return Tensor(tensor.buffer, tile.array, 0, origin=tensor)

    def access(self, tensor: Tensor, mode: AccessMode, offset: int, shape: Shape) -> int:
        """Record that the block touches a box of ``tensor``; the index of the access row.

        Args:
            tensor: The handle; its strides are those of the box.
            mode: What is done to the box.
            offset: First element, from the start of the buffer.
            shape: Extent of the box along the axes of ``tensor``.
        """
        self.capture(tensor, mode)
        region = collapse(shape, tensor.strides)
        return self.recorder.accesses.add((tensor.buffer.tensor_id, int(mode), offset, *region))

    def capture(self, tensor: Tensor, mode: AccessMode) -> None:
        """Note that the task has ``tensor`` (or the handle it was made from) as an argument."""
        handle = tensor if tensor.origin is None else tensor.origin
        draft = self.task.arguments.get(id(handle))
        if draft is None:
            self.recorder.check_owned(handle)
            draft = self.task.arguments[id(handle)] = ArgumentDraft(handle)
            draft.is_no_dep = any(handle is item for item in self.task.no_dep)
        if mode == AccessMode.READ:
            draft.is_read = True
        else:
            if not draft.is_written:
                self.recorder.check_writable(handle)
            handle.buffer.note_writer(self)
            draft.is_written = True
            draft.is_read |= mode == AccessMode.ATOMIC_ADD
            draft.is_direct_write |= self.loop_depth == 0

    def scalar_read(self, tensor: Tensor, flat: int) -> None:
        """Record a scalar read; neighbours in memory become one row. Hot: 234,176 of them."""
        if flat == self.read_next and tensor is self.read_tensor:
            self.read_next = flat + 1
            return
        if self.read_tensor is not None:
            self.flush_reads()
        self.capture(tensor, AccessMode.READ)
        self.read_tensor = tensor
        self.read_start = flat
        self.read_next = flat + 1
        self.read_site = self.recorder.site()

    def flush_reads(self) -> None:
        """Write out the pending run of scalar reads."""
        tensor = self.read_tensor
        if tensor is None:
            return
        self.read_tensor = None
        count = self.read_next - self.read_start
        self.read_next = -1
        region = collapse((count,), (1,))
        access = self.recorder.accesses.add(
            (tensor.buffer.tensor_id, int(AccessMode.READ), self.read_start, *region)
        )
        shape = (1, count, 0)
        self.emit(table.SCALAR_READ, (tensor.dtype,) * 2, shape, NO_TILES, access, self.read_site)

    def close(self) -> None:
        """End the block: resolve tiles that nobody used and hand everything to the recorder."""
        self.flush_reads()
        is_cube = self.task.uses_cube and not self.task.uses_vector
        default = int(Space.L1 if is_cube else Space.UB)
        for row in self.tiles:
            if row[0] == Space.UNRESOLVED:
                row[0] = default
        self.recorder.close_block(self)

    def where(self) -> str:
        """The scope in words, for messages."""
        return f"scope {self.task.name}, task {self.task.task_id}, block {self.block_idx}"

    def _mark(self, space: Space) -> None:
        if space == Space.UB:
            self.task.uses_vector = True
        elif space != Space.UNRESOLVED:
            self.task.uses_cube = True

    def _copy(self, storage: TileStorage, dtype: DType, space: Space, position: int) -> int:
        """Move a tile to a second space; the way depends on where it is (a2a3 and a5 alike)."""
        source = Space(storage.row[0])
        site = self.recorder.derived_site(storage.row[3], position + 4 * int(space))
        tile = self.new_tile(storage.full, dtype, space, site)
        shape = (*rows_and_cols(storage.full.shape), 0)
        out = tile.storage.tile_id
        if storage.load_access != NO_INDEX and source in {Space.L1, Space.UB}:
            tiles = (out, NO_INDEX, NO_INDEX, NO_INDEX)
            self.emit(table.LOAD, (dtype, dtype), shape, tiles, storage.load_access, site)
            return out
        if source == Space.L0C:
            kind = table.CUBE_TO_VECTOR if space == Space.UB else table.ACC_TO_L1
        elif source == Space.UB:
            kind = table.VECTOR_TO_CUBE
        else:
            msg = (
                f"{self.recorder.where()}: a tile in {source.name} cannot move to {space.name}; "
                "load it from global memory where the vector unit needs it"
            )
            raise KernelError(msg)
        tiles = (out, storage.tile_id, NO_INDEX, NO_INDEX)
        self.emit(kind, (dtype, dtype), shape, tiles, site=site)
        return out

    def _import(self, tile: Tile) -> TileStorage:
        """Bring in a tile of another block through an implicit tensor (DSL_REFERENCE 1.3-6)."""
        storage = tile.storage
        imported = self.imports.get(storage)
        if imported is not None:
            return imported
        self._check_producer(storage)
        tensor = self.recorder.spill(storage, tile.dtype)
        site = self.recorder.derived_site(storage.row[3], 3)
        access = self.access(tensor, AccessMode.READ, 0, tensor.shape)
        loaded = self.new_tile(storage.full, tile.dtype, Space.UNRESOLVED, site).storage
        loaded.load_access = access
        shape = (*rows_and_cols(storage.full.shape), 0)
        tiles = (loaded.tile_id, NO_INDEX, NO_INDEX, NO_INDEX)
        self.emit(table.LOAD, (tile.dtype, tile.dtype), shape, tiles, access, site)
        self.imports[storage] = loaded
        return loaded

    def _check_producer(self, storage: TileStorage) -> None:
        self.recorder.check_producer(storage)
        producer = storage.block
        if producer.task is self.task:
            msg = (
                f"{self.recorder.where()}: a tile that block {producer.block_idx} made; expected "
                "blocks of one pl.spmd to share nothing, they run in parallel; make it in each"
            )
            raise KernelError(msg)

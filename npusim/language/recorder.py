"""The recorder: what a kernel run leaves behind.

One recorder lives in a ``ContextVar`` while ``record`` runs a kernel; two recordings in one process
are independent. Operations append plain tuples here; ``build.py`` turns them into a Program.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.block import ArgumentDraft, Block, TaskDraft
from npusim.language.dtypes import Array, DType
from npusim.language.rows import RowStore
from npusim.language.values import Buffer, Shape, Tensor, TileStorage, collapse, rows_and_cols
from npusim.program import (
    ACCESS_DTYPE,
    NO_INDEX,
    OP_DTYPE,
    TILE_DTYPE,
    AccessMode,
    EventKind,
    LoopFrame,
    OrchestrationEvent,
    TensorRole,
)

if TYPE_CHECKING:
    from types import CodeType


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """How strictly a kernel is run."""

    poison: bool = False
    """Fill fresh memory with NaN (integers: the largest value) instead of zeros."""
    kernel: str = ""
    variant: str = ""
    parameters: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Loop:
    """An orchestration loop that is running."""

    instance: int
    kind: str
    iteration: int = -1


class Recorder:
    """Everything recorded so far. Arrays of rows are plain lists; see ``build.py``."""

    def __init__(self, options: RecordOptions) -> None:
        self.options = options
        self.buffers: list[Buffer] = []
        self.tasks: list[TaskDraft] = []
        self.events: list[OrchestrationEvent] = []
        self.ops = RowStore(OP_DTYPE)
        self.accesses = RowStore(ACCESS_DTYPE)
        self.tiles = RowStore(TILE_DTYPE)
        self.blocks: list[tuple[int, ...]] = []
        self.spills: list[tuple[int, tuple[int, ...]]] = []
        """Stores that a finished block does after all, for tiles used in a later scope."""
        self.loops: list[Loop] = []
        self.loop_count = 0
        self.block: Block | None = None
        self.is_manual = False
        self.site_names: list[str] = [""]
        self._sites: dict[tuple[CodeType, int], int] = {}
        self._derived: dict[tuple[int, int], int] = {}
        self._tensors: list[Tensor] = []  # keeps handles alive, so that ids stay unique

    def add_tensor(self, array: Array, dtype: DType, name: str, role: TensorRole) -> Tensor:
        """Make ``array`` a buffer in global memory and return the handle to all of it."""
        buffer = Buffer(len(self.buffers), name, array, dtype, role)
        self.buffers.append(buffer)
        tensor = Tensor(buffer, array, 0)
        self._tensors.append(tensor)
        return tensor

    def allocate(self, shape: Shape, dtype: DType, name: str = "") -> Tensor:
        """A scratch tensor made by the orchestrator."""
        self.note(EventKind.ALLOC, len(self.buffers))
        label = name or f"tensor_{len(self.buffers)}"
        return self.add_tensor(self.fresh(shape, dtype), dtype, label, TensorRole.SCRATCH)

    def fresh(self, shape: Shape, dtype: DType) -> Array:
        """Memory nobody has written: zeros, or poison when asked for."""
        if not self.options.poison:
            return np.zeros(shape, dtype.numpy)
        if dtype.is_float:
            return np.full(shape, np.nan, dtype.numpy)
        if dtype.name == "BOOL":
            return np.ones(shape, np.bool_)
        return np.full(shape, np.iinfo(dtype.numpy).max, dtype.numpy)

    def note(self, kind: EventKind, tensor_id: int) -> None:
        """Record what the orchestrator itself does before the next submit."""
        self.events.append(OrchestrationEvent(kind, tensor_id, len(self.tasks)))

    def keep(self, tensor: Tensor) -> Tensor:
        """Keep a handle alive for as long as the recording."""
        self._tensors.append(tensor)
        return tensor

    def begin_task(self, name: str, site: str) -> TaskDraft:
        """Open a task; its blocks follow."""
        loops = tuple(LoopFrame(loop.instance, loop.kind, loop.iteration) for loop in self.loops)
        task = TaskDraft(len(self.tasks), name, site, len(self.blocks), loops)
        task.is_manual = self.is_manual
        self.tasks.append(task)
        return task

    def begin_block(self, task: TaskDraft) -> Block:
        """Open the next block of ``task``.

        Raises:
            KernelError: If a scope is already open.
        """
        if self.block is not None:
            msg = (
                f"{self.where()}: scope {task.name} opens inside {self.block.where()}; "
                "expected scopes side by side; close the outer one first"
            )
            raise KernelError(msg)
        self.block = Block(self, task, serial=len(self.blocks), op_start=len(self.ops))
        task.block_num += 1
        return self.block

    def close_block(self, block: Block) -> None:
        """Store the rows of ``block`` and leave it."""
        tile_start = len(self.tiles)
        self.tiles.rows.extend(map(tuple, block.tiles))
        ops = (block.op_start, len(self.ops))
        tiles = (tile_start, len(self.tiles))
        self.blocks.append((block.task.task_id, block.block_idx, *ops, *tiles))
        for store in (self.ops, self.accesses, self.tiles):
            store.pack_if_large()
        self.block = None

    def spill(self, storage: TileStorage, dtype: DType) -> Tensor:
        """The implicit tensor behind a tile that left its scope; its producer stores it."""
        if storage.implicit is not None:
            return storage.implicit
        task = storage.block.task
        name = f"{task.name}_out{len(self.buffers)}"
        self.events.append(OrchestrationEvent(EventKind.ALLOC, len(self.buffers), task.task_id))
        tensor = self.add_tensor(storage.full, dtype, name, TensorRole.IMPLICIT)
        storage.implicit = tensor
        task.arguments[id(tensor)] = ArgumentDraft(tensor, is_written=True, is_direct_write=True)
        region = collapse(tensor.shape, tensor.strides)
        access = self.accesses.add((tensor.buffer.tensor_id, int(AccessMode.WRITE), 0, *region))
        rows, cols = rows_and_cols(tensor.shape)
        operands = (NO_INDEX, storage.tile_id, NO_INDEX, NO_INDEX)
        kind = (table.STORE, dtype.index, dtype.index)
        op = (*kind, rows, cols, 0, *operands, access, storage.row[3])
        self.spills.append((storage.block.serial, op))
        return tensor

    def site(self) -> int:
        """Index of the kernel's source line that is running; 0 if there is none."""
        frame = sys._getframe(1)
        while frame.f_globals.get("__package__") == "npusim.language":
            if frame.f_back is None:
                return 0
            frame = frame.f_back
        key = (frame.f_code, frame.f_lasti)
        index = self._sites.get(key)
        if index is None:
            index = self._sites[key] = len(self.site_names)
            file = frame.f_code.co_filename.replace("\\", "/").rsplit("/", 1)[-1]
            self.site_names.append(f"{file}:{frame.f_lineno}")
        return index

    def derived_site(self, site: int, variant: int) -> int:
        """A site of its own for a tile that the recorder adds on behalf of ``site``."""
        key = (site, variant)
        index = self._derived.get(key)
        if index is None:
            index = self._derived[key] = len(self.site_names)
            self.site_names.append(self.site_names[site])
        return index

    def where(self) -> str:
        """The kernel's source line and scope in words, for messages."""
        place = self.site_names[self.site()] or "kernel"
        return f"{place} ({self.block.where()})" if self.block is not None else place


_RECORDER: ContextVar[Recorder | None] = ContextVar("npusim_recorder", default=None)


@contextmanager
def activate(recorder: Recorder) -> Iterator[None]:
    """Make ``recorder`` the one that operations record into; leaves it on any exit."""
    token = _RECORDER.set(recorder)
    try:
        yield
    finally:
        _RECORDER.reset(token)


def current() -> Recorder:
    """The recorder of the running recording.

    Raises:
        KernelError: If no recording is running.
    """
    recorder = _RECORDER.get()
    if recorder is None:
        msg = "no recording is running; run the kernel through npusim.language.record"
        raise KernelError(msg)
    return recorder


def current_block(operation: str) -> Block:
    """The block being recorded.

    Raises:
        KernelError: If the kernel is outside every scope.
    """
    recorder = current()
    if recorder.block is None:
        msg = (
            f"{recorder.where()}: misplaced tensor operation: pl.{operation} outside every scope; "
            "expected it inside `with pl.at(...)` or `for i in pl.spmd(...)`"
        )
        raise KernelError(msg)
    return recorder.block

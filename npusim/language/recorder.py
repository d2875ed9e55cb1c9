"""The recorder: what a kernel run leaves behind.

One recorder lives in a ``ContextVar`` while ``record`` runs a kernel; two recordings in one process
are independent. Operations append plain tuples here; ``build.py`` turns them into a Program.
"""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from npusim.errors import KernelError
from npusim.language import table
from npusim.language.block import Block
from npusim.language.branches import branch_lines
from npusim.language.draft import ArgumentDraft, TaskDraft
from npusim.language.dtypes import Array, DType, largest, lowest
from npusim.language.rows import RowStore
from npusim.language.timed import timed_view
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

    from npusim.language.chunks import AutoScope


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """How strictly a kernel is run."""

    poison: bool = False
    """Fill fresh memory with NaN (integers: the largest value) instead of zeros."""
    clips_bounds: bool = False
    """Cut boxes that leave a tensor at its bounds, as the reference path of upstream does for
    kernels that rely on it: zeros are read beyond, writes beyond are dropped. An error otherwise.
    """
    max_bytes: int | None = None
    """Most that all tensors in global memory may take; ``None`` for no limit."""
    is_timed_only: bool = False
    """Compute no values, only shapes and types: for kernels that do not branch on values."""
    kernel: str = ""
    variant: str = ""
    parameters: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Loop:
    """An orchestration loop that is running."""

    instance: int
    kind: str
    iteration: int = -1
    is_undecided: bool = False
    """In an automatic scope: inside a task unless a chunk loop turns out to be within."""


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
        self.pending: list[Block] = []
        """Blocks that take turns, in the order in which their rows will be stored."""
        self.failed: Block | None = None
        """The block that an exception left."""
        self.auto: AutoScope | None = None
        self.carries: list[list[Any]] = []
        """Values that ``pl.yield_`` hands to the next iteration, innermost loop last."""
        self.used_bytes = 0
        self.spills: list[tuple[Block, tuple[int, ...]]] = []
        """Stores that a finished block does after all, for tiles used in a later scope."""
        self.loops: list[Loop] = []
        self.loop_count = 0
        self.block: Block | None = None
        self.is_manual = False
        self.site_names: list[str] = [""]
        self.site_functions: list[str] = [""]
        self._site_places: list[tuple[CodeType, int] | None] = [None]
        """Function and line of each site."""
        self._sites: dict[tuple[int, int], int] = {}
        self._site_codes: list[CodeType] = []
        self._derived: dict[tuple[int, int], int] = {}
        self._branch_lines: dict[int, frozenset[int]] = {}

    def add_tensor(self, array: Array, dtype: DType, name: str, role: TensorRole) -> Tensor:
        """Make ``array`` a buffer in global memory and return the handle to all of it."""
        if role is not TensorRole.IMPLICIT:
            self.used_bytes += array.nbytes
        buffer = Buffer(len(self.buffers), name, array, dtype, role)
        self.buffers.append(buffer)
        return Tensor(buffer, array, 0)

    def allocate(self, shape: Shape, dtype: DType, name: str = "") -> Tensor:
        """A scratch tensor made by the orchestrator."""
        self.note(EventKind.ALLOC, len(self.buffers))
        label = name or f"tensor_{len(self.buffers)}"
        self.check_memory(label, shape, dtype)
        return self.add_tensor(self.fresh(shape, dtype), dtype, label, TensorRole.SCRATCH)

    def check_memory(self, name: str, shape: Shape, dtype: DType) -> None:
        """Raise ``KernelError`` where a tensor would take more than ``max_bytes`` in all."""
        limit = self.options.max_bytes
        needed = math.prod(shape) * dtype.nbytes
        if limit is not None and self.used_bytes + needed > limit:
            msg = (
                f"{self.where()}: tensor {name} {list(shape)} of {dtype} needs {needed} bytes and "
                f"{self.used_bytes} are in use; expected at most {limit} in all; raise the limit "
                "or choose a smaller case"
            )
            raise KernelError(msg)

    def fresh(self, shape: Shape, dtype: DType) -> Array:
        """Memory nobody has written: zeros, or poison when asked for."""
        if self.options.is_timed_only:
            return timed_view(np.zeros(shape, dtype.numpy))
        if not self.options.poison:
            return np.zeros(shape, dtype.numpy)
        poison = np.nan if dtype.is_float else largest(dtype)
        return np.full(shape, poison, dtype.numpy)

    def element(self, operation: str, value: Any, dtype: DType) -> Any:
        """The Python number ``value`` as an element of ``dtype``; floats round to nearest.

        Raises:
            KernelError: If it is no number, or an integer type does not hold it.
        """
        if isinstance(value, int | float | np.generic):
            if dtype.is_float:
                return dtype.numpy.type(value)
            is_whole = np.isfinite(float(value)) and int(value) == value
            if is_whole and lowest(dtype) <= value <= largest(dtype):
                return dtype.numpy.type(int(value))
        msg = (
            f"{self.where()}: pl.{operation} of {value!r} as {dtype}; expected a number that "
            f"{dtype} holds; cast the tile, or round the number first"
        )
        raise KernelError(msg)

    def note(self, kind: EventKind, tensor_id: int) -> None:
        """Record what the orchestrator itself does before the next submit."""
        loops = tuple(LoopFrame(one.instance, one.kind, one.iteration) for one in self.loops)
        self.events.append(OrchestrationEvent(kind, tensor_id, len(self.tasks), loops))

    def check_owned(self, tensor: Tensor) -> None:
        """Raise ``KernelError`` for a tensor of another recording."""
        buffer = tensor.buffer
        if buffer.tensor_id >= len(self.buffers) or self.buffers[buffer.tensor_id] is not buffer:
            msg = (
                f"{self.where()}: {tensor!r} is of another recording; expected a tensor of this "
                "one; do not keep tensors between runs"
            )
            raise KernelError(msg)

    def check_producer(self, storage: TileStorage) -> None:
        """Raise ``KernelError`` for a tile of another recording."""
        if storage.block.recorder is not self:
            msg = (
                f"{self.where()}: a tile of {storage.block.where()} of another recording; "
                "expected a tile of this one; do not keep tiles between runs"
            )
            raise KernelError(msg)

    def check_writable(self, tensor: Tensor) -> None:
        """Raise ``KernelError`` for a tensor on a read-only array."""
        if not tensor.buffer.flat.flags.writeable:
            msg = (
                f"{self.where()}: a write to {tensor!r}, whose array is read-only; expected an "
                "output; pass a writable array for it"
            )
            raise KernelError(msg)

    def check_complete(self) -> None:
        """Raise ``KernelError`` if a dispatch did not run all of its blocks."""
        for task in self.tasks:
            if task.block_num != task.block_total:
                msg = (
                    f"{task.site or 'kernel'} (scope {task.name}, task {task.task_id}): pl.spmd "
                    f"ran {task.block_num} of {task.block_total} blocks; expected all, as on the "
                    "device; do not leave its loop with break or return"
                )
                raise KernelError(msg)

    def begin_task(self, name: str, site: str) -> TaskDraft:
        """Open a task; its blocks follow.

        Raises:
            KernelError: If a scope is open.
        """
        self.check_outside(name)
        loops = tuple(LoopFrame(loop.instance, loop.kind, loop.iteration) for loop in self.loops)
        first_block = len(self.blocks) + len(self.pending)
        task = TaskDraft(len(self.tasks), name, site, first_block, loops)
        task.is_manual = self.is_manual
        self.tasks.append(task)
        return task

    def begin_block(self, task: TaskDraft, *, takes_turns: bool = False) -> Block:
        """Open the next block of ``task``.

        A block that ``takes_turns`` with others keeps its rows until ``close_pending``.

        Raises:
            KernelError: If a scope is already open, or another task was submitted meanwhile.
        """
        self.check_outside(task.name)
        if task is not self.tasks[-1]:
            msg = (
                f"{self.where()}: blocks of task {task.task_id}, {task.name}, run after task "
                f"{len(self.tasks) - 1} was submitted; expected them before; write "
                "`for i in pl.spmd(...)`"
            )
            raise KernelError(msg)
        ops = RowStore(OP_DTYPE) if takes_turns else self.ops
        serial = len(self.blocks) + len(self.pending)
        self.block = Block(self, task, serial=serial, ops=ops)
        if takes_turns:
            self.pending.append(self.block)
        task.block_num += 1
        return self.block

    def close_block(self, block: Block) -> None:
        """Store the rows of ``block`` and leave it."""
        if block.ops is not self.ops:
            block.op_start = len(self.ops)
            self.ops.extend(block.ops)
        tile_start = len(self.tiles)
        self.tiles.rows.extend(map(tuple, block.tiles))
        ops = (block.op_start, len(self.ops))
        tiles = (tile_start, len(self.tiles))
        self.blocks.append((block.task.task_id, block.block_idx, *ops, *tiles))
        self.pack()
        self.block = None

    def close_pending(self) -> None:
        """Close the blocks that took turns."""
        for block in self.pending:
            block.close()
        self.pending.clear()

    def scope_block(self) -> Block | None:
        """The block that runs; an automatic scope opens one where there is none."""
        if self.block is None and self.auto is not None:
            return self.auto.open_block()
        return self.block

    def pack(self) -> None:
        """Pack rows that piled up, to bound memory."""
        for store in (self.ops, self.accesses, self.tiles):
            store.pack_if_large()

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
        self.spills.append((storage.block, op))
        return tensor

    def site(self) -> int:
        """Index of the kernel's source line that is running; 0 if there is none."""
        frame = sys._getframe(1)
        while frame.f_globals.get("__package__") == "npusim.language":
            if frame.f_back is None:
                return 0
            frame = frame.f_back
        key = (id(frame.f_code), frame.f_lasti)  # Python hashes a code object by its contents
        index = self._sites.get(key)
        if index is None:
            self._site_codes.append(frame.f_code)  # kept alive, so that no other has its id
            index = self._sites[key] = len(self.site_names)
            file = frame.f_code.co_filename.replace("\\", "/").rsplit("/", 1)[-1]
            self.site_names.append(f"{file}:{frame.f_lineno}")
            self.site_functions.append(frame.f_code.co_name)
            self._site_places.append((frame.f_code, frame.f_lineno))
        return index

    def is_in_branch(self, site: int) -> bool:
        """Whether a value in memory decides about the line of ``site`` (``branches.py``)."""
        place = self._site_places[site]
        if place is None:
            return False
        code, line = place
        lines = self._branch_lines.get(id(code))
        if lines is None:
            lines = self._branch_lines[id(code)] = branch_lines(code)
        return line in lines

    def derived_site(self, site: int, variant: int) -> int:
        """A site of its own for a tile that the recorder adds on behalf of ``site``."""
        key = (site, variant)
        index = self._derived.get(key)
        if index is None:
            index = self._derived[key] = len(self.site_names)
            self.site_names.append(self.site_names[site])
            self.site_functions.append(self.site_functions[site])
            self._site_places.append(self._site_places[site])
        return index

    def check_outside(self, name: str) -> None:
        """Raise ``KernelError`` for a scope ``name`` that opens inside another."""
        if self.block is not None:
            msg = (
                f"{self.where()}: scope {name} opens inside {self.block.where()}; "
                "expected scopes side by side; close the outer one first"
            )
            raise KernelError(msg)

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


def is_recording() -> bool:
    """True while a recording runs."""
    return _RECORDER.get() is not None


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
    block = recorder.scope_block()
    if block is None:
        msg = (
            f"{recorder.where()}: misplaced tensor operation: pl.{operation} outside every scope; "
            "expected it inside `with pl.at(...)` or `for i in pl.spmd(...)`"
        )
        raise KernelError(msg)
    return block

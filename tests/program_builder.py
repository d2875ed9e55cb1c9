"""Builds tiny Programs by hand, without the kernel language.

>>> builder = ProgramBuilder()
>>> x = builder.tensor("x", (64, 64))
>>> block = builder.task("double", CoreType.AIV).block()
>>> tile = block.load(x, rows=64, cols=64)
>>> block.store(x, block.vector("add", tile, tile))
>>> program = builder.build()
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.hardware import ChipSpec, load_chip
from npusim.program import (
    ACCESS_DTYPE,
    BLOCK_DTYPE,
    NO_INDEX,
    OP_DTYPE,
    TILE_DTYPE,
    AccessMode,
    Argument,
    CoreType,
    EventKind,
    OpKind,
    OrchestrationEvent,
    Program,
    Space,
    Task,
    TensorInfo,
    TensorRole,
    Unit,
)
from npusim.trace import EdgeSource

DTYPES = ("FP32", "BF16", "INT32", "INT8")
DTYPE_BYTES = (4, 2, 4, 1)

OP_KINDS = (
    OpKind("load", Unit.MOVE, ""),
    OpKind("store", Unit.MOVE, ""),
    OpKind("cube_to_vector", Unit.MOVE, ""),
    OpKind("vector_to_cube", Unit.MOVE, ""),
    OpKind("acc_to_l1", Unit.MOVE, ""),
    OpKind("scalar_read", Unit.SCALAR, ""),
    OpKind("scalar_write", Unit.SCALAR, ""),
    OpKind("matmul", Unit.CUBE, "matmul"),
    OpKind("matmul_acc", Unit.CUBE, "matmul"),
    OpKind("add", Unit.VECTOR, "binary"),
    OpKind("exp", Unit.VECTOR, "exp"),
    OpKind("row_max", Unit.VECTOR, "row_max", counts_input=True),
    OpKind("cast", Unit.VECTOR, "cast"),
    OpKind("row_expand_mul", Unit.VECTOR, "row_expand_binary"),
    OpKind("mystery", Unit.VECTOR, "no_such_class"),
    OpKind("teleport", Unit.MOVE, ""),
)
KIND = {kind.name: index for index, kind in enumerate(OP_KINDS)}


@dataclass(frozen=True, eq=False)
class Graph:
    """A task graph by hand: the four fields of ``npusim.dependencies.TaskGraph``."""

    edges: npt.NDArray[np.int32]
    sources: npt.NDArray[np.uint8]
    lookups: npt.NDArray[np.int32]
    inserts: npt.NDArray[np.int32]


def graph(tasks: int, *edges: tuple[int, int]) -> Any:
    """A graph of ``tasks`` tasks with edges (pred, succ) and no TensorMap work."""
    return Graph(
        np.array(edges, np.int32).reshape(-1, 2),
        np.full(len(edges), EdgeSource.TENSORMAP, np.uint8),
        np.zeros(tasks, np.int32),
        np.zeros(tasks, np.int32),
    )


@dataclass
class BlockBuilder:
    """One block; methods append an operation and return the tile it makes."""

    owner: "ProgramBuilder"
    task: int
    ops: list[tuple[int, ...]] = field(default_factory=list)
    tiles: list[tuple[int, ...]] = field(default_factory=list)

    def tile(
        self,
        space: Space,
        rows: int,
        cols: int,
        dtype: str = "FP32",
        *,
        site: int | None = None,
        slot: int = 0,
        stages: int = 1,
    ) -> int:
        """A tile at a line of its own, unless ``site`` names one."""
        nbytes = rows * cols * DTYPE_BYTES[DTYPES.index(dtype)]
        line = len(self.tiles) if site is None else site
        self.tiles.append((space, stages, slot, line, nbytes))
        return len(self.tiles) - 1

    def op(
        self,
        kind: str,
        rows: int,
        cols: int,
        depth: int = 0,
        *,
        out: int = NO_INDEX,
        ins: Sequence[int] = (),
        access: int = NO_INDEX,
        dtype: str = "FP32",
        out_dtype: str | None = None,
    ) -> None:
        """Append a raw operation."""
        in0, in1, in2 = (*ins, *[NO_INDEX] * (3 - len(ins)))
        types = (DTYPES.index(dtype), DTYPES.index(out_dtype or dtype))
        self.ops.append((KIND[kind], *types, rows, cols, depth, out, in0, in1, in2, access, 0))

    def load(
        self,
        tensor: int,
        rows: int,
        cols: int,
        *,
        space: Space = Space.UB,
        offset: int = 0,
        dtype: str = "FP32",
        **where: int,
    ) -> int:
        """Load a (rows, cols) tile from row-major ``tensor``."""
        out = self.tile(space, rows, cols, dtype, **where)
        access = self.owner.access(tensor, AccessMode.READ, offset, rows, cols)
        self.op("load", rows, cols, out=out, access=access, dtype=dtype)
        return out

    def store(
        self, tensor: int, tile: int, rows: int, cols: int, *, offset: int = 0, dtype: str = "FP32"
    ) -> None:
        """Store a (rows, cols) tile to row-major ``tensor``."""
        access = self.owner.access(tensor, AccessMode.WRITE, offset, rows, cols)
        self.op("store", rows, cols, ins=(tile,), access=access, dtype=dtype)

    def vector(
        self,
        name: str,
        *ins: int,
        rows: int = 64,
        cols: int = 64,
        out: int | None = None,
        dtype: str = "FP32",
    ) -> int:
        """A vector operation on UB tiles."""
        result = self.tile(Space.UB, rows, cols, dtype) if out is None else out
        self.op(name, rows, cols, out=result, ins=ins, dtype=dtype)
        return result

    def matmul(self, a: int, b: int, m: int, n: int, k: int, *, dtype: str = "BF16") -> int:
        """``a (m, k) @ b (k, n)`` into a new L0C tile."""
        out = self.tile(Space.L0C, m, n)
        self.op("matmul", m, n, k, out=out, ins=(a, b), dtype=dtype, out_dtype="FP32")
        return out

    def scalar_read(self, tensor: int, offset: int, count: int = 1) -> None:
        """Read consecutive elements through the D-cache."""
        access = self.owner.access(tensor, AccessMode.READ, offset, 1, count)
        self.op("scalar_read", 1, count, access=access)


@dataclass
class TaskBuilder:
    """One task; ``block`` appends a block to it."""

    owner: "ProgramBuilder"
    task: Task
    blocks: list[BlockBuilder] = field(default_factory=list)

    def block(self) -> BlockBuilder:
        """A new, empty block."""
        self.blocks.append(BlockBuilder(self.owner, self.task.task_id))
        return self.blocks[-1]


@dataclass
class ProgramBuilder:
    """Collects tensors and tasks; ``build`` makes the Program."""

    tensors: list[TensorInfo] = field(default_factory=list)
    tasks: list[TaskBuilder] = field(default_factory=list)
    events: list[OrchestrationEvent] = field(default_factory=list)
    accesses: list[tuple[int, ...]] = field(default_factory=list)

    def tensor(self, name: str, shape: tuple[int, ...], dtype: str = "FP32") -> int:
        """A tensor in global memory; returns its id."""
        nbytes = int(np.prod(shape)) * DTYPE_BYTES[DTYPES.index(dtype)]
        index = len(self.tensors)
        self.tensors.append(TensorInfo(index, name, shape, dtype, nbytes, TensorRole.INOUT))
        return index

    def access(self, tensor: int, mode: AccessMode, offset: int, rows: int, cols: int) -> int:
        """A (rows, cols) region of a row-major tensor."""
        width = self.tensors[tensor].shape[-1]
        self.accesses.append((tensor, mode, offset, 1, 0, 1, 0, rows, width, cols))
        return len(self.accesses) - 1

    def task(self, name: str, core_type: CoreType, **flags: Any) -> TaskBuilder:
        """A task; blocks are added to what is returned."""
        task = Task(len(self.tasks), name, core_type, 0, 0, (), (), **flags)
        self.tasks.append(TaskBuilder(self, task))
        return self.tasks[-1]

    def uses(self, builder: TaskBuilder, tensor: int, *, is_written: bool) -> None:
        """Make a whole tensor an argument of a task."""
        shape = self.tensors[tensor].shape
        strides = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
        argument = Argument(tensor, 0, shape, strides, not is_written, is_written, is_written)
        builder.task = replace(builder.task, arguments=(*builder.task.arguments, argument))

    def event(self, kind: EventKind, tensor: int) -> None:
        """Something the orchestrator does before the next task."""
        self.events.append(OrchestrationEvent(kind, tensor, len(self.tasks)))

    def build(self) -> Program:
        """The Program."""
        ops: list[tuple[int, ...]] = []
        tiles: list[tuple[int, ...]] = []
        blocks: list[tuple[int, ...]] = []
        tasks: list[Task] = []
        for builder in self.tasks:
            tasks.append(
                replace(builder.task, block_num=len(builder.blocks), first_block=len(blocks))
            )
            for number, block in enumerate(builder.blocks):
                starts = (len(ops), len(tiles))
                ops += block.ops
                tiles += block.tiles
                blocks.append((block.task, number, starts[0], len(ops), starts[1], len(tiles)))
        return Program(
            kernel="tiny",
            variant="",
            parameters={},
            tensors=tuple(self.tensors),
            tasks=tuple(tasks),
            events=tuple(self.events),
            op_kinds=OP_KINDS,
            dtypes=DTYPES,
            dtype_bytes=DTYPE_BYTES,
            sites=tuple(f"kernel.py:{line}" for line in range(64)),
            ops=np.array(ops, OP_DTYPE),
            tiles=np.array(tiles, TILE_DTYPE),
            accesses=np.array(self.accesses, ACCESS_DTYPE),
            blocks=np.array(blocks, BLOCK_DTYPE),
        )


ROUND_RUNTIME = {
    "submit_fixed_ns": 1000,
    "submit_per_tensor_ns": 10,
    "submit_per_lookup_ns": 20,
    "submit_per_insert_ns": 30,
    "submit_per_edge_ns": 100,
    "submit_user_code_ns": 500,
    "poll_per_core_ns": 100,
    "poll_base_ns": 50,
    "completion_ns": 150,
    "resolve_first_ns": 350,
    "resolve_per_consumer_ns": 100,
    "pop_batch_ns": 100,
    "prepare_block_ns": 300,
    "fence_ns": 30,
    "publish_block_ns": 5,
    "store_visible_ns": 140,
    "finish_visible_ns": 20,
    "core_setup_ns": 50,
    "core_setup_swimlane_ns": 280,
    "core_switch_ns": 0,
    "record_swimlane_ns": 520,
    "gate_to_start_ns": 110,
    "stage_block_ns": 400,
    "scope_end_per_task_ns": 20,
    "cold_core_frac": 0,
}


def round_chip(*, clusters: int = 1, threads: int = 1, **runtime: float) -> ChipSpec:
    """A small chip at 1000 MHz (a cycle is a nanosecond) with round runtime figures."""
    chip = load_chip("a2a3")
    return replace(
        chip,
        topology=replace(chip.topology, cluster_count=clusters, scheduler_thread_count=threads),
        clock=replace(chip.clock, core_mhz=1000),
        runtime=replace(chip.runtime, **{**ROUND_RUNTIME, **runtime}),
    )

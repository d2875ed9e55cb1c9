"""The frozen types of a recording: tensors, tasks, blocks, tile operations, tiles, accesses.

A run of the reference kernel holds 10**5 operations and a large one 10**6, so operations, tiles,
accesses and blocks are columns of numpy structured arrays; tasks and tensors, a thousand times
fewer, are dataclasses::

    Task ──blocks──▶ BLOCK row ──op range──▶ OP rows ──tile ids──▶ TILE rows of that block
                                                └────access────▶ ACCESS row ──▶ TensorInfo
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import NpuSimError

NO_INDEX = -1

Records = npt.NDArray[Any]
"""A one-dimensional numpy structured array with one of the dtypes of this module."""


class Space(IntEnum):
    """Where a tile lives; ``UNRESOLVED``, only while recording, where that is not known yet."""

    UNRESOLVED = 0
    L1 = 1
    L0C = 2
    UB = 3


class Unit(StrEnum):
    """What executes an operation."""

    CUBE = "cube"
    VECTOR = "vector"
    MOVE = "move"
    SCALAR = "scalar"


class CoreType(StrEnum):
    """The shape of a task: cube only, vector only, or a cluster of one AIC and two AIV."""

    AIC = "aic"
    AIV = "aiv"
    MIX = "mix"


class AccessMode(IntEnum):
    """What an operation does to a region of global memory."""

    READ = 0
    WRITE = 1
    ATOMIC_ADD = 2


class TensorRole(StrEnum):
    """Where a tensor in global memory comes from."""

    INPUT = "input"
    OUTPUT = "output"
    INOUT = "inout"
    SCRATCH = "scratch"
    IMPLICIT = "implicit"
    """A tile that left its scope; the compiler stores and reloads it through global memory."""


class EventKind(StrEnum):
    """What the orchestrator does between two submits."""

    ALLOC = "alloc"
    READ = "read"
    WRITE = "write"


OP_DTYPE = np.dtype(
    [
        ("kind", np.uint16),  # index into Program.op_kinds
        ("dtype", np.uint8),  # index into Program.dtypes: the type the unit computes in
        ("out_dtype", np.uint8),  # index into Program.dtypes: the type of the result
        ("rows", np.int32),  # matmul: m; others: rows of the counted operand
        ("cols", np.int32),  # matmul: n; scalar read: consecutive elements; others: columns
        ("depth", np.int32),  # matmul: k; others: 0
        ("out", np.int32),  # tile written (index within the block), or NO_INDEX
        ("in0", np.int32),  # tiles read, in operand order, or NO_INDEX
        ("in1", np.int32),
        ("in2", np.int32),
        ("access", np.int32),  # index into Program.accesses, or NO_INDEX
        ("site", np.int32),  # index into Program.sites
    ]
)
"""One tile operation. A copy between GM and a core has the tile's shape in ``rows``, ``cols``."""

TILE_DTYPE = np.dtype(
    [
        ("space", np.uint8),  # Space
        ("stages", np.uint8),  # how many buffers the enclosing pl.pipeline rotates through, >= 1
        ("slot", np.uint8),  # which of them this tile uses, < stages
        ("site", np.int32),  # the source line that makes it; (site, slot) names a buffer
        ("nbytes", np.int64),
    ]
)
"""One on-chip tile of a block."""

ACCESS_DTYPE = np.dtype(
    [
        ("tensor", np.int32),
        ("mode", np.uint8),  # AccessMode
        ("offset", np.int64),  # first element, from the start of the tensor's buffer
        ("n0", np.int64),  # three outer repeat counts and strides, outermost first ...
        ("s0", np.int64),
        ("n1", np.int64),
        ("s1", np.int64),
        ("n2", np.int64),
        ("s2", np.int64),
        ("run", np.int64),  # ... and the contiguous elements at the bottom
    ]
)
"""One exact region of global memory: elements offset + i0*s0 + i1*s1 + i2*s2 + [0, run)."""

BLOCK_DTYPE = np.dtype(
    [
        ("task", np.int32),
        ("block_idx", np.int32),
        ("op_start", np.int64),
        ("op_stop", np.int64),
        ("tile_start", np.int64),
        ("tile_stop", np.int64),
    ]
)
"""One block of a task: all of a ``pl.at`` scope, or one iteration of a ``pl.spmd`` loop."""


@dataclass(frozen=True, slots=True)
class OpKind:
    """A row of the op table as far as a recording needs it."""

    name: str
    unit: Unit
    cost_key: str
    """Names the cost formula; empty for operations that move data or read scalars."""
    counts_input: bool = False
    """True where ``rows, cols`` describe the input (reductions), not the result."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A buffer in global memory. ``shape`` in elements; ``dtype`` a DSL name such as ``BF16``."""

    tensor_id: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    role: TensorRole
    is_manual_dep: bool = False
    """The runtime does not track this buffer; only explicit ``deps`` order its users."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A tensor handle that a task captured from outside its scope, as a whole.

    Offset, shape and strides are in elements of the tensor's buffer. A handle that is a view made
    by the orchestrator (a slice outside every scope) describes that view, not the buffer.
    """

    tensor_id: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    is_read: bool
    is_written: bool
    is_direct_write: bool
    """Written outside every loop of the scope body; decides the direction for old compilers."""
    is_no_dep: bool = False


@dataclass(frozen=True, slots=True)
class LoopFrame:
    """One orchestration loop around a task: which execution of it, its kind, the iteration."""

    instance: int
    kind: str
    iteration: int


@dataclass(frozen=True, slots=True)
class Task:
    """One submit: a ``pl.at`` scope execution, a ``pl.spmd`` dispatch, or a dummy."""

    task_id: int
    name: str
    core_type: CoreType
    block_num: int
    first_block: int
    """Index into ``Program.blocks``; the blocks of a task are consecutive."""
    arguments: tuple[Argument, ...]
    loops: tuple[LoopFrame, ...]
    deps: tuple[int, ...] = ()
    site: str = ""
    is_dummy: bool = False
    is_spmd: bool = False
    is_manual: bool = False
    """Submitted in ``pl.manual_scope``: only ``deps`` order it."""
    allow_early_resolve: bool = False
    sync_start: bool = False
    is_predicated: bool = False
    """Submitted with ``predicate=``: the runtime decides whether it runs, so never early."""
    split_mode: str = ""
    """Vector work of a MIX task is halved over both AIV lanes where this is not empty."""


@dataclass(frozen=True, slots=True)
class OrchestrationEvent:
    """Something the orchestrator does itself, before it submits ``before_task``."""

    kind: EventKind
    tensor_id: int
    before_task: int
    loops: tuple[LoopFrame, ...] | None = None
    """Orchestration loops around it; None in programs of versions that did not record them."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Everything one run of a kernel did. Frozen: treat the arrays as read-only."""

    kernel: str
    variant: str
    parameters: dict[str, Any]
    """Knobs and options the kernel was built with, JSON values only."""
    tensors: tuple[TensorInfo, ...]
    tasks: tuple[Task, ...]
    events: tuple[OrchestrationEvent, ...]
    op_kinds: tuple[OpKind, ...]
    dtypes: tuple[str, ...]
    dtype_bytes: tuple[int, ...]
    sites: tuple[str, ...]
    ops: Records
    tiles: Records
    accesses: Records
    blocks: Records

    def __post_init__(self) -> None:
        for name, dtype in (
            ("ops", OP_DTYPE),
            ("tiles", TILE_DTYPE),
            ("accesses", ACCESS_DTYPE),
            ("blocks", BLOCK_DTYPE),
        ):
            records = getattr(self, name)
            if records.dtype != dtype or records.ndim != 1:
                msg = (
                    f"program {self.kernel}: {name} has dtype {records.dtype} and "
                    f"{records.ndim} axes; expected one axis of {dtype}"
                )
                raise NpuSimError(msg)
            records.setflags(write=False)

    @property
    def block_count(self) -> int:
        """Blocks of all tasks: what the kernel specification calls tasks."""
        return len(self.blocks)

    def kind_index(self, name: str) -> int:
        """Index of op kind ``name`` in ``op_kinds``, or ``NO_INDEX`` if it never occurs."""
        for index, kind in enumerate(self.op_kinds):
            if kind.name == name:
                return index
        return NO_INDEX

    def block_ops(self, block: int) -> Records:
        """The OP rows of block ``block``, in program order."""
        row = self.blocks[block]
        return self.ops[row["op_start"] : row["op_stop"]]

    def block_tiles(self, block: int) -> Records:
        """The TILE rows of block ``block``; tile ids of its operations index this."""
        row = self.blocks[block]
        return self.tiles[row["tile_start"] : row["tile_stop"]]

"""Contract 1: what a kernel computed.

Owns the frozen recording of a kernel run: tensors, tasks, the tile operations inside them with the
exact regions they touch, and its file format. Refuses to know any hardware figure and any time, so
that one recording can be simulated on every chip.
"""

from npusim.program.counts import ScopeCounts, count_by_scope, total_counts
from npusim.program.file import load_program, save_program
from npusim.program.model import (
    ACCESS_DTYPE,
    BLOCK_DTYPE,
    NO_INDEX,
    OP_DTYPE,
    TILE_DTYPE,
    AccessMode,
    Argument,
    CoreType,
    EventKind,
    LoopFrame,
    OpKind,
    OrchestrationEvent,
    Program,
    Space,
    Task,
    TensorInfo,
    TensorRole,
    Unit,
)

__all__ = [
    "ACCESS_DTYPE",
    "BLOCK_DTYPE",
    "NO_INDEX",
    "OP_DTYPE",
    "TILE_DTYPE",
    "AccessMode",
    "Argument",
    "CoreType",
    "EventKind",
    "LoopFrame",
    "OpKind",
    "OrchestrationEvent",
    "Program",
    "ScopeCounts",
    "Space",
    "Task",
    "TensorInfo",
    "TensorRole",
    "Unit",
    "count_by_scope",
    "load_program",
    "save_program",
    "total_counts",
]

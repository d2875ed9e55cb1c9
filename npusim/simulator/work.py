"""What the runtime runs, as columns: tasks, edges, counts, scopes. Free of tile operations.

The seam between whatever knows kernels (a recorded program, a capture) and the runtime model::

    Program + TaskGraph ──program_work──▶ RuntimeWork ──policy──▶ Trace
    capture             ──replay────────▶     "

Tasks are identified by their position, which is the order of submission.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import NpuSimError
from npusim.program import CoreType
from npusim.trace import EdgeSource
from npusim.trace.model import Records

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NO_SCOPE = -1


@dataclass(frozen=True, slots=True)
class RuntimeScope:
    """A runtime scope: it holds the slots and buffers of its tasks until it ends."""

    parent: int
    """Index of the scope around it, or ``NO_SCOPE``."""
    depth: int
    """0 for the body of the kernel; a task uses ring ``min(depth, rings - 1)``."""
    label: str
    """How messages name it."""
    place: str = ""
    """Where it stands, the same for every iteration of a loop; ``label`` if left out."""

    @property
    def site(self) -> str:
        """How statistics over scopes name it."""
        return self.place or self.label


@dataclass(frozen=True, slots=True)
class Allocation:
    """A hidden allocation task: buffers that the orchestrator creates for one scope."""

    scope: int
    tensors: int
    nbytes: int
    """Heap taken, alignment included."""
    users: tuple[int, ...]
    """Tasks that hold the buffers until they complete."""


@dataclass(frozen=True, slots=True)
class BlockingAccess:
    """The orchestrator reads or writes a tensor itself, after the tasks that must come first."""

    waits_for: tuple[int, ...]


Step = Allocation | BlockingAccess
"""What the orchestrator does between two submits."""


@dataclass(frozen=True, slots=True, eq=False)
class RuntimeWork:
    """Tasks for the runtime. Frozen: treat the arrays as read-only. Make it with ``build``."""

    kernel: str
    variant: str
    parameters: dict[str, Any]
    names: Sequence[str]
    core_types: Sequence[CoreType]
    block_num: IntArray
    """(tasks,) A task without blocks is served like a dummy."""
    durations_ps: IntArray | None
    """(blocks,) of all blocks in task order, the parts of a MIX block alike; None where the machine
    decides."""
    edges: npt.NDArray[np.int32]
    """(edges, 2) predecessor and successor."""
    sources: npt.NDArray[np.uint8]
    is_dummy: BoolArray
    allow_early_resolve: BoolArray
    sync_start: BoolArray
    is_predicated: BoolArray
    tensors: IntArray
    """(tasks,) tensor arguments; with the next two and the edges they make the cost of a submit."""
    lookups: IntArray
    inserts: IntArray
    submit_ns: npt.NDArray[np.float64] | None
    """(tasks,) measured cost of each submit, user code included; replaces the formula."""
    heap_bytes: IntArray
    """(tasks,) heap that the outputs of a task take in its ring."""
    scope: IntArray
    """(tasks,) index into ``scopes``, or ``NO_SCOPE``: then no scope holds the task."""
    scopes: tuple[RuntimeScope, ...]
    steps: Mapping[int, tuple[Step, ...]]
    """What happens before the submit of a task; key ``task_count`` for what follows the last."""
    captured: Records | None = field(default=None)
    """Slices of a capture, lane = core number, for policies that keep core and order."""

    @classmethod
    def build(
        cls,
        *,
        kernel: str,
        names: Sequence[str],
        core_types: Sequence[CoreType],
        block_num: npt.ArrayLike,
        durations_ps: npt.ArrayLike | None,
        edges: npt.ArrayLike = (),
        variant: str = "",
        **columns: Any,
    ) -> "RuntimeWork":
        """The work of these columns; those left out are zero, false or empty.

        Raises:
            NpuSimError: If a column has another length than there are tasks, an edge names a task
                that is not there, or a duration is missing or negative.
        """
        count = len(names)
        rows = np.asarray(edges, np.int32).reshape(-1, 2)
        sources = columns.pop("sources", None)
        if sources is None:
            sources = np.full(len(rows), EdgeSource.TENSORMAP, np.uint8)
        flags = {
            name: _column(columns.pop(name, None), count, False, np.bool_)
            for name in ("is_dummy", "allow_early_resolve", "sync_start", "is_predicated")
        }
        counts = {
            name: _column(columns.pop(name, None), count, empty, np.int64)
            for name, empty in _COUNTS.items()
        }
        submit_ns = columns.pop("submit_ns", None)
        work = cls(
            kernel=kernel,
            variant=variant,
            parameters=columns.pop("parameters", {}),
            names=names,
            core_types=core_types,
            block_num=np.asarray(block_num, np.int64),
            durations_ps=None if durations_ps is None else np.asarray(durations_ps, np.int64),
            edges=rows,
            sources=np.asarray(sources, np.uint8),
            submit_ns=None if submit_ns is None else np.asarray(submit_ns, np.float64),
            scopes=tuple(columns.pop("scopes", ())),
            steps=columns.pop("steps", {}),
            captured=columns.pop("captured", None),
            **flags,
            **counts,
        )
        if columns:
            msg = f"runtime work {kernel}: unknown column {', '.join(sorted(columns))}"
            raise TypeError(msg)
        work.check()
        return work

    @property
    def task_count(self) -> int:
        """Number of tasks."""
        return len(self.names)

    def check(self) -> None:
        """Raise ``NpuSimError`` where the columns do not fit each other."""
        count = self.task_count
        for name in ("core_types", "block_num", "is_dummy", "tensors", "scope", "submit_ns"):
            column = getattr(self, name)
            if column is not None and len(column) != count:
                msg = f"runtime work {self.kernel}: {name} has {len(column)} entries"
                raise NpuSimError(f"{msg}; expected one for each of {count} tasks")
        outside = np.flatnonzero(((self.edges < 0) | (self.edges >= count)).any(axis=1))
        if len(outside):
            pred, succ = self.edges[outside[0]].tolist()
            msg = f"task graph: edge {pred} -> {succ}; expected task ids from 0 to {count - 1}"
            raise NpuSimError(msg)
        durations = self.durations_ps
        blocks = int(self.block_num.sum())
        if durations is not None and (len(durations) != blocks or (durations < 0).any()):
            msg = (
                f"runtime work {self.kernel}: durations_ps has {len(durations)} entries, the "
                f"smallest {durations.min(initial=0)}; expected one for each of {blocks} blocks, "
                "none negative"
            )
            raise NpuSimError(msg)


_COUNTS = {"tensors": 0, "lookups": 0, "inserts": 0, "heap_bytes": 0, "scope": NO_SCOPE}


def _column(values: Any, count: int, empty: Any, dtype: Any) -> npt.NDArray[Any]:
    return np.full(count, empty, dtype) if values is None else np.asarray(values, dtype)

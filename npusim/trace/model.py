"""The frozen types of a trace and the invariants that make one.

Times are integer picoseconds since the run began. A core lane is accounted over the span of the
trace, first kernel start to last kernel end::

    span    |----------------------------------------------------|
    slices       [ task 3 ]      [ task 9 ]        [ 12 ]
    waits   |DEP |        |DISPA |        |DEPEND  |     |NO_WORK |

    busy + sum of waits == span, exactly, on every core lane

A simulated run may also look inside some cores. Each pipe of such a core has a lane of its own,
whose slices are instructions and lie inside the kernels of the core; ``npusim.trace.pipes`` has
their layout. Pipe lanes are accounted over the same span::

    AIC[0]       [ task 3                 ]      [ task 9 ]
    AIC[0].MTE2  [load][QU][load]                  [load]
    AIC[0].M     |DEPEND |[mmad]|DE|[mmad]       |DEP    |[mmad]     the rest is NO_WORK
"""

import itertools
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import TraceError
from npusim.trace.buffers import BUFFER_DTYPE, check_buffer_levels, no_buffer_levels
from npusim.trace.pipes import OP_SLICE_DTYPE, check_op_slices, no_op_slices
from npusim.trace.rings import RingUse

NO_TIME = -1
"""A time that a capture does not hold (for instance dispatch times below swimlane level 2)."""

Records = npt.NDArray[Any]
"""A one-dimensional numpy structured array with one of the dtypes of this module."""


class LaneKind(StrEnum):
    """What a lane shows; one lane holds one kind of slice."""

    AIC = "aic"
    AIV = "aiv"
    SCHEDULER = "scheduler"
    ORCHESTRATOR = "orchestrator"
    PIPE = "pipe"

    @property
    def is_core(self) -> bool:
        """True for lanes that run kernels and are accounted over the span."""
        return self in {LaneKind.AIC, LaneKind.AIV}

    @property
    def is_pipe(self) -> bool:
        """True for lanes inside a core; they run instructions and are accounted over the span."""
        return self is LaneKind.PIPE


class WaitReason(IntEnum):
    """Why a lane was idle; a closed set, and what the lane ran next decides.

    On core lanes:

    DEPENDENCY: a predecessor of the next task had not ended.
    SUBMIT: all predecessors had ended, but the orchestrator had not submitted the task.
    DISPATCH: the runtime was at work on it: completion seen, consumers resolved, block published,
        core set up.
    QUEUE: the task was ready and queued, and no scheduler had taken it up.
    SYNC: ready, but other cores of its cluster (MIX) or cohort (sync_start) were not free.
    NO_WORK: nothing more ever ran on this lane.
    UNKNOWN: not attributable; always printed, zero in a simulated run.

    On pipe lanes:

    DEPENDENCY: an operand of the next instruction, or room for its result, was not ready.
    QUEUE: both were ready, and the scalar unit had not issued the instruction.
    MEMORY: it was issued and ready, and other cores had its share of the bandwidth (inside a core
        slice this is part of ``stall_ps``).
    NO_WORK: no kernel ran on the core, or none of its instructions was left for this pipe.
    """

    DEPENDENCY = 0
    SUBMIT = 1
    DISPATCH = 2
    QUEUE = 3
    SYNC = 4
    MEMORY = 5
    NO_WORK = 6
    UNKNOWN = 7


class PhaseKind(IntEnum):
    """What an AICPU thread did; names and meaning as in the device recorder."""

    COMPLETE = 0
    DISPATCH = 1
    RESOLVE = 2
    SUBMIT = 3
    DUMMY = 4
    EARLY_DISPATCH = 5
    DRAIN = 6
    RELEASE = 7


class EdgeSource(IntEnum):
    """Which rule made a dependency edge."""

    REGION = 0
    TENSORMAP = 1
    CREATOR = 2
    EXPLICIT = 3


SLICE_DTYPE = np.dtype(
    [
        ("lane", np.int32),  # index into Trace.lanes
        ("task", np.int32),  # index into Trace.tasks
        ("block", np.int32),  # block index within the task
        ("slot", np.uint8),  # 0 AIC, 1 AIV0, 2 AIV1: the sub-slot of the dispatch
        ("dispatch_ps", np.int64),  # scheduler wrote the dispatch register
        ("receive_ps", np.int64),  # core saw the new task
        ("start_ps", np.int64),  # kernel start
        ("end_ps", np.int64),  # kernel end
        ("finish_ps", np.int64),  # scheduler saw the completion
        ("stall_ps", np.int64),  # part of the duration that shared bandwidth added
    ]
)
"""One kernel execution on one core lane; dispatch <= receive <= start <= end <= finish."""

PHASE_DTYPE = np.dtype(
    [
        ("lane", np.int32),
        ("kind", np.uint8),  # PhaseKind
        ("start_ps", np.int64),
        ("end_ps", np.int64),
        ("task", np.int32),  # index into Trace.tasks for SUBMIT and DUMMY, else -1
        ("count", np.int32),  # finishes, sub-tasks or consumers handled
        ("loop_iter", np.int32),
        ("pop_hit", np.int32),
        ("pop_miss", np.int32),
        ("ready_start", np.int32, (3,)),  # ready queue depths AIC, AIV, MIX when it began ...
        ("ready_end", np.int32, (3,)),  # ... and when it ended
    ]
)
"""One piece of work of an AICPU thread. RESOLVE phases lie inside COMPLETE ones."""

WAIT_DTYPE = np.dtype(
    [
        ("lane", np.int32),
        ("start_ps", np.int64),
        ("end_ps", np.int64),
        ("reason", np.uint8),  # WaitReason
        ("task", np.int32),  # the task that then ran, or -1 for NO_WORK
        ("blamed", np.int32),  # the predecessor that ended last (DEPENDENCY), or -1
    ]
)

EDGE_DTYPE = np.dtype(
    [
        ("pred", np.int32),  # indices into Trace.tasks
        ("succ", np.int32),
        ("source", np.uint8),  # EdgeSource
    ]
)


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the swimlane: ``AIC[3]``, ``AIC[3].MTE2``, ``Sched[0]``, ``Orch[0]``."""

    name: str
    kind: LaneKind
    core_id: int = NO_TIME
    """The device's core number for core lanes and for the pipes of that core, else -1."""
    thread: int = NO_TIME
    """The scheduler thread that owns the core, or the thread the lane shows."""


@dataclass(frozen=True, slots=True)
class TraceTask:
    """One submitted task. Times are -1 where a capture does not hold them."""

    task_id: int
    func_id: int
    name: str
    core_type: str
    """``aic``, ``aiv`` or ``mix``."""
    block_num: int
    submit_start_ps: int = NO_TIME
    submit_end_ps: int = NO_TIME
    ready_ps: int = NO_TIME
    """When the task entered a ready queue."""
    is_dummy: bool = False
    has_early_dispatch: bool = False
    is_predicated: bool = False
    """The runtime looks at a predicate first; with ``is_dummy`` it was false."""
    is_cohort: bool = False
    """All blocks start at once (``sync_start``)."""


@dataclass(frozen=True, slots=True)
class TraceInfo:
    """Where a trace comes from."""

    kernel: str
    variant: str
    chip: str
    source: str
    """``simulated`` or ``captured``."""
    counter_mhz: int
    swimlane_level: int
    cause_from: str = "recorded"
    """``recorded`` by the simulator or ``inferred`` from a capture."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """Knobs, options, dependency mode: JSON values only."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A run. Frozen: treat the arrays as read-only.

    Raises:
        TraceError: If slices of a lane overlap, times of a slice are out of order, an index is out
            of range, an instruction lies outside the kernel it belongs to, or ``busy + waits !=
            span`` on a core or pipe lane of a trace with waits.
    """

    info: TraceInfo
    lanes: tuple[Lane, ...]
    tasks: tuple[TraceTask, ...]
    slices: Records
    waits: Records
    phases: Records
    edges: Records
    op_slices: Records = field(default_factory=no_op_slices)
    """Instructions on pipe lanes, ``OP_SLICE_DTYPE``; empty unless the run looked inside cores."""
    op_names: tuple[str, ...] = ()
    op_sites: tuple[str, ...] = ()
    """Source lines of the kernel, ``file.py:18``."""
    buffer_levels: Records = field(default_factory=no_buffer_levels)
    """Live bytes of on-chip buffers, ``BUFFER_DTYPE``; empty unless the run looked inside cores."""
    rings: RingUse = field(default_factory=RingUse)
    """How full the rings of the runtime were; empty unless the run watched them."""

    def __post_init__(self) -> None:
        for name, dtype in (
            ("slices", SLICE_DTYPE),
            ("waits", WAIT_DTYPE),
            ("phases", PHASE_DTYPE),
            ("edges", EDGE_DTYPE),
            ("op_slices", OP_SLICE_DTYPE),
            ("buffer_levels", BUFFER_DTYPE),
        ):
            records = getattr(self, name)
            if records.dtype != dtype or records.ndim != 1:
                msg = f"trace: {name} has dtype {records.dtype}; expected one axis of {dtype}"
                raise TraceError(msg)
            records.setflags(write=False)
        self._check_indices()
        self._check_slice_times()
        self._check_lanes_do_not_overlap()
        check_op_slices(self)
        check_buffer_levels(self)
        if len(self.waits):
            self._check_accounting()

    @property
    def span_ps(self) -> tuple[int, int]:
        """First kernel start and last kernel end; ``(0, 0)`` for a trace without slices."""
        if not len(self.slices):
            return (0, 0)
        return int(self.slices["start_ps"].min()), int(self.slices["end_ps"].max())

    @property
    def makespan_ps(self) -> int:
        """First kernel start to last kernel end, the ``span`` clock of published swimlanes."""
        start, end = self.span_ps
        return end - start

    def lane_indices(self, *kinds: LaneKind) -> list[int]:
        """Indices of the lanes of the given kinds, in lane order."""
        return [i for i, lane in enumerate(self.lanes) if lane.kind in kinds]

    def _check_indices(self) -> None:
        checks = (
            ("slices", "lane", 0, len(self.lanes)),
            ("slices", "task", 0, len(self.tasks)),
            ("waits", "lane", 0, len(self.lanes)),
            ("waits", "task", -1, len(self.tasks)),
            ("waits", "blamed", -1, len(self.tasks)),
            ("phases", "lane", 0, len(self.lanes)),
            ("phases", "task", -1, len(self.tasks)),
            ("edges", "pred", 0, len(self.tasks)),
            ("edges", "succ", 0, len(self.tasks)),
            ("op_slices", "lane", 0, len(self.lanes)),
            ("op_slices", "task", 0, len(self.tasks)),
            ("op_slices", "op", 0, len(self.op_names)),
            ("op_slices", "site", 0, len(self.op_sites)),
        )
        for name, column, low, stop in checks:
            values = getattr(self, name)[column]
            bad = np.flatnonzero((values < low) | (values >= stop))
            if len(bad):
                row = int(bad[0])
                msg = (
                    f"trace: {name}[{row}].{column} is {values[row]}; "
                    f"expected an index from {low} to {stop - 1}"
                )
                raise TraceError(msg)

    def _check_slice_times(self) -> None:
        chain = ("dispatch_ps", "receive_ps", "start_ps", "end_ps", "finish_ps")
        for earlier, later in itertools.pairwise(chain):
            before, after = self.slices[earlier], self.slices[later]
            bad = np.flatnonzero((before != NO_TIME) & (after != NO_TIME) & (before > after))
            if len(bad):
                row = int(bad[0])
                task = self.tasks[self.slices["task"][row]]
                msg = (
                    f"trace: slice {row} (task {task.task_id}, {task.name}) has {earlier} "
                    f"{before[row]} after {later} {after[row]}; expected them in order"
                )
                raise TraceError(msg)

    def _check_lanes_do_not_overlap(self) -> None:
        for records, outer in (
            (self.slices, None),
            (self.op_slices, None),
            (self.phases, PhaseKind.RESOLVE),
        ):
            rows = records if outer is None else records[records["kind"] != outer]
            if not len(rows):
                continue
            order = np.lexsort((rows["end_ps"], rows["start_ps"], rows["lane"]))
            rows = rows[order]
            same_lane = rows["lane"][1:] == rows["lane"][:-1]
            bad = np.flatnonzero(same_lane & (rows["start_ps"][1:] < rows["end_ps"][:-1]))
            if len(bad):
                first, second = rows[bad[0]], rows[bad[0] + 1]
                msg = (
                    f"trace: lane {self.lanes[first['lane']].name} has a slice that ends at "
                    f"{first['end_ps']} ps and another that starts at {second['start_ps']} ps; "
                    "expected no overlap within a lane"
                )
                raise TraceError(msg)

    def _check_accounting(self) -> None:
        start, end = self.span_ps
        total = np.zeros(len(self.lanes), np.int64)
        for rows in (self.slices, self.op_slices, self.waits):
            np.add.at(total, rows["lane"], rows["end_ps"] - rows["start_ps"])
        for index, lane in enumerate(self.lanes):
            if (lane.kind.is_core or lane.kind.is_pipe) and total[index] != end - start:
                msg = (
                    f"trace: lane {lane.name} has busy + waits = {total[index]} ps; "
                    f"expected the span, {end - start} ps"
                )
                raise TraceError(msg)

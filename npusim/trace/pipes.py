"""Instructions on the pipes inside a core: their record and the invariants of pipe lanes.

A pipe lane ``AIC[3].MTE2`` belongs to the core lane with the same core number. Each of its slices
is one instruction, and lies inside the kernel (task and block) of the core that issued it::

    AIC[3]       [ task 7, block 2                     ]
    AIC[3].MTE2  [load   ][load   ]
    AIC[3].M              [matmul ][matmul ]
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from npusim.errors import TraceError

if TYPE_CHECKING:
    from npusim.trace.model import Trace

Records = npt.NDArray[Any]

OP_SLICE_DTYPE = np.dtype(
    [
        ("lane", np.int32),  # index into Trace.lanes, a pipe lane
        ("task", np.int32),  # index into Trace.tasks
        ("block", np.int32),  # block index within the task
        ("op", np.int32),  # index into Trace.op_names
        ("site", np.int32),  # index into Trace.op_sites
        ("start_ps", np.int64),
        ("end_ps", np.int64),
        ("nbytes", np.int64),  # bytes that pass between the core and global memory or another core
    ]
)
"""One instruction on one pipe, without the time that it waited for bandwidth."""


def no_op_slices() -> Records:
    """The instructions of a trace that does not look inside cores: none."""
    return np.empty(0, OP_SLICE_DTYPE)


def core_of_pipe(trace: "Trace") -> dict[int, int]:
    """For each pipe lane the lane of its core, as indices into ``Trace.lanes``, in lane order.

    Raises:
        TraceError: If a pipe lane has no core lane with its core number.
    """
    cores = {lane.core_id: i for i, lane in enumerate(trace.lanes) if lane.kind.is_core}
    found: dict[int, int] = {}
    for index, lane in enumerate(trace.lanes):
        if not lane.kind.is_pipe:
            continue
        if lane.core_id not in cores:
            msg = (
                f"trace: pipe lane {lane.name} has core id {lane.core_id}; "
                "expected the core id of a core lane"
            )
            raise TraceError(msg)
        found[index] = cores[lane.core_id]
    return found


def check_op_slices(trace: "Trace") -> None:
    """Make sure that every instruction is on a pipe lane and inside its kernel.

    Raises:
        TraceError: If one is not, or ends before it starts.
    """
    core = np.full(len(trace.lanes), -1, np.int64)
    for pipe, owner in core_of_pipe(trace).items():
        core[pipe] = owner
    rows = trace.op_slices
    bad = np.flatnonzero(core[rows["lane"]] < 0)
    if len(bad):
        row = int(bad[0])
        msg = (
            f"trace: op_slices[{row}] is on lane {trace.lanes[rows['lane'][row]].name}; "
            "expected a pipe lane"
        )
        raise TraceError(msg)
    bad = np.flatnonzero(rows["start_ps"] > rows["end_ps"])
    if len(bad):
        row = int(bad[0])
        msg = (
            f"trace: {_describe(trace, row)} starts at {rows['start_ps'][row]} ps; "
            f"expected it before its end, {rows['end_ps'][row]} ps"
        )
        raise TraceError(msg)
    if len(rows):
        _check_containment(trace, core[rows["lane"]])


def _check_containment(trace: "Trace", core: npt.NDArray[np.int64]) -> None:
    rows, slices = trace.op_slices, trace.slices
    kernel = _find_kernels(trace, core)
    outside = kernel < 0
    found = slices[np.maximum(kernel, 0)] if len(slices) else slices
    if len(found):
        outside |= rows["start_ps"] < found["start_ps"]
        outside |= rows["end_ps"] > found["end_ps"]
    bad = np.flatnonzero(outside)
    if len(bad):
        row = int(bad[0])
        msg = (
            f"trace: {_describe(trace, row)} runs from {rows['start_ps'][row]} to "
            f"{rows['end_ps'][row]} ps; expected it inside the kernel of that block on "
            f"{trace.lanes[core[row]].name}"
        )
        raise TraceError(msg)


def _find_kernels(trace: "Trace", core: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each instruction the index of the core slice with its core, task and block, or -1."""
    slices, rows = trace.slices, trace.op_slices
    blocks = 1 + int(max(slices["block"].max(initial=0), rows["block"].max(initial=0)))

    def keys(lane: npt.NDArray[np.int64], records: Records) -> npt.NDArray[np.int64]:
        task = lane.astype(np.int64) * len(trace.tasks) + records["task"]
        return np.asarray(task * blocks + records["block"], np.int64)

    known = keys(slices["lane"], slices)
    order = np.argsort(known, kind="stable")
    wanted = keys(core, rows)
    place = np.searchsorted(known[order], wanted)
    inside = place < len(known)
    found = np.full(len(rows), -1, np.int64)
    candidates = order[place[inside]]
    found[inside] = np.where(known[candidates] == wanted[inside], candidates, -1)
    return found


def _describe(trace: "Trace", row: int) -> str:
    record = trace.op_slices[row]
    task = trace.tasks[record["task"]]
    return (
        f"op_slices[{row}] ({trace.op_names[record['op']]} of task {task.task_id}, {task.name}, "
        f"on {trace.lanes[record['lane']].name})"
    )

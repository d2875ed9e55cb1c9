"""Pipe lanes of a trace: one slice per instruction, and why the pipe was idle before it.

::

    S       [iss][iss][iss][iss]                     one issue after the other
    MTE2         [load ]          MMMM[load ]        M: others had its share of the bandwidth
    V                   [add ]              [add ]
            |- DEPENDENCY ----|QUEUE|                operand or buffer not ready; then not issued

The time of a pipe before an instruction is DEPENDENCY until its operands and the room for its
result are ready, then QUEUE until the scalar unit has issued it, then MEMORY for what shared
bandwidth adds to the transfer. Outside the kernels of the core, and after the last instruction of
a kernel for this pipe, it is NO_WORK. On the S lane an instruction for another pipe shows as
``issue load``, and one that waits for its operands holds back all that follow.

What sharing adds is put before the slice, so that a slice ends when its data has arrived.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from npusim.errors import UsageError
from npusim.simulator.pipe_buffers import BufferMeter
from npusim.simulator.pipe_timeline import InstructionTimes
from npusim.simulator.pipe_view import CoreView, Kernel
from npusim.simulator.recipe import Pipe, Traffic
from npusim.trace import BUFFER_DTYPE, OP_SLICE_DTYPE, WAIT_DTYPE, Lane, LaneKind, Trace, WaitReason
from npusim.trace.model import Records

IntArray = npt.NDArray[np.int64]

_NONE = -1


def add_pipe_lanes(view: CoreView, cores: Sequence[str]) -> Trace:
    """The trace of ``view`` with a lane for every pipe of the given cores, and their buffers.

    Args:
        view: A simulated trace with its program and chip.
        cores: Lane names, for instance ``AIC[0]``.

    Returns:
        The same run; the new lanes follow the old ones, so no index changes.

    Raises:
        UsageError: If a name is no core lane of the trace, or the trace has pipe lanes already.
    """
    trace = view.trace
    if trace.lane_indices(LaneKind.PIPE):
        msg = "pipe lanes: the trace has some already; expected one without; simulate it again"
        raise UsageError(msg)
    names = _OpNames(view)
    lanes = list(trace.lanes)
    slices: list[Records] = []
    waits: list[Records] = []
    levels: list[Records] = []
    for core in _core_lanes(trace, cores):
        kernels = [(one, one.timeline.picoseconds(one.duration_ps)) for one in view.kernels(core)]
        meter = BufferMeter(view, core)
        for kernel, times in kernels:
            meter.add(kernel, times)
        levels.append(meter.rows())
        for pipe in view.lane_pipes(core):
            lane = _PipeLane(len(lanes), trace.span_ps)
            for kernel, times in kernels:
                if pipe in kernel.pipes:
                    lane.add(kernel, _entries(kernel, times, pipe, names))
            lanes.append(_lane(trace.lanes[core], pipe))
            slices += lane.slices
            waits.append(lane.all_waits())
    parameters = {**trace.info.parameters, "fidelity": "pipe", "pipe_cores": ",".join(cores)}
    return replace(
        trace,
        info=replace(trace.info, parameters=parameters),
        lanes=tuple(lanes),
        waits=np.concatenate([trace.waits, *waits]),
        op_slices=np.concatenate([np.empty(0, OP_SLICE_DTYPE), *slices]),
        op_names=names.names,
        op_sites=view.program.sites,
        buffer_levels=np.concatenate([np.empty(0, BUFFER_DTYPE), *levels]),
    )


def _core_lanes(trace: Trace, cores: Sequence[str]) -> list[int]:
    known = {trace.lanes[one].name: one for one in trace.lane_indices(LaneKind.AIC, LaneKind.AIV)}
    for name in cores:
        if name not in known:
            msg = f"pipe lanes: {name!r} is no core lane of the trace; expected one like AIC[0]"
            raise UsageError(msg)
    return [known[name] for name in cores]


def _lane(core: Lane, pipe: Pipe) -> Lane:
    side, _, name = pipe.name.partition("_")
    assert core.name.startswith(side), f"{pipe.name} is no pipe of {core.name}"
    return Lane(f"{core.name}.{name}", LaneKind.PIPE, core.core_id, core.thread)


class _OpNames:
    """Names of the op table, and again as what the scalar unit issues."""

    def __init__(self, view: CoreView) -> None:
        kinds = [kind.name for kind in view.program.op_kinds]
        self.names = (*kinds, *(f"issue {kind}" for kind in kinds))
        self.first_issue = len(kinds)
        self._view = view

    def operations(self, kernel: Kernel) -> IntArray:
        """For each instruction of a kernel its operation, as an index into the program."""
        start = int(self._view.program.blocks["op_start"][kernel.program_block])
        return kernel.timeline.inputs.op + start

    def columns(self, kernel: Kernel) -> tuple[IntArray, IntArray, IntArray]:
        """For each instruction of a kernel its name, its source line, and the bytes it moves."""
        operations = self.operations(kernel)
        ops = self._view.program.ops[operations]
        has_traffic = [
            step.traffic is not Traffic.NONE for step in kernel.timeline.inputs.stream.step
        ]
        moved = np.where(has_traffic, self._view.lowered.moved_bytes[operations], 0.0)
        return (
            ops["kind"].astype(np.int64),
            ops["site"].astype(np.int64),
            np.rint(moved).astype(np.int64),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Entries:
    """What one pipe does in one kernel, in order; times since the start of the kernel."""

    op: IntArray
    site: IntArray
    nbytes: IntArray
    operands: IntArray
    issued: IntArray
    start: IntArray
    busy_from: IntArray
    end: IntArray


def _entries(kernel: Kernel, times: InstructionTimes, pipe: Pipe, names: _OpNames) -> _Entries:
    chosen = kernel.instructions(pipe)
    op, site, nbytes = names.columns(kernel)
    own = _Entries(
        op[chosen],
        site[chosen],
        nbytes[chosen],
        times.operands[chosen],
        times.issued[chosen],
        times.start[chosen],
        times.busy_from[chosen],
        times.end[chosen],
    )
    issues = np.flatnonzero(kernel.timeline.inputs.scalar_pipe == pipe)
    if not len(issues):
        return own
    # The scalar pipe: every instruction is issued, and then those of its own run.
    starts, ends = times.issue_start[issues], times.issued[issues]
    nothing = np.zeros(len(issues), np.int64)
    issuing = _Entries(
        op[issues] + names.first_issue, site[issues], nothing, nothing, starts, starts, starts, ends
    )
    order = np.argsort(np.concatenate([2 * issues, 2 * chosen + 1]), kind="stable")
    return _Entries(
        *(
            np.concatenate([getattr(issuing, name), getattr(own, name)])[order]
            for name in _Entries.__slots__
        )
    )


@dataclass(slots=True)
class _PipeLane:
    """Collects the slices and waits of one pipe, kernel by kernel."""

    lane: int
    span_ps: tuple[int, int]
    slices: list[Records] = field(default_factory=list)
    waits: list[Records] = field(default_factory=list)
    covered: list[tuple[int, int]] = field(default_factory=list)

    def add(self, kernel: Kernel, entries: _Entries) -> None:
        """What the pipe did in one more kernel."""
        if not len(entries.end):
            return
        rows = np.zeros(len(entries.end), OP_SLICE_DTYPE)
        rows["lane"], rows["task"], rows["block"] = self.lane, kernel.task, kernel.block
        rows["op"], rows["site"], rows["nbytes"] = entries.op, entries.site, entries.nbytes
        rows["start_ps"] = kernel.start_ps + entries.busy_from
        rows["end_ps"] = kernel.start_ps + entries.end
        self.slices.append(rows)
        self.waits += self._waits(kernel, entries)
        self.covered.append((kernel.start_ps, kernel.start_ps + int(entries.end[-1])))

    def _waits(self, kernel: Kernel, entries: _Entries) -> Iterator[Records]:
        free = np.concatenate([[0], entries.end[:-1]])
        # Ready before issued: the last of the wait was for the scalar unit. A mix of two passes
        # may start a little after both; that rest belongs to whichever came last.
        ready = np.clip(entries.operands, free, entries.start)
        cut = np.where(entries.issued > entries.operands, ready, entries.start)
        for reason, start, end in (
            (WaitReason.DEPENDENCY, free, cut),
            (WaitReason.QUEUE, cut, entries.start),
            (WaitReason.MEMORY, entries.start, entries.busy_from),
        ):
            kept = end > start
            yield self._records(
                kernel.start_ps + start[kept], kernel.start_ps + end[kept], reason, kernel.task
            )

    def all_waits(self) -> Records:
        """The waits by start, with NO_WORK for all that no kernel covered."""
        start_ps, end_ps = self.span_ps
        covered = np.asarray(self.covered, np.int64).reshape(-1, 2)
        begin = np.concatenate([[start_ps], covered[:, 1]])
        end = np.concatenate([covered[:, 0], [end_ps]])
        is_gap = end > begin
        no_work = self._records(begin[is_gap], end[is_gap], WaitReason.NO_WORK, _NONE)
        together = np.concatenate([no_work, *self.waits])
        return together[np.argsort(together["start_ps"], kind="stable")]

    def _records(self, start: IntArray, end: IntArray, reason: WaitReason, task: int) -> Records:
        rows = np.zeros(len(start), WAIT_DTYPE)
        rows["lane"], rows["reason"], rows["task"], rows["blamed"] = self.lane, reason, task, _NONE
        rows["start_ps"], rows["end_ps"] = start, end
        return rows

"""Question: what did the run wait for, from its last kernel back to its first?

The observed critical path follows the links of ``npusim.analysis.blame`` backwards. Its segments
tile the span of the run: they add up to the makespan to the picosecond::

    |= compute =|- data_wait -|- dispatch -|= compute =|- core_wait -|- dispatch -|= compute =|
     gather                    ^            qk                        ^            qk
                               dispatched to its core                 dispatched

orchestrator is the time to the submit of a kernel that was bound by it, from the begin of the span
or from the end of the kernel that the orchestrator itself had waited for; front is the time before
the first kernel of the path where the trace does not tell what it waited for.
"""

from dataclasses import dataclass
from enum import StrEnum

from npusim.analysis.accounting import percent_of
from npusim.analysis.blame import BlameLinks, Link, blame_links
from npusim.analysis.columns import count_column, percent_column, run_name, us_column
from npusim.analysis.table import Column, Table
from npusim.trace import Trace
from npusim.units import ps_to_us


class PathKind(StrEnum):
    """What a segment of the path was."""

    COMPUTE = "compute"
    DATA_WAIT = "data_wait"
    CORE_WAIT = "core_wait"
    DISPATCH = "dispatch"
    ORCHESTRATOR = "orchestrator"
    FRONT = "front"


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of the path; ``task`` and ``lane`` are those of the kernel it led to."""

    kind: PathKind
    start_ps: int
    end_ps: int
    task: int
    lane: int

    @property
    def length_ps(self) -> int:
        """Duration."""
        return self.end_ps - self.start_ps


@dataclass(frozen=True, slots=True)
class ObservedPath:
    """The segments in order of time; they tile the span of ``trace``."""

    trace: Trace
    segments: tuple[Segment, ...]

    @property
    def tasks(self) -> tuple[int, ...]:
        """Tasks whose kernels the path goes through, in order."""
        return tuple(one.task for one in self.segments if one.kind is PathKind.COMPUTE)

    def by_scope_and_kind(self) -> dict[tuple[str, PathKind], int]:
        """Picoseconds of each scope and kind, in order of first appearance; sums to makespan."""
        found: dict[tuple[str, PathKind], int] = {}
        for one in self.segments:
            key = (self.trace.tasks[one.task].name, one.kind)
            found[key] = found.get(key, 0) + one.length_ps
        return found

    def by_kind(self) -> dict[PathKind, int]:
        """Picoseconds of each kind; they add up to the makespan."""
        found = dict.fromkeys(PathKind, 0)
        for one in self.segments:
            found[one.kind] += one.length_ps
        return found

    def kind_table(self) -> Table:
        """One row per kind, and their sum, which is the makespan."""
        makespan_ps = self.trace.makespan_ps
        rows = [(str(kind), value) for kind, value in self.by_kind().items()]
        rows.append(("makespan", makespan_ps))
        columns = (Column("segment"), us_column("time"), percent_column("share"))
        return Table(
            f"Critical path by kind, {run_name(self.trace)}",
            columns,
            tuple((name, ps_to_us(ps), percent_of(ps, makespan_ps)) for name, ps in rows),
        )

    def segment_table(self) -> Table:
        """Every segment, in order of time; ``start_us`` counts from the begin of the run."""
        columns = (
            Column("start_us", "us", ".3f"),
            Column("length_us", "us", ".3f"),
            Column("segment"),
            count_column("task_id"),
            Column("scope"),
            Column("lane"),
        )
        tasks, lanes = self.trace.tasks, self.trace.lanes
        rows = tuple(
            (
                ps_to_us(one.start_ps),
                ps_to_us(one.length_ps),
                str(one.kind),
                tasks[one.task].task_id,
                tasks[one.task].name,
                lanes[one.lane].name,
            )
            for one in self.segments
        )
        return Table(f"Critical path, {run_name(self.trace)}", columns, rows)


def observed_path(trace: Trace, links: BlameLinks | None = None) -> ObservedPath:
    """The path to the kernel of ``trace`` that ended last (of equal ones, on the first lane).

    Args:
        trace: A run or a capture; of a capture the path knows as much as its level holds.
        links: Those of ``trace``, where they are at hand.
    """
    if not len(trace.slices):
        return ObservedPath(trace, ())
    found = links or blame_links(trace)
    row = int(found.slices["end_ps"].argmax())
    begin_ps = trace.span_ps[0]
    back: list[Segment] = []
    while row >= 0:
        one = found.slices[row]
        task, lane, start_ps = int(one["task"]), int(one["lane"]), int(one["start_ps"])
        end_ps = int(one["end_ps"]) if not back else back[-1].start_ps
        back.append(Segment(PathKind.COMPUTE, start_ps, end_ps, task, lane))
        moment_ps, link = int(found.moment_ps[row]), Link(int(found.link[row]))
        back += reversed(_gap(link, moment_ps, start_ps, int(one["dispatch_ps"]), task, lane))
        row = int(found.previous[row])
        if row < 0 and moment_ps > begin_ps:
            back.append(Segment(PathKind.ORCHESTRATOR, begin_ps, moment_ps, task, lane))
        elif row >= 0 and moment_ps > int(found.slices["end_ps"][row]):
            # A dummy lies between, or the orchestrator went on to submit after that kernel.
            end_ps = int(found.slices["end_ps"][row])
            is_submit = link is Link.ORCHESTRATOR
            kind = PathKind.ORCHESTRATOR if is_submit else PathKind.DATA_WAIT
            back.append(Segment(kind, end_ps, moment_ps, task, lane))
    return ObservedPath(trace, tuple(one for one in reversed(back) if one.length_ps))


_WAITING = {
    Link.DATA: PathKind.DATA_WAIT,
    Link.CORE: PathKind.CORE_WAIT,
    Link.ORCHESTRATOR: PathKind.DISPATCH,
    Link.FRONT: PathKind.FRONT,
}


def _gap(
    link: Link, moment_ps: int, start_ps: int, dispatch_ps: int, task: int, lane: int
) -> list[Segment]:
    """From the binding moment to the start: the wait, then from the dispatch on the dispatch."""
    cut_ps = dispatch_ps if moment_ps < dispatch_ps < start_ps else start_ps
    return [
        Segment(_WAITING[link], moment_ps, cut_ps, task, lane),
        Segment(PathKind.DISPATCH, cut_ps, start_ps, task, lane),
    ]

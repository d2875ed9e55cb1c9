"""When each task began and ended, and which predecessor kept it waiting longest.

A dummy runs on no core: it ends when the trace says so (its DUMMY phase, or when it became ready),
or else when its last predecessor does.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.trace import NO_TIME, PhaseKind, Trace

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TaskMoments:
    """Columns over the tasks of a trace; picoseconds, ``NO_TIME`` where there is none.

    Attributes:
        start_ps: (tasks,) first kernel start.
        end_ps: (tasks,) last kernel end; of a dummy, when it completed.
        dependency_ps: (tasks,) when the last predecessor ended; ``NO_TIME`` without predecessors.
        last_predecessor: (tasks,) the predecessor that ended last, the later submitted of two that
            ended together, or -1.
        submit_end_ps: (tasks,) end of the submit.
        ready_ps: (tasks,) entry into a ready queue.
    """

    start_ps: Ints
    end_ps: Ints
    dependency_ps: Ints
    last_predecessor: Ints
    submit_end_ps: Ints
    ready_ps: Ints


def task_moments(trace: Trace) -> TaskMoments:
    """The moments of every task of ``trace``."""
    count, slices = len(trace.tasks), trace.slices
    never = np.iinfo(np.int64).max
    start_ps = np.full(count, never, np.int64)
    np.minimum.at(start_ps, slices["task"], slices["start_ps"])
    start_ps[start_ps == never] = NO_TIME
    ready_ps = np.array([task.ready_ps for task in trace.tasks], np.int64)
    end_ps = _end_times(trace, ready_ps)
    pairs = np.stack([trace.edges["pred"], trace.edges["succ"]], axis=1).astype(np.int64)
    dependency_ps, last = last_predecessors(count, pairs, end_ps)
    return TaskMoments(
        start_ps=start_ps,
        end_ps=end_ps,
        dependency_ps=dependency_ps,
        last_predecessor=last,
        submit_end_ps=np.array([task.submit_end_ps for task in trace.tasks], np.int64),
        ready_ps=ready_ps,
    )


def last_predecessors(task_count: int, edges: Ints, end_ps: Ints) -> tuple[Ints, Ints]:
    """When the last predecessor of each task ended, and which one it was.

    Shapes: edges (n, 2) predecessor and successor, end_ps (tasks,) → two of (tasks,).
    """
    dependency_ps = np.full(task_count, NO_TIME, np.int64)
    last = np.full(task_count, -1, np.int64)
    if len(edges):
        pred, succ = edges[:, 0], edges[:, 1]
        order = np.lexsort((pred, end_ps[pred], succ))
        pred, succ = pred[order], succ[order]
        is_last = np.append(succ[1:] != succ[:-1], True)
        last[succ[is_last]] = pred[is_last]
        dependency_ps[succ[is_last]] = end_ps[pred[is_last]]
    return dependency_ps, last


def _end_times(trace: Trace, ready_ps: Ints) -> Ints:
    end_ps = np.full(len(trace.tasks), NO_TIME, np.int64)
    np.maximum.at(end_ps, trace.slices["task"], trace.slices["end_ps"])
    has_kernel = np.zeros(len(end_ps), np.bool_)
    has_kernel[trace.slices["task"]] = True
    phases = trace.phases[trace.phases["kind"] == PhaseKind.DUMMY]
    phases = phases[phases["task"] >= 0]
    np.maximum.at(
        end_ps, phases["task"], np.where(has_kernel[phases["task"]], -1, phases["end_ps"])
    )
    unknown = np.flatnonzero(end_ps == NO_TIME)
    end_ps[unknown] = ready_ps[unknown]
    return _passed_on(trace, end_ps)


def _passed_on(trace: Trace, end_ps: Ints) -> Ints:
    """Fill in the ends of dummies of which the trace says nothing, from their predecessors."""
    open_tasks = np.flatnonzero(end_ps == NO_TIME).tolist()
    if not open_tasks:
        return end_ps
    predecessors: dict[int, list[int]] = {task: [] for task in open_tasks}
    is_open = np.isin(trace.edges["succ"], open_tasks)
    for pred, succ in trace.edges[is_open][["pred", "succ"]].tolist():
        predecessors[succ].append(pred)
    changed = True
    while changed:  # one round where edges run forward, as they nearly always do
        changed = False
        for task in open_tasks:
            ends = max((int(end_ps[one]) for one in predecessors[task]), default=NO_TIME)
            if ends > end_ps[task]:
                end_ps[task], changed = ends, True
    return end_ps

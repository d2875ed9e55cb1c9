"""Question: how many cores work at a time, and on what?"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.analysis.accounting import scopes_by_task
from npusim.trace import LaneKind, Trace

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CoreCounts:
    """Busy cores of one type over time, by scope.

    Counts are constant between two moments::

        moments_ps   t0      t1          t2
        counts       | 3 qk  | 5 qk 1 pv |

    Attributes:
        core_type: AIC or AIV.
        lanes: Cores of this type in the trace, used or not.
        scopes: Scopes that ran on them, in order of submission.
        moments_ps: (n + 1,) where a count changes, rising; empty without slices.
        counts: (scopes, n) busy cores from each moment to the next.
    """

    core_type: LaneKind
    lanes: int
    scopes: tuple[str, ...]
    moments_ps: Ints
    counts: Ints

    @property
    def busy_ps(self) -> int:
        """Core time under the counts: the busy time of all cores, exactly."""
        return int((self.counts * np.diff(self.moments_ps)).sum())

    def mean_in(self, edges_ps: Ints) -> Floats:
        """(scopes, bins) mean busy cores between each two of ``edges_ps``, which rise.

        Exact: every slice counts by the part of the bin that it covers.
        """
        if not len(self.moments_ps):
            return np.zeros((len(self.scopes), len(edges_ps) - 1))
        spent = np.zeros((len(self.scopes), len(self.moments_ps)))
        np.cumsum(self.counts * np.diff(self.moments_ps), axis=1, out=spent[:, 1:])
        at_edges = np.array([np.interp(edges_ps, self.moments_ps, row) for row in spent])
        mean: Floats = np.diff(at_edges.reshape(len(spent), -1), axis=1) / np.diff(edges_ps)
        return mean


def core_counts(trace: Trace, core_type: LaneKind) -> CoreCounts:
    """How many cores of ``core_type`` ran each scope, at every moment of the run."""
    lanes = trace.lane_indices(core_type)
    slices = trace.slices[np.isin(trace.slices["lane"], lanes)]
    names, scope_of = scopes_by_task(trace)
    used, scope = np.unique(scope_of[slices["task"]], return_inverse=True)
    moments = np.unique(np.concatenate([slices["start_ps"], slices["end_ps"]]))
    change = np.zeros((len(used), len(moments)), np.int64)
    np.add.at(change, (scope, np.searchsorted(moments, slices["start_ps"])), 1)
    np.add.at(change, (scope, np.searchsorted(moments, slices["end_ps"])), -1)
    return CoreCounts(
        core_type=core_type,
        lanes=len(lanes),
        scopes=tuple(names[index] for index in used.tolist()),
        moments_ps=moments,
        counts=np.cumsum(change, axis=1)[:, :-1],
    )

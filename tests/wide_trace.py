"""A trace of the size that a long run has: every core lane full of short kernels.

``TraceBuilder`` says each slice by hand; here they are columns, so that 20,000 take no time.
"""

import numpy as np

from npusim.trace import (
    EDGE_DTYPE,
    PHASE_DTYPE,
    SLICE_DTYPE,
    WAIT_DTYPE,
    EdgeSource,
    LaneKind,
    PhaseKind,
    Trace,
    TraceInfo,
    TraceTask,
    WaitReason,
)
from tests.trace_builder import device_lanes

SCOPES = ("gather", "qk", "softmax", "pv", "merge", "norm", "rope", "project", "quant", "store")
_US = 10**6  # picoseconds
_SCHEDULERS = 3


def wide_trace(slices: int = 20_000, *, aic: int = 24, aiv: int = 48, seed: int = 0) -> Trace:
    """``slices`` kernels of one task each, spread over all lanes; two waits before each.

    Every task waits for two that ended before it started, and has three phases of scheduler work.
    """
    random = np.random.default_rng(seed)
    kinds = [LaneKind.AIC] * aic + [LaneKind.AIV] * aiv
    lane = np.arange(slices) % len(kinds)
    gap = random.integers(_US // 2, 4 * _US, slices)
    length = random.integers(2 * _US, 12 * _US, slices)
    start, end = np.zeros(slices, np.int64), np.zeros(slices, np.int64)
    for index in range(len(kinds)):
        own = lane == index
        ends = np.cumsum(gap[own] + length[own])
        start[own], end[own] = ends - length[own], ends
    order = np.argsort(start, kind="stable")
    lane, gap, start, end = lane[order], gap[order], start[order], end[order]
    tasks = np.arange(slices)
    scopes = (start * len(SCOPES) // (start.max() + 1)).astype(np.int64)
    edges = _edges(random, start, end)
    return Trace(
        TraceInfo("wide", "default", "a2a3", "simulated", 50, 4),
        tuple(device_lanes(aic, aiv, _SCHEDULERS)),
        tuple(
            TraceTask(int(i), int(scope), SCOPES[scope], str(kinds[lane[i]]), 1)
            for i, scope in enumerate(scopes)
        ),
        _columns(
            SLICE_DTYPE,
            lane=lane,
            task=tasks,
            dispatch_ps=start - gap // 4,
            receive_ps=start - gap // 8,
            start_ps=start,
            end_ps=end,
            finish_ps=end,
        ),
        _waits(lane, tasks, gap, start, end, edges),
        _phases(start, len(kinds)),
        edges,
    )


def _columns(dtype, **columns):
    rows = np.zeros(len(next(iter(columns.values()))), dtype)
    for name, values in columns.items():
        rows[name] = values
    return rows


def _edges(random, start, end):
    by_end = np.argsort(end, kind="stable")
    ended = np.searchsorted(end[by_end], start, side="right")
    succ = np.repeat(np.flatnonzero(ended), 2)
    pred = by_end[(random.random(len(succ)) ** 0.05 * ended[succ]).astype(np.int64)]
    return _columns(EDGE_DTYPE, pred=pred, succ=succ, source=np.full(len(succ), EdgeSource.REGION))


def _waits(lane, tasks, gap, start, end, edges):
    span_start, span_end = int(start.min()), int(end.max())
    begin = np.maximum(start - gap, span_start)  # no lane waits before the run begins
    cut = np.maximum(start - gap // 4, span_start)
    blamed = np.full(len(start), -1)
    blamed[edges["succ"]] = edges["pred"]
    last = np.zeros(lane.max() + 1, np.int64)
    np.maximum.at(last, lane, end)
    idle = np.arange(len(last))
    parts = [
        (lane, begin, cut, WaitReason.DEPENDENCY, tasks, blamed),
        (lane, cut, start, WaitReason.DISPATCH, tasks, np.full(len(start), -1)),
        (idle, last, span_end, WaitReason.NO_WORK, -1, -1),
    ]
    names = ("lane", "start_ps", "end_ps", "reason", "task", "blamed")
    rows = np.concatenate(
        [_columns(WAIT_DTYPE, **dict(zip(names, part, strict=True))) for part in parts]
    )
    return rows[rows["end_ps"] > rows["start_ps"]]


def _phases(start, cores):
    """Each of three threads in turn completes, resolves and dispatches; the fourth submits."""
    step = int(start.max()) // (len(start) + 1)
    turn = np.arange(len(start)) * step
    length = step * 2 // 3
    return np.concatenate(
        [
            _columns(
                PHASE_DTYPE,
                lane=cores + np.arange(len(start)) % _SCHEDULERS,
                kind=kind,
                start_ps=turn + a * length,
                end_ps=turn + b * length,
                task=-1,
                count=1,
            )
            for kind, a, b in (
                (np.full(len(start), PhaseKind.COMPLETE), 0, 2),
                (np.full(len(start), PhaseKind.RESOLVE), 0, 1),
                (np.full(len(start), PhaseKind.DISPATCH), 2, 3),
            )
        ]
        + [
            _columns(
                PHASE_DTYPE,
                lane=np.full(len(start), cores + _SCHEDULERS),
                kind=PhaseKind.SUBMIT,
                start_ps=turn,
                end_ps=turn + step // 2,
                task=np.arange(len(start)),
            )
        ]
    )

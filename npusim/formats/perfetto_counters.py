"""Counter tracks: queue depths of the schedulers, and the traffic of the cores looked into."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from npusim.formats.perfetto_time import viewer_us
from npusim.trace import PhaseKind, Trace
from npusim.units import PS_PER_NS

Event = dict[str, Any]

_QUEUES = ("AIC", "AIV", "MIX")
_QUEUE_KINDS = (PhaseKind.COMPLETE, PhaseKind.DISPATCH)


def queue_depth_events(trace: Trace, pid: int) -> Iterable[Event]:
    """Ready queue depths whenever they change; all scheduler threads share the queues."""
    phases = trace.phases[np.isin(trace.phases["kind"], _QUEUE_KINDS)]
    phases = phases[np.lexsort((phases["start_ps"], phases["end_ps"], phases["lane"]))]
    times = np.stack([phases["start_ps"], phases["end_ps"]], axis=1).ravel().tolist()
    depths = np.stack([phases["ready_start"], phases["ready_end"]], axis=1).reshape(-1, 3).tolist()
    last = None
    for time_ps, found in sorted(zip(times, depths, strict=True), key=lambda sample: sample[0]):
        if found != last:
            yield _counter(pid, "ready queue", time_ps, dict(zip(_QUEUES, found, strict=True)))
        last = found


def traffic_events(trace: Trace, pid: int) -> Iterable[Event]:
    """Bytes per ns that the shown pipes move between cores and global memory, at every change.

    An instruction moves its bytes evenly over its time. Only cores with pipe lanes count, so this
    is the traffic of the chip only where all cores were looked into.
    """
    rows = trace.op_slices[trace.op_slices["nbytes"] > 0]
    lengths_ps = rows["end_ps"] - rows["start_ps"]
    rows, lengths_ps = rows[lengths_ps > 0], lengths_ps[lengths_ps > 0]
    if not len(rows):
        return
    rates = rows["nbytes"] / lengths_ps * PS_PER_NS
    times = np.concatenate([rows["start_ps"], rows["end_ps"]])
    changes = np.concatenate([rates, -rates])
    moments, index = np.unique(times, return_inverse=True)
    totals = np.zeros(len(moments))
    np.add.at(totals, index, changes)
    # Rates cancel exactly only on paper: what floating point leaves is no traffic.
    running = np.maximum(np.round(np.cumsum(totals), 3), 0.0)
    cores = len({trace.lanes[lane].core_id for lane in np.unique(trace.op_slices["lane"])})
    name = f"GM traffic of {cores} cores, bytes per ns"
    last = None
    for time_ps, value in zip(moments.tolist(), running.tolist(), strict=True):
        if value != last:
            yield _counter(pid, name, time_ps, {"bytes_per_ns": value})
        last = value


def _counter(pid: int, name: str, time_ps: int, values: dict[str, Any]) -> Event:
    return {
        "ph": "C",
        "pid": pid,
        "tid": 0,
        "name": name,
        "ts": viewer_us(time_ps),
        "args": values,
    }

"""Counter tracks: queue depths, rings, traffic and buffers of the cores looked into."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from npusim.formats.perfetto_time import viewer_us
from npusim.trace import NO_TIME, RING_COUNTERS, OnChipBuffer, PhaseKind, Trace
from npusim.units import PS_PER_NS

Event = dict[str, Any]

_QUEUES = ("AIC", "AIV", "MIX")
_QUEUE_KINDS = (PhaseKind.COMPLETE, PhaseKind.DISPATCH)
_RING_TRACKS = ("task slots", "heap bytes", "dependency entries")
"""By resource, in the order of ``RING_COUNTERS``."""


def queue_depth_events(trace: Trace, pid: int) -> Iterable[Event]:
    """Ready queue depths whenever they change; all scheduler threads share the queues."""
    phases = trace.phases[np.isin(trace.phases["kind"], _QUEUE_KINDS)]
    phases = phases[np.lexsort((phases["start_ps"], phases["end_ps"], phases["lane"]))]
    times = np.stack([phases["start_ps"], phases["end_ps"]], axis=1).ravel().tolist()
    depths = np.stack([phases["ready_start"], phases["ready_end"]], axis=1).reshape(-1, 3).tolist()
    samples = sorted(zip(times, depths, strict=True), key=lambda sample: sample[0])
    named = ((time_ps, dict(zip(_QUEUES, found, strict=True))) for time_ps, found in samples)
    yield from _on_change(pid, "ready queue", named)


def ring_events(trace: Trace, pid: int) -> Iterable[Event]:
    """What each ring holds of each resource, at every change; rings that hold nothing are left out.

    A run that did not watch its rings has none, and neither has a capture of a device, whose
    samples have no times.
    """
    for ring in range(len(trace.rings.limits)):
        rows = trace.rings.of_ring(ring)
        rows = rows[rows["time_ps"] != NO_TIME]
        for resource, (freed, taken) in zip(_RING_TRACKS, RING_COUNTERS, strict=True):
            held = rows[taken] - rows[freed]
            if held.any():
                samples = zip(rows["time_ps"].tolist(), held.tolist(), strict=True)
                named = ((time_ps, {"held": value}) for time_ps, value in samples)
                yield from _on_change(pid, f"ring {ring} {resource}", named)


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
    samples = zip(moments.tolist(), running.tolist(), strict=True)
    named = ((time_ps, {"bytes_per_ns": rate}) for time_ps, rate in samples)
    yield from _on_change(pid, name, named)


def buffer_events(trace: Trace, pid: int) -> Iterable[Event]:
    """Live bytes of the on-chip buffers of the cores looked into, at every change."""
    rows = trace.buffer_levels
    for lane in np.unique(rows["lane"]).tolist():
        for buffer in OnChipBuffer:
            own = rows[(rows["lane"] == lane) & (rows["buffer"] == buffer)]
            name = f"{trace.lanes[lane].name} {buffer.name} bytes"
            samples = zip(own["time_ps"].tolist(), own["nbytes"].tolist(), strict=True)
            named = ((time_ps, {"live": nbytes}) for time_ps, nbytes in samples)
            yield from _on_change(pid, name, named)


def _on_change(
    pid: int, name: str, samples: Iterable[tuple[int, dict[str, Any]]]
) -> Iterable[Event]:
    """A sample wherever the values are others than before."""
    last = None
    for time_ps, values in samples:
        if values != last:
            yield _counter(pid, name, time_ps, values)
        last = values


def _counter(pid: int, name: str, time_ps: int, values: dict[str, Any]) -> Event:
    return {
        "ph": "C",
        "pid": pid,
        "tid": 0,
        "name": name,
        "ts": viewer_us(time_ps),
        "args": values,
    }

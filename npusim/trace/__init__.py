"""Contract 2: what ran where and when, and why not sooner.

Owns lanes, slices, waits and edges, their invariants and their file. A capture from a real chip is
the same type as a simulated run. Refuses to know the simulator, hardware figures and pictures.
"""

from npusim.trace.buffers import BUFFER_DTYPE, OnChipBuffer
from npusim.trace.counters import COUNTER_DTYPE
from npusim.trace.file import load_trace, save_trace
from npusim.trace.model import (
    EDGE_DTYPE,
    NO_TIME,
    PHASE_DTYPE,
    SLICE_DTYPE,
    WAIT_DTYPE,
    EdgeSource,
    Lane,
    LaneKind,
    PhaseKind,
    Trace,
    TraceInfo,
    TraceTask,
    WaitReason,
)
from npusim.trace.pipes import OP_SLICE_DTYPE, core_of_pipe
from npusim.trace.rings import (
    NO_COUNT,
    RING_COUNTERS,
    RING_DTYPE,
    RingEvent,
    RingLimits,
    RingScope,
    RingUse,
)

__all__ = [
    "BUFFER_DTYPE",
    "COUNTER_DTYPE",
    "EDGE_DTYPE",
    "NO_COUNT",
    "NO_TIME",
    "OP_SLICE_DTYPE",
    "PHASE_DTYPE",
    "RING_COUNTERS",
    "RING_DTYPE",
    "SLICE_DTYPE",
    "WAIT_DTYPE",
    "EdgeSource",
    "Lane",
    "LaneKind",
    "OnChipBuffer",
    "PhaseKind",
    "RingEvent",
    "RingLimits",
    "RingScope",
    "RingUse",
    "Trace",
    "TraceInfo",
    "TraceTask",
    "WaitReason",
    "core_of_pipe",
    "load_trace",
    "save_trace",
]

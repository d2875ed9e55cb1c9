"""Durations of tile operations, transfers and runtime work, from the figures of a chip.

Owns the formulas and nothing else: cycles of the core clock for what a core does, nanoseconds for
what the AICPU does. Refuses to know the clock, the order of things, and who else is running.
"""

from npusim.cost.cube import MatmulStep, drain_cycles, matmul_steps, narrow_rows_cycles
from npusim.cost.runtime import resolve_ns, submit_ns
from npusim.cost.scalar import scalar_read_cycles, scalar_write_cycles
from npusim.cost.transfer import (
    Bursts,
    access_bursts,
    effective_bytes,
    latency_cycles,
    server_cycles,
    write_cycles,
)
from npusim.cost.vector import VectorCost, vector_cost

__all__ = [
    "Bursts",
    "MatmulStep",
    "VectorCost",
    "access_bursts",
    "drain_cycles",
    "effective_bytes",
    "latency_cycles",
    "matmul_steps",
    "narrow_rows_cycles",
    "resolve_ns",
    "scalar_read_cycles",
    "scalar_write_cycles",
    "server_cycles",
    "submit_ns",
    "vector_cost",
    "write_cycles",
]

"""Who runs when: a recording on the cores, the memory and the runtime of a chip.

Owns the clock (integer picoseconds, SimPy), the core model, shared bandwidth, the orchestrator and
the schedulers. Refuses to know what a kernel computes, how dependencies are found, and what anybody
does with the trace.
"""

from npusim.simulator.engine import simulate
from npusim.simulator.options import SimulationOptions

__all__ = ["SimulationOptions", "simulate"]

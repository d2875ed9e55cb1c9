"""Who runs when: a recording on the cores, the memory and the runtime of a chip.

Owns the clock (integer picoseconds), the core model and shared bandwidth (SimPy), the orchestrator
and the schedulers (a heap of calls), and other policies to schedule by. Refuses to know what a
kernel computes, how dependencies are found, and what anybody does with the trace.
"""

from npusim.simulator.engine import simulate
from npusim.simulator.options import SimulationOptions
from npusim.simulator.ring_sizes import RingSizes
from npusim.simulator.runtime import simulate_runtime
from npusim.simulator.work import RuntimeWork

__all__ = ["RingSizes", "RuntimeWork", "SimulationOptions", "simulate", "simulate_runtime"]

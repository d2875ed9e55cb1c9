"""No overhead at all: a task starts the moment its predecessors have ended and a core is free.

Tasks are taken in the order in which they became ready, ties in submission order, the first free
core first. It is the makespan that a runtime without cost would reach with the same greedy order.
"""

from npusim.hardware.spec import ChipSpec
from npusim.simulator.greedy import GreedyScheduler
from npusim.simulator.kernels import Kernels
from npusim.simulator.options import SimulationOptions
from npusim.simulator.policies.registry import Policy
from npusim.simulator.work import RuntimeWork
from npusim.trace import Trace


def _run(work: RuntimeWork, chip: ChipSpec, options: SimulationOptions, kernels: Kernels) -> Trace:
    return GreedyScheduler(work, chip, options, kernels).run()


POLICY = Policy("ideal", "no overhead: tasks start when data and cores are there", _run)

"""The device runtime on a graph that the host has built before: every AICPU thread schedules.

There is no orchestrator, so nothing is submitted late and no ring fills; the clusters are shared
out among one thread more. What the host needed to build the graph is not part of the run.
"""

from npusim.hardware.spec import ChipSpec
from npusim.simulator.device_runtime import run_device
from npusim.simulator.kernels import Kernels
from npusim.simulator.options import SimulationOptions
from npusim.simulator.policies.registry import Policy
from npusim.simulator.work import RuntimeWork
from npusim.trace import Trace


def _run(work: RuntimeWork, chip: ChipSpec, options: SimulationOptions, kernels: Kernels) -> Trace:
    topology = chip.topology
    return run_device(
        work,
        chip,
        options,
        kernels,
        threads=topology.scheduler_thread_count + topology.orchestrator_thread_count,
        is_orchestrated=False,
    )


POLICY = Policy("host_build_graph", "the graph is built before; all threads schedule", _run)

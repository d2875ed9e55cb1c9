"""The runtime of the device: an orchestrator submits while scheduler threads dispatch.

Source: HARDWARE.md sections 1 and 6.
"""

from npusim.hardware.spec import ChipSpec
from npusim.simulator.device_runtime import run_device
from npusim.simulator.kernels import Kernels
from npusim.simulator.options import SimulationOptions
from npusim.simulator.policies.registry import Policy
from npusim.simulator.work import RuntimeWork
from npusim.trace import Trace


def _run(work: RuntimeWork, chip: ChipSpec, options: SimulationOptions, kernels: Kernels) -> Trace:
    return run_device(
        work,
        chip,
        options,
        kernels,
        threads=chip.topology.scheduler_thread_count,
        is_orchestrated=True,
    )


POLICY = Policy(
    "tensormap_and_ringbuffer",
    "the device runtime: submits while it schedules",
    _run,
    has_rings=True,
)

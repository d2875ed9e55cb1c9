"""One simulation of a recorded program from start to end."""

from typing import TYPE_CHECKING

from npusim.hardware.spec import ChipSpec
from npusim.program import Program
from npusim.simulator.catalog import ProfileCatalog
from npusim.simulator.kernels import MachineKernels
from npusim.simulator.options import SimulationOptions
from npusim.simulator.program_work import work_of_program
from npusim.simulator.runtime import run_policy
from npusim.trace import Trace

if TYPE_CHECKING:
    from npusim.dependencies import TaskGraph


def simulate(
    program: Program,
    graph: "TaskGraph",
    chip: ChipSpec,
    options: SimulationOptions | None = None,
) -> Trace:
    """Replay a recording on a chip and record who ran when, and why not sooner.

    Args:
        program: What the kernel did; task ids count from 0 in submission order.
        graph: Which task waits for which, and what finding that out costs the orchestrator.
        chip: The chip.
        options: Choices of this simulation; the defaults if None.

    Returns:
        The trace; the same bytes for the same input, in any process.

    Raises:
        BufferOverflowError: If the tiles of a block do not fit the buffers of a core.
        DeadlockError: If tasks are left and nothing more can happen, or a ring can never drain.
        HardwareSpecError: If the chip lacks figures for an operation.
        NpuSimError: If an operation has no timing model, or task ids do not fit the graph.
        UsageError: If the policy is unknown.
    """
    options = options or SimulationOptions()
    work = work_of_program(program, graph, chip)
    catalog = ProfileCatalog(program, chip, memoise=options.memoise)
    profiles = [catalog.profile(block) for block in range(len(program.blocks))]
    kernels = MachineKernels(profiles, catalog.ladder.free)
    return run_policy(work, chip, options, kernels)

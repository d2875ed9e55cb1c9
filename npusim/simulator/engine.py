"""One simulation from start to end."""

from typing import TYPE_CHECKING

import simpy

from npusim.hardware.spec import ChipSpec
from npusim.program import Program
from npusim.simulator.bandwidth import MemoryServer
from npusim.simulator.catalog import ProfileCatalog
from npusim.simulator.deadlock import check_all_complete
from npusim.simulator.device import Device
from npusim.simulator.options import SimulationOptions
from npusim.simulator.orchestrator import Orchestrator
from npusim.simulator.recording import build_trace
from npusim.simulator.runtime_state import RuntimeState
from npusim.simulator.scheduler import SchedulerThread
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
        DeadlockError: If tasks are left and nothing more can happen.
        HardwareSpecError: If the chip lacks figures for an operation.
        NpuSimError: If an operation has no timing model, or task ids do not fit the graph.
    """
    options = options or SimulationOptions()
    catalog = ProfileCatalog(program, chip, memoise=options.memoise)
    profiles = [catalog.profile(block) for block in range(len(program.blocks))]
    env = simpy.Environment(initial_time=0)
    state = RuntimeState(env, program, graph, chip)
    device = Device(state, profiles, MemoryServer(env, catalog.ladder.free), options)
    threads = chip.topology.scheduler_thread_count
    first_lane = len(state.cores)
    for thread in range(threads):
        env.process(SchedulerThread(state, device, thread, first_lane + thread).process())
    orchestrator = Orchestrator(state, program, graph, first_lane + threads)
    env.process(orchestrator.process())
    # The threads never return: they sleep when nothing is left, and the run ends.
    env.run()
    check_all_complete(state.tasks, state.now_ps, orchestrator.waits_for)
    return build_trace(state, program, graph, options)

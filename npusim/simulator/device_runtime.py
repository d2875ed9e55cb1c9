"""One run of the device runtime: threads around shared state, until nothing is left."""

from npusim.hardware.spec import ChipSpec
from npusim.simulator.deadlock import check_all_complete
from npusim.simulator.kernels import Kernels
from npusim.simulator.options import SimulationOptions
from npusim.simulator.orchestrator import Orchestrator
from npusim.simulator.recording import build_trace, outcome_of
from npusim.simulator.runtime_state import RuntimeState
from npusim.simulator.scheduler import SchedulerThread
from npusim.simulator.work import RuntimeWork
from npusim.trace import Trace


def run_device(
    work: RuntimeWork,
    chip: ChipSpec,
    options: SimulationOptions,
    kernels: Kernels,
    *,
    threads: int,
    is_orchestrated: bool,
) -> Trace:
    """Run the work under ``threads`` scheduler threads.

    Args:
        work: The tasks.
        chip: The chip.
        options: Observers, early dispatch, warm-up.
        kernels: How long kernels run.
        threads: Scheduler threads; the clusters are shared out among them round robin.
        is_orchestrated: Submit the tasks one by one; if not, all of them are there at time 0.

    Raises:
        DeadlockError: If tasks are left and nothing more can happen, or a ring can never drain.
    """
    state = RuntimeState(work, chip, options, kernels, threads)
    first_lane = len(state.cores)
    state.threads = [
        SchedulerThread(state, thread, first_lane + thread) for thread in range(threads)
    ]
    orchestrator = Orchestrator(state, first_lane + threads)
    if is_orchestrated:
        orchestrator.start()
    else:
        _submit_all(state)
    kernels.run()
    for thread in state.threads:
        thread.phases.close()
    check_all_complete(
        state.tasks, state.clock.now_ps, orchestrator.waits_for, orchestrator.waits_in
    )
    return build_trace(
        work,
        chip,
        options,
        state.cores,
        outcome_of(state.tasks),
        state.log,
        threads=threads,
        rings=state.rings.use(),
    )


def _submit_all(state: RuntimeState) -> None:
    """The graph is there when the run begins."""
    for task in state.tasks:
        task.submit_start_ps = task.submit_end_ps = 0
    for task in state.tasks:
        state.wire(task)

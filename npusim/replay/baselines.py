"""Policies that need no runtime: lower overhead than any real one, to measure the others by."""

from collections.abc import Callable

from npusim.analysis.schedules import ListRule, Schedule, list_schedule, zero_gap
from npusim.analysis.work_graph import WorkGraph
from npusim.errors import UsageError
from npusim.hardware.spec import ChipSpec
from npusim.replay.graph import graph_of_work
from npusim.replay.placed import placed_trace
from npusim.simulator import SimulationOptions
from npusim.simulator.kernels import Kernels
from npusim.simulator.policies import Policy, register_policy
from npusim.simulator.work import RuntimeWork
from npusim.trace import Trace

ZERO_GAP = "zero_gap"
LIST_READY = "list_ready"
LIST_PATH = "list_path"

_Scheduler = Callable[[WorkGraph], Schedule]


def _zero_gap(
    work: RuntimeWork, chip: ChipSpec, options: SimulationOptions, kernels: Kernels
) -> Trace:
    """Same core, same order, no gaps."""
    del kernels  # fixed: the durations stand in the work
    if work.captured is None:
        msg = (
            f"policy {ZERO_GAP}: the work of {work.kernel or 'this kernel'} has no captured cores "
            "to keep; expected a replay of a run or capture; use npusim replay"
        )
        raise UsageError(msg)
    return _placed(work, chip, options, zero_gap)


def _list_ready(
    work: RuntimeWork, chip: ChipSpec, options: SimulationOptions, kernels: Kernels
) -> Trace:
    """Greedy, longest ready first."""
    del kernels
    return _placed(work, chip, options, lambda graph: list_schedule(graph, ListRule.READY))


def _list_path(
    work: RuntimeWork, chip: ChipSpec, options: SimulationOptions, kernels: Kernels
) -> Trace:
    """Greedy, longest remaining chain first."""
    del kernels
    return _placed(work, chip, options, lambda graph: list_schedule(graph, ListRule.PATH))


def _placed(
    work: RuntimeWork,
    chip: ChipSpec,
    options: SimulationOptions,
    scheduler: _Scheduler,
) -> Trace:
    if work.durations_ps is None:
        msg = (
            f"policy {options.policy}: kernel durations depend on when kernels run; expected "
            "fixed ones, as in a replay; use npusim replay"
        )
        raise UsageError(msg)
    graph = graph_of_work(work, chip)
    return placed_trace(work, graph, scheduler(graph), chip=chip, options=options)


for _policy in (
    Policy(
        ZERO_GAP,
        "every block on its core and in its order, without gaps",
        _zero_gap,
        is_replay_only=True,
    ),
    Policy(
        LIST_READY,
        "greedy without overhead: the block that was ready first",
        _list_ready,
        is_replay_only=True,
    ),
    Policy(
        LIST_PATH,
        "greedy without overhead: the block with the longest chain",
        _list_path,
        is_replay_only=True,
    ),
):
    register_policy(_policy)

"""Simulate work whose kernels take fixed times, without a program."""

from npusim.errors import NpuSimError
from npusim.hardware.spec import ChipSpec
from npusim.simulator.kernels import FixedKernels, Kernels
from npusim.simulator.options import SimulationOptions
from npusim.simulator.policies import check_parameters, find_policy
from npusim.simulator.work import RuntimeWork
from npusim.trace import Trace


def simulate_runtime(
    work: RuntimeWork, chip: ChipSpec, options: SimulationOptions | None = None
) -> Trace:
    """Schedule tasks of known durations on a chip, under the policy of ``options``.

    Args:
        work: Tasks with ``durations_ps``, from a capture or made by hand.
        chip: The chip.
        options: Policy, observers and the like; the defaults if None.

    Returns:
        The trace; the same bytes for the same input, in any process.

    Raises:
        DeadlockError: If tasks are left and nothing more can happen.
        NpuSimError: If the work has no durations.
        UsageError: If the policy or one of its parameters is unknown.
    """
    if work.durations_ps is None:
        msg = (
            f"runtime work {work.kernel}: has no durations; expected one per block; "
            "simulate the program it comes from"
        )
        raise NpuSimError(msg)
    return run_policy(work, chip, options, FixedKernels(work.durations_ps.tolist()))


def run_policy(
    work: RuntimeWork, chip: ChipSpec, options: SimulationOptions | None, kernels: Kernels
) -> Trace:
    """Schedule work under the policy of ``options``; kernels take what ``kernels`` says.

    Raises:
        DeadlockError: If tasks are left and nothing more can happen.
        UsageError: If the policy or one of its parameters is unknown.
    """
    options = options or SimulationOptions()
    policy = find_policy(options.policy)
    check_parameters(policy, options.policy_parameters)
    return policy.run(work, chip, options, kernels)

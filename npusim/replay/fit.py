"""Parameters of the ``serial_dispatcher`` policy from a capture: pitch read off, latency fitted."""

import dataclasses
from collections.abc import Callable

import numpy as np

from npusim.errors import UsageError
from npusim.hardware.spec import ChipSpec
from npusim.replay.work import replay_work
from npusim.simulator import SimulationOptions
from npusim.simulator.runtime import simulate_runtime
from npusim.trace import Trace
from npusim.units import PS_PER_US

SERIAL_DISPATCHER = "serial_dispatcher"
_TOLERANCE_NS = 10.0
"""Half a tick of the counters of the captures."""
_LONGEST_NS = 1_000_000.0


def dispatch_pitch_ps(trace: Trace) -> int:
    """The usual time between one kernel start and the next on the whole chip, in picoseconds.

    The median over all neighbours in order of start. Where one thread dispatches everything and
    has enough to do, it is what a dispatch costs: 0.82 µs in the basic ``jul01`` captures of
    CAPTURES.md, 1.18 µs in those of ``jun29``.

    Raises:
        UsageError: If fewer than two kernels ran.
    """
    starts = np.sort(trace.slices["start_ps"])
    if len(starts) < 2:
        msg = f"pitch: the trace has {len(starts)} kernels; expected at least 2; name another one"
        raise UsageError(msg)
    gaps = np.sort(np.diff(starts))
    return int(gaps[len(gaps) // 2])


def fit_latency_ns(trace: Trace, chip: ChipSpec, options: SimulationOptions) -> float:
    """The completion latency with which ``serial_dispatcher`` takes as long as ``trace`` did.

    Args:
        trace: The measured run.
        chip: The chip to replay on.
        options: Choices of the replay; their ``latency_ns`` is replaced by the one tried.

    Returns:
        Nanoseconds, at most 10 too long; 0 if the run was shorter than without any latency.

    Raises:
        UsageError: If no latency up to 1 ms explains the run.
    """
    work = replay_work(trace, chip)

    def makespan_ps(latency_ns: float) -> int:
        parameters = {**options.policy_parameters, "latency_ns": latency_ns}
        tried = dataclasses.replace(options, policy=SERIAL_DISPATCHER, policy_parameters=parameters)
        return simulate_runtime(work, chip, tried).makespan_ps

    return _solve(makespan_ps, trace.makespan_ps)


def _solve(makespan_ps: Callable[[float], int], target_ps: int) -> float:
    low, high = 0.0, 1000.0
    if makespan_ps(low) >= target_ps:
        return low
    while makespan_ps(high) < target_ps:
        low, high = high, 2 * high
        if high > _LONGEST_NS:
            msg = (
                f"fit: a latency of {low:.0f} ns still gives less than the {target_ps / PS_PER_US} "
                "us of the run; expected a run of a serial dispatcher; check its dependencies"
            )
            raise UsageError(msg)
    while high - low > _TOLERANCE_NS:
        middle = (low + high) / 2
        if makespan_ps(middle) < target_ps:
            low = middle
        else:
            high = middle
    return float(round(high))

"""One dispatcher for the whole chip: the prototype that recorded the captures of CAPTURES.md.

It dispatches one block per pitch, first in first out by the time at which tasks became ready. What
ends on a core becomes visible to it a constant latency later. With two slots per core it sends the
next block before the one that runs has ended.
"""

from npusim.errors import UsageError
from npusim.hardware.spec import ChipSpec
from npusim.simulator.greedy import GreedyScheduler
from npusim.simulator.kernels import Kernels
from npusim.simulator.options import SimulationOptions
from npusim.simulator.policies.registry import Policy
from npusim.simulator.work import RuntimeWork
from npusim.trace import Trace
from npusim.units import ns_to_ps


def _run(work: RuntimeWork, chip: ChipSpec, options: SimulationOptions, kernels: Kernels) -> Trace:
    given, runtime = options.policy_parameters, chip.runtime
    slots = given.get("slots", 1)
    if slots not in {1, 2}:
        msg = f"policy serial_dispatcher: slots is {slots}; expected 1 or 2 per core"
        raise UsageError(msg)
    return GreedyScheduler(
        work,
        chip,
        options,
        kernels,
        pitch_ps=_duration_ps("pitch_ns", given.get("pitch_ns", runtime.serial_pitch_ns)),
        latency_ps=_duration_ps("latency_ns", given.get("latency_ns", runtime.serial_latency_ns)),
        slots=int(slots),
        switch_ps=ns_to_ps(runtime.core_switch_ns),
    ).run()


def _duration_ps(name: str, value_ns: float) -> int:
    if not value_ns >= 0:
        msg = f"policy serial_dispatcher: {name} is {value_ns}; expected nanoseconds, not negative"
        raise UsageError(msg)
    return ns_to_ps(value_ns)


POLICY = Policy(
    "serial_dispatcher",
    "one dispatcher, a pitch per block and a constant latency",
    _run,
    {
        "pitch_ns": "nanoseconds from one dispatch to the next",
        "latency_ns": "nanoseconds from the end of a kernel until the dispatcher knows",
        "slots": "blocks that a core holds: 1 basic, 2 double buffer",
    },
)

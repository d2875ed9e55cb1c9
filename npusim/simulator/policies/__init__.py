"""Who schedules: the runtime of the device, another one, or none.

A policy turns work and a chip into a trace. Each is one file that registers itself; those of this
package come with the simulator, others register when their module is imported.
"""

from npusim.simulator.policies import (
    host_build_graph,
    ideal,
    serial_dispatcher,
    tensormap_and_ringbuffer,
)
from npusim.simulator.policies.registry import (
    Policy,
    check_parameters,
    find_policy,
    list_policies,
    policy_names,
    register_policy,
)

for _policy in (
    tensormap_and_ringbuffer.POLICY,
    host_build_graph.POLICY,
    serial_dispatcher.POLICY,
    ideal.POLICY,
):
    register_policy(_policy)

__all__ = [
    "Policy",
    "check_parameters",
    "find_policy",
    "list_policies",
    "policy_names",
    "register_policy",
]

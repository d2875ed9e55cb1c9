"""Policies by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from npusim.errors import UsageError
from npusim.hardware.spec import ChipSpec
from npusim.simulator.kernels import Kernels
from npusim.simulator.options import SimulationOptions
from npusim.simulator.work import RuntimeWork
from npusim.trace import Trace

Runner = Callable[[RuntimeWork, ChipSpec, SimulationOptions, Kernels], Trace]
"""Schedules the work on the chip; the kernels run and end as the last argument says."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One way to schedule."""

    name: str
    summary: str
    """One line for a list of policies."""
    run: Runner
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What may be set, with meaning and unit; by default the figures of the chip decide."""
    has_rings: bool = False
    """Rings can fill, so their sizes mean something."""
    is_replay_only: bool = False
    """Kernels must have taken their time already, so a recording cannot be simulated with it."""


_POLICIES: dict[str, Policy] = {}


def register_policy(policy: Policy) -> None:
    """Add a policy.

    Raises:
        UsageError: If there is one of that name.
    """
    if policy.name in _POLICIES:
        msg = f"policy {policy.name!r}: registered already; expected a new name"
        raise UsageError(msg)
    _POLICIES[policy.name] = policy


def policy_names() -> list[str]:
    """Names of all policies, in the order in which they were registered."""
    return list(_POLICIES)


def list_policies() -> list[Policy]:
    """All policies, in the order in which they were registered."""
    return list(_POLICIES.values())


def find_policy(name: str) -> Policy:
    """The policy of that name.

    Raises:
        UsageError: If there is none.
    """
    try:
        return _POLICIES[name]
    except KeyError:
        msg = f"policy {name!r}: unknown; expected one of {', '.join(_POLICIES)}"
        raise UsageError(msg) from None


def check_parameters(policy: Policy, given: Mapping[str, float]) -> None:
    """Refuse parameters that the policy does not have.

    Raises:
        UsageError: Naming the first unknown one and what there is.
    """
    for name in given:
        if name not in policy.parameters:
            known = ", ".join(policy.parameters) or "no parameters"
            msg = f"policy {policy.name}: unknown parameter {name!r}; expected {known}"
            raise UsageError(msg)

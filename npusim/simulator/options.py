"""What a user may choose about a simulation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from npusim.errors import UsageError
from npusim.simulator.ring_sizes import RingSizes

MAX_SWIMLANE_LEVEL = 4
SCHEDULER_LEVEL = 3
"""From this level on the phases of the scheduler threads are recorded."""
ORCHESTRATOR_LEVEL = 4
"""From this level on the submits of the orchestrator are recorded."""

DEFAULT_POLICY = "tensormap_and_ringbuffer"


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """Choices of one simulation; the chip and the program are given apart.

    Raises:
        UsageError: If the swimlane level is not one of 0 to 4.
    """

    swimlane_level: int = MAX_SWIMLANE_LEVEL
    """What the run records, 0 (nothing in its files) to 4 (everything)."""
    observer: bool = False
    """Charge for collecting swimlane and PMU counters, as on a device that does."""
    swimlane_charged: bool = True
    """Off where an observer collects PMU counters only, whatever level the run records."""
    pmu: int = 0
    """PMU event group that is collected, 0 for none; it turns pending and early dispatch off."""
    deps_mode: str = "tensormap"
    """How the task graph was made; a label for the trace."""
    memoise: bool = True
    """Time equal blocks once. Off only to prove that it changes nothing."""
    policy: str = DEFAULT_POLICY
    """Name of the runtime that schedules; see ``npusim.simulator.policies``."""
    policy_parameters: Mapping[str, float] = field(default_factory=dict)
    """Parameters of that policy, where it has any."""
    early_dispatch: bool = True
    """Stage consumers of ``allow_early_resolve`` tasks before their producers end."""
    warm_up: bool = True
    """The first kernel of some cores starts late, as on a device after its start."""
    seed: int = 0
    """Which cores those are, and how late."""
    rings: RingSizes = field(default_factory=RingSizes)
    """Sizes of the rings, where they are not those of the chip."""
    scope_stats: bool = False
    """Record how full the rings are; it changes no time."""

    def __post_init__(self) -> None:
        if self.swimlane_level not in range(MAX_SWIMLANE_LEVEL + 1):
            msg = (
                f"swimlane_level is {self.swimlane_level}; "
                f"expected a level from 0 to {MAX_SWIMLANE_LEVEL}"
            )
            raise UsageError(msg)

    @property
    def is_observed(self) -> bool:
        """True where the cores pay for the swimlane: an observer that has one to record."""
        return self.observer and self.swimlane_charged and self.swimlane_level > 0

    @property
    def has_pending(self) -> bool:
        """True unless the PMU keeps a core from holding a second block."""
        return not (self.observer and self.pmu)

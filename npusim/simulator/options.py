"""What a user may choose about a simulation."""

from dataclasses import dataclass

from npusim.errors import UsageError

MAX_SWIMLANE_LEVEL = 4


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """Choices of one simulation; the chip and the program are given apart.

    Raises:
        UsageError: If the swimlane level is not one of 0 to 4.
    """

    swimlane_level: int = MAX_SWIMLANE_LEVEL
    """What the files of the run will hold, 0 (nothing) to 4 (everything)."""
    observer: bool = False
    """Charge the cores for collecting the swimlane, as on a device that records one."""
    deps_mode: str = "tensormap"
    """How the task graph was made; a label for the trace."""
    memoise: bool = True
    """Time equal blocks once. Off only to prove that it changes nothing."""

    def __post_init__(self) -> None:
        if self.swimlane_level not in range(MAX_SWIMLANE_LEVEL + 1):
            msg = (
                f"swimlane_level is {self.swimlane_level}; "
                f"expected a level from 0 to {MAX_SWIMLANE_LEVEL}"
            )
            raise UsageError(msg)

    @property
    def is_observed(self) -> bool:
        """True where the cores pay for the recording: an observer that has something to record."""
        return self.observer and self.swimlane_level > 0

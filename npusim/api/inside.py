"""Looking inside the cores of a simulated run: pipe lanes and counters."""

from dataclasses import dataclass
from enum import StrEnum

from npusim.errors import UsageError
from npusim.formats import check_group
from npusim.hardware.spec import ChipSpec
from npusim.program import Program
from npusim.simulator.pipe_cores import choose_cores
from npusim.simulator.pipe_counters import count_kernels
from npusim.simulator.pipe_lanes import add_pipe_lanes
from npusim.simulator.pipe_view import CoreView
from npusim.trace import Trace
from npusim.trace.model import Records


class Fidelity(StrEnum):
    """How much of a core a trace shows. Times of kernels are the same."""

    TASK = "task"
    """Kernels."""
    PIPE = "pipe"
    """Kernels, and on chosen cores the instructions on every pipe."""


@dataclass(frozen=True, slots=True)
class InsideRequest:
    """What to show of the inside of cores.

    Raises:
        UsageError: If cores are named without pipe fidelity, or the event group is unknown.
    """

    fidelity: Fidelity = Fidelity.TASK
    pipe_cores: str | None = None
    """``AIC[0],AIV[3]`` or ``all``; None for the first cluster."""
    pmu: int = 0
    """Event group to count: 0 none, 1 arithmetic utilisation, 2 pipe utilisation, 4 memory.

    A device that counts turns pending and early dispatch off; so does an observed run.
    """

    def __post_init__(self) -> None:
        check_group(self.pmu)
        if self.pipe_cores is not None and self.fidelity is not Fidelity.PIPE:
            msg = (
                f"pipe cores: {self.pipe_cores!r} named with fidelity {self.fidelity}; expected "
                "fidelity pipe; add --fidelity pipe"
            )
            raise UsageError(msg)

    def cores(self, chip: ChipSpec) -> tuple[str, ...]:
        """Lane names of the cores whose pipes are shown; none at task fidelity.

        Raises:
            UsageError: If a name is not a core of the chip.
        """
        if self.fidelity is Fidelity.TASK:
            return ()
        return choose_cores(self.pipe_cores, chip.topology)


def look_inside(
    trace: Trace, program: Program, chip: ChipSpec, request: InsideRequest
) -> tuple[Trace, Records | None]:
    """``trace`` with the pipe lanes that ``request`` asks for, and the counters if it does.

    Returns:
        The trace, unchanged at task fidelity, and ``COUNTER_DTYPE`` records or None.

    Raises:
        UsageError: If a core is not on the chip, or the trace is not of this program and chip.
    """
    cores = request.cores(chip)
    if not cores and not request.pmu:
        return trace, None
    view = CoreView(trace, program, chip)
    counters = count_kernels(view) if request.pmu else None
    return (add_pipe_lanes(view, cores) if cores else trace), counters

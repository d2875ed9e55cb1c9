"""Which unit held the kernels on the critical path of a simulated run.

A trace holds kernels and not what happens in them; the recording does. Of a capture nobody knows.
"""

from collections.abc import Mapping

from npusim.analysis.observed_path import Segment
from npusim.analysis.path_units import UnitTimes
from npusim.api.evidence import Evidence
from npusim.api.kernel_path import Hold, Piece, kernel_path
from npusim.errors import UsageError
from npusim.hardware import load_chip
from npusim.simulator.pipe_view import CoreView, Kernel
from npusim.simulator.recipe import Pipe

NO_INSTRUCTIONS = "(not recorded)"
"""The unit of a kernel without instructions: an external one, or an empty block."""
_SHARED = "shared memory"
_SCALAR = {Pipe.AIC_S, Pipe.AIV_S}


def unit_times(evidence: Evidence) -> UnitTimes | None:
    """What splits the kernels of a run by unit, or None for a capture, which has no recording.

    Units are pipes, ``AIV V`` or ``AIC MTE2``, and what follows from them: ``AIV MTE2 latency`` is
    the time until the result of a load arrived, ``shared memory`` what other cores took of the
    bandwidth. A pipe S reads and writes scalars, and issues what other pipes do.
    """
    if evidence.program is None:
        return None
    return _Inside(evidence.trace.info.chip, evidence).of


def recorded_unit_times(evidence: Evidence) -> UnitTimes:
    """As ``unit_times``, of a run that has to have a recording.

    Raises:
        UsageError: If it has none.
    """
    found = unit_times(evidence)
    if found is None:
        msg = (
            f"{evidence.name}: has no recording, and only that says what happens inside kernels; "
            "expected a directory that npusim run wrote, to split them by unit"
        )
        raise UsageError(msg)
    return found


class _Inside:
    """The kernels of a run, found by lane and start; looked into when asked for."""

    def __init__(self, chip: str, evidence: Evidence) -> None:
        assert evidence.program is not None, "only a recording tells what is inside kernels"
        self._view = CoreView(evidence.trace, evidence.program, load_chip(chip))
        self._by_lane: dict[int, dict[int, Kernel]] = {}

    def of(self, segment: Segment) -> Mapping[str, int]:
        """Picoseconds of a compute segment by unit."""
        lane = segment.lane
        if lane not in self._by_lane:
            self._by_lane[lane] = {one.start_ps: one for one in self._view.kernels(lane)}
        kernel = self._by_lane[lane][segment.start_ps]
        found: dict[str, int] = {}
        for piece in kernel_path(kernel.timeline, kernel.duration_ps):
            # The path leaves a kernel before its end where another one did not wait for all of it.
            time_ps = min(piece.end_ps, segment.length_ps) - piece.start_ps
            if time_ps > 0:
                unit = _label(piece)
                found[unit] = found.get(unit, 0) + time_ps
        return found or {NO_INSTRUCTIONS: segment.length_ps}


def _label(piece: Piece) -> str:
    if piece.hold is Hold.SHARED:
        return _SHARED
    core, _, name = piece.pipe.name.partition("_")
    if piece.hold is Hold.ISSUE:
        return f"{core} issue"
    name = "scalar accesses" if piece.pipe in _SCALAR else name
    return f"{core} {name}{' latency' if piece.hold is Hold.LATENCY else ''}"

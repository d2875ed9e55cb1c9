"""What a report is made of: a trace, and what the recording knows of its tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from npusim.analysis.bubble_list import Through
from npusim.analysis.moments import Ints
from npusim.analysis.path_units import UnitTimes
from npusim.trace import Trace

MOST_RUNS = 2
"""Runs that one page shows under each other."""


@dataclass(frozen=True, slots=True, eq=False)
class ReportRun:
    """One run of a report."""

    name: str
    """What the reader calls it: the directory or file it came from."""
    trace: Trace
    arguments: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """By task id: one line for each tensor, ``in q [128, 512] BF16``. Empty for a capture."""
    needed_edges: Ints | None = None
    """(n, 2) the dependencies that the data needs; without them no dependency is called false."""
    through: Through | None = None
    """Names the tensor region of a dependency."""
    unit_times: UnitTimes | None = None
    """Splits kernels on the critical path by the unit that held them."""

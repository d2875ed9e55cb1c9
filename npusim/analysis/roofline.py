"""Question: while its cores are busy, is a scope held up by arithmetic or by memory?

The roofline model (Williams, Waterman, Patterson, 2009) per core: a scope that does ``ops``
arithmetic operations on ``moved_bytes`` of global memory can at best reach::

    rate <= min(peak operations per us, operations per byte * bytes per us)

Work and bytes come from the recording and peaks from the chip; this module only combines them with
the busy time of the trace.
"""

from dataclasses import dataclass

from npusim.analysis.accounting import percent_of
from npusim.analysis.columns import count_column, us_column
from npusim.analysis.table import Cell, Column, Table
from npusim.trace import LaneKind
from npusim.units import ps_to_us


@dataclass(frozen=True, slots=True)
class Roof:
    """A limit of one core: a peak of arithmetic in operations per us, or of memory in bytes per us.

    Attributes:
        label: What limits, for pictures.
        per_us: The limit.
    """

    label: str
    per_us: float


@dataclass(frozen=True, slots=True)
class CoreRoofs:
    """The limits of one core of a type; the first of each list is the one that scopes are held to.

    Attributes:
        core_type: AIC or AIV.
        operation: What one operation is.
        peaks: Arithmetic.
        bandwidths: Global memory.
    """

    core_type: LaneKind
    operation: str
    peaks: tuple[Roof, ...]
    bandwidths: tuple[Roof, ...]


@dataclass(frozen=True, slots=True)
class ScopeWork:
    """What one scope did on one core type.

    Attributes:
        scope: Its name.
        core_type: AIC or AIV.
        ops: Arithmetic operations.
        moved_bytes: Bytes between the cores and global memory.
        busy_ps: Busy time of all cores, in core picoseconds.
    """

    scope: str
    core_type: LaneKind
    ops: int
    moved_bytes: int
    busy_ps: int

    @property
    def ops_per_byte(self) -> float | None:
        """Arithmetic intensity; None where nothing was moved."""
        return self.ops / self.moved_bytes if self.moved_bytes else None

    @property
    def ops_per_us(self) -> float:
        """Rate of one busy core."""
        return self.ops / ps_to_us(self.busy_ps)

    @property
    def bytes_per_us(self) -> float:
        """Traffic of one busy core."""
        return self.moved_bytes / ps_to_us(self.busy_ps)

    def shares(self, roofs: CoreRoofs) -> tuple[float, float]:
        """Percent of the peak of arithmetic and of the bandwidth that a busy core reached."""
        return (
            percent_of(self.ops_per_us, roofs.peaks[0].per_us),
            percent_of(self.bytes_per_us, roofs.bandwidths[0].per_us),
        )

    def limit(self, roofs: CoreRoofs) -> str:
        """``arithmetic`` or ``memory``: the roof above this intensity."""
        compute, memory = self.shares(roofs)
        return "arithmetic" if compute >= memory else "memory"


def roofline_table(work: tuple[ScopeWork, ...], roofs: tuple[CoreRoofs, ...], name: str) -> Table:
    """One row per scope and core type: rates of one busy core, and how near they are to its roofs.

    ``limit`` is the roof above a scope; a scope far below it is held up by neither: by latencies,
    by waiting inside the task, by pipes that take turns.
    """
    by_type = {one.core_type: one for one in roofs}
    rows: list[tuple[Cell, ...]] = []
    for one in work:
        own = by_type[one.core_type]
        compute, memory = one.shares(own)
        rows.append(
            (
                one.scope,
                str(one.core_type),
                ps_to_us(one.busy_ps),
                one.ops,
                one.moved_bytes,
                one.ops_per_byte,
                one.ops_per_us / 1e3,
                one.bytes_per_us / 1e3,
                compute,
                memory,
                one.limit(own),
            )
        )
    columns = (
        Column("scope"),
        Column("core_type"),
        us_column("busy"),
        count_column("ops"),
        count_column("moved_bytes"),
        Column("ops_per_byte", "", ".2f"),
        Column("gops_per_s", "", ".1f"),
        Column("gbytes_per_s", "", ".1f"),
        Column("of_peak_percent", "%", ".1f"),
        Column("of_bandwidth_percent", "%", ".1f"),
        Column("limit"),
    )
    return Table(f"Roofline per busy core, {name}", columns, tuple(rows))

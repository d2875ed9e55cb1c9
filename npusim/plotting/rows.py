"""Which lane is drawn on which row: AICPU threads on top, then AIC, then AIV."""

from dataclasses import dataclass

from npusim.analysis import CoreAccount, core_accounts
from npusim.trace import LaneKind, Trace

_GROUPS = (
    ("AICPU", (LaneKind.ORCHESTRATOR, LaneKind.SCHEDULER)),
    ("AIC", (LaneKind.AIC,)),
    ("AIV", (LaneKind.AIV,)),
)
_GROUP_GAP = 0.9  # rows left free between two groups


@dataclass(frozen=True, slots=True)
class Group:
    """Lanes of one kind and where they are; ``top`` and ``bottom`` in rows."""

    name: str
    detail: str
    """How busy the cores are; empty for the AICPU."""
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Rows of a swimlane. Row 0 is the top one; a lane is centred on its number."""

    names: tuple[str, ...]
    centres: tuple[float, ...]
    row_of_lane: dict[int, float]
    """Centre by index into ``Trace.lanes``."""
    groups: tuple[Group, ...]

    @property
    def height(self) -> float:
        """Rows from the top edge of the first lane to the bottom edge of the last."""
        return self.groups[-1].bottom if self.groups else 1.0


def lay_out_rows(trace: Trace) -> RowLayout:
    """Rows for all lanes of ``trace``, in lane order within each group."""
    utilisation = {account.core_type: account for account in core_accounts(trace)}
    names: list[str] = []
    rows: dict[int, float] = {}
    groups: list[Group] = []
    edge = 0.0
    for name, kinds in _GROUPS:
        lanes = [lane for kind in kinds for lane in trace.lane_indices(kind)]
        if not lanes:
            continue
        top = edge + (_GROUP_GAP if groups else 0.0)
        for offset, lane in enumerate(lanes):
            rows[lane] = top + 0.5 + offset
            names.append(trace.lanes[lane].name)
        edge = top + len(lanes)
        groups.append(Group(name, _detail(utilisation.get(kinds[0])), top, edge))
    return RowLayout(tuple(names), tuple(rows.values()), rows, tuple(groups))


def _detail(account: CoreAccount | None) -> str:
    return f"busy {account.utilisation_percent:.1f} %" if account else ""

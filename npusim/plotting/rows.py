"""Which lane is drawn on which row: AICPU threads on top, then AIC, then AIV with their pipes."""

from collections.abc import Sequence
from dataclasses import dataclass

from npusim.analysis import CoreAccount, core_accounts
from npusim.trace import LaneKind, Trace, core_of_pipe

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
    """Rows for all lanes of ``trace``, in lane order within each group, pipes below their core."""
    utilisation = {account.core_type: account for account in core_accounts(trace)}
    names: list[str] = []
    rows: dict[int, float] = {}
    groups: list[Group] = []
    edge = 0.0
    pipes = pipes_of_core(trace)
    for name, kinds in _GROUPS:
        cores = [lane for kind in kinds for lane in trace.lane_indices(kind)]
        lanes = [lane for core in cores for lane in (core, *pipes.get(core, ()))]
        if not lanes:
            continue
        top = edge + (_GROUP_GAP if groups else 0.0)
        for offset, lane in enumerate(lanes):
            rows[lane] = top + 0.5 + offset
            names.append(trace.lanes[lane].name)
        edge = top + len(lanes)
        groups.append(Group(name, _detail(utilisation.get(kinds[0])), top, edge))
    return RowLayout(tuple(names), tuple(rows.values()), rows, tuple(groups))


def lay_out_cores(trace: Trace, cores: Sequence[int]) -> RowLayout:
    """Rows for some cores with their pipes, one group per core: its kernels, then its pipes."""
    names: list[str] = []
    rows: dict[int, float] = {}
    groups: list[Group] = []
    pipes = pipes_of_core(trace)
    for core in cores:
        top = groups[-1].bottom + _GROUP_GAP if groups else 0.0
        lanes = [core, *pipes.get(core, ())]
        for offset, lane in enumerate(lanes):
            rows[lane] = top + 0.5 + offset
            names.append(trace.lanes[lane].name.rpartition(".")[2] if offset else "kernel")
        groups.append(Group(trace.lanes[core].name, "", top, top + len(lanes)))
    return RowLayout(tuple(names), tuple(rows.values()), rows, tuple(groups))


def pipes_of_core(trace: Trace) -> dict[int, list[int]]:
    """The pipe lanes of each core lane that has some, as indices into ``Trace.lanes``."""
    found: dict[int, list[int]] = {}
    for pipe, core in core_of_pipe(trace).items():
        found.setdefault(core, []).append(pipe)
    return found


def _detail(account: CoreAccount | None) -> str:
    return f"busy {account.utilisation_percent:.1f} %" if account else ""

"""Which cores a CSV capture has: their types, their lanes, and the ones that ran nothing."""

from dataclasses import dataclass

from npusim.errors import FileFormatError
from npusim.formats.csv_phases import thread_number
from npusim.formats.csv_table import CsvTable
from npusim.trace import NO_TIME, Lane, LaneKind

_MAX_CORES = 1 << 16
_FIRST_IDS = (0, 1)
"""Recorders number cores from 0; the older PyPTO device machine from 1 (CAPTURES.md, B)."""


@dataclass(frozen=True, slots=True)
class CoreCounts:
    """Cores of a chip."""

    aic: int
    aiv: int


def core_lanes(table: CsvTable, cores: CoreCounts | None) -> tuple[tuple[Lane, ...], list[int]]:
    """Lanes of the cores, AIC first, and the lane of each row of a task table.

    A core keeps its number as ``core_id``; its lane is named by its place within its type.

    Args:
        table: Has the columns ``core_type``, ``core`` and, if known, ``sched_thread``.
        cores: Cores of the chip, numbered AIC first; None for only those that ran.

    Raises:
        FileFormatError: If a core has two types, a type is neither AIC nor AIV, or a number is not
            one of the chip's.
    """
    core_ids = table.integers("core", stop=_MAX_CORES).tolist()
    kinds, threads = _core_kinds(table, core_ids), _core_threads(table, core_ids)
    if cores is not None:
        kinds = _all_cores(table, kinds, cores)
    lanes: list[Lane] = []
    for kind in (LaneKind.AIC, LaneKind.AIV):
        own = sorted(core for core, found in kinds.items() if found is kind)
        lanes += [
            Lane(f"{kind.name}[{index}]", kind, core, threads.get(core, NO_TIME))
            for index, core in enumerate(own)
        ]
    lane_of = {lane.core_id: index for index, lane in enumerate(lanes)}
    return tuple(lanes), [lane_of[core] for core in core_ids]


def _core_kinds(table: CsvTable, core_ids: list[int]) -> dict[int, LaneKind]:
    kinds: dict[int, LaneKind] = {}
    known = {"aic": LaneKind.AIC, "aiv": LaneKind.AIV}
    for row, (core, text) in enumerate(zip(core_ids, table.texts("core_type"), strict=True)):
        kind = known.get(text.lower())
        if kind is None:
            table.fail(row, "core_type", text, "AIC or AIV")
        if kinds.setdefault(core, kind) is not kind:
            table.fail(row, "core_type", text, f"{kinds[core].name}, as core {core} has above")
    return kinds


def _core_threads(table: CsvTable, core_ids: list[int]) -> dict[int, int]:
    """Owner of each core that ran, where a row of it names one."""
    threads: dict[int, int] = {}
    if not table.has("sched_thread"):
        return threads
    for row, (core, text) in enumerate(zip(core_ids, table.columns["sched_thread"], strict=True)):
        if text:
            threads[core] = thread_number(table, row, "sched_thread", text)
    return threads


def _all_cores(
    table: CsvTable, kinds: dict[int, LaneKind], cores: CoreCounts
) -> dict[int, LaneKind]:
    for first in _FIRST_IDS:
        split, stop = first + cores.aic, first + cores.aic + cores.aiv
        every = {
            core: LaneKind.AIC if core < split else LaneKind.AIV for core in range(first, stop)
        }
        if all(every.get(core) is kind for core, kind in kinds.items()):
            return every
    msg = (
        f"{table.path}: core numbers from {min(kinds)} to {max(kinds)} are not those of "
        f"{cores.aic} AIC followed by {cores.aiv} AIV; expected a capture of this chip; "
        "name another one"
    )
    raise FileFormatError(msg)

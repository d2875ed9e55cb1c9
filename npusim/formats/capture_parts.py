"""Everything the files of one capture say, checked one by one and not joined yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.formats.dependency_reader import CapturedGraph, NameMap
from npusim.formats.fields import Place
from npusim.formats.layout import DEPS_FILE, ORCHESTRATOR_STREAM
from npusim.formats.phase_reader import PhaseTable
from npusim.formats.row_table import RowTable
from npusim.formats.tick_clock import TickClock
from npusim.trace import NO_TIME, Lane


@dataclass(frozen=True, slots=True)
class CaptureHeader:
    """What a capture says about itself."""

    layout: str
    """As in ``info.parameters``: a letter of ``Layout``, or the name of another format."""
    level: int
    counter_mhz: int
    kernel: str = ""
    variant: str = ""
    chip: str = "unknown"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    is_raw: bool = False
    """The files are as the device wrote them, so what they should hold, they do hold."""


@dataclass(frozen=True, slots=True)
class CaptureParts:
    """The parts of a capture; ``graph`` and ``names`` are None where their file is missing."""

    place: Place
    """The records file."""
    rows_at: Place
    """The table of dispatches in it."""
    header: CaptureHeader
    lanes: tuple[Lane, ...]
    """Core lanes by core id."""
    rows: RowTable
    phases: PhaseTable
    graph: CapturedGraph | None
    names: NameMap | None
    clock: TickClock
    blocks: npt.NDArray[np.int64] | None = None
    """Block by position in the table of dispatches; None where the files do not say."""
    row_count: int = 0
    """Rows of that table in the file."""
    notes: tuple[str, ...] = ()
    """What the reader of the layout had to leave out, one line each."""

    def missing_parts(self, index_of: Mapping[int, int]) -> list[str]:
        """What the trace lacks and why, one line each."""
        lines = []
        if self.graph is None:
            lines.append(f"{DEPS_FILE}: kernels, block counts and edges are unknown")
        elif any(task.block_num is None for task in self.graph.tasks):
            lines.append("block_num: block counts are those of the rows")
        if self.graph is not None and any(t.kernel_ids is None for t in self.graph.tasks):
            lines.append("kernel_ids: kernels are unknown")
        if self.names is None:
            lines.append("name map: kernels are called func_<id>")
        lines += self._missing_times()
        lines += [
            f"{kind}: {count} scheduler records left out"
            for kind, count in sorted(self.phases.left_out.items())
        ]
        if self.phases.unnamed_dummies:
            count = self.phases.unnamed_dummies
            lines.append(f"dummy_task: {count} records do not say which dummy")
        if self.graph is not None:
            hidden = sum(pred not in index_of for pred, _, _ in self.graph.edges)
            if hidden:
                lines.append(f"hidden allocations: {hidden} edges left out")
        return [*lines, *self.notes]

    def _missing_times(self) -> list[str]:
        lines = []
        level = self.header.level
        if np.any(self.rows.receive == NO_TIME):
            lines.append("receive_to_start: receive times are unknown")
        if level < 2:
            lines.append("no dispatch times below level 2: waits inferred from end to start")
        elif self.rows.unscheduled_count:
            count = self.rows.unscheduled_count
            lines.append(f"aicpu_tasks: {count} rows without dispatch time")
        if level < 3:
            lines.append("no scheduler phases below level 3: no scheduler lanes")
        elif not self.phases.scheduler_count:
            lines.append("aicpu_scheduler_phases: no scheduler lanes")
        if not self.phases.orchestrator_count:
            what = "no submits below level 4" if level < 4 else ORCHESTRATOR_STREAM
            lines.append(f"{what}: submit times are unknown")
        return lines

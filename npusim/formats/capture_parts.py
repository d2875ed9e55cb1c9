"""Everything the files of one capture say, checked one by one and not joined yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from npusim.formats.dependency_reader import CapturedGraph, NameMap
from npusim.formats.layout import DEPS_FILE
from npusim.formats.phase_reader import PhaseTable
from npusim.formats.row_reader import RowTable
from npusim.formats.tick_clock import TickClock
from npusim.trace import NO_TIME, Lane

_UNREAD_STREAMS = ("host_orchestrator_phases", "host_device_uploads")


@dataclass(frozen=True, slots=True)
class CaptureParts:
    """The parts of a capture; ``graph`` and ``names`` are None where their file is missing."""

    directory: Path
    level: int
    lanes: tuple[Lane, ...]
    """Core lanes by core id."""
    rows: RowTable
    phases: PhaseTable
    graph: CapturedGraph | None
    names: NameMap | None
    clock: TickClock

    def missing_parts(self, document: Mapping[str, Any], index_of: Mapping[int, int]) -> list[str]:
        """What the trace lacks and why, one line each."""
        lines = []
        if self.graph is None:
            lines.append(f"{DEPS_FILE}: kernels, block counts and edges are unknown")
        if self.names is None:
            lines.append("name map: kernels are called func_<id>")
        lines += self._missing_times()
        if self.level >= 3 and not self.phases.scheduler_count:
            lines.append("aicpu_scheduler_phases: no scheduler lanes")
        if self.level >= 4 and not self.phases.orchestrator_count:
            lines.append("aicpu_orchestrator_phases: submit times are unknown")
        lines += [
            f"{kind}: {count} scheduler records left out"
            for kind, count in sorted(self.phases.left_out.items())
        ]
        if self.graph is not None:
            hidden = sum(pred not in index_of for pred, _, _ in self.graph.edges)
            if hidden:
                lines.append(f"hidden allocations: {hidden} edges left out")
        lines += [f"{name}: left out" for name in _UNREAD_STREAMS if document.get(name)]
        return lines

    def _missing_times(self) -> list[str]:
        lines = []
        if np.any(self.rows.receive == NO_TIME):
            lines.append("receive_to_start: receive times are unknown")
        if self.level >= 2 and self.rows.unscheduled_count:
            count = self.rows.unscheduled_count
            lines.append(f"aicpu_tasks: {count} rows without dispatch time")
        return lines

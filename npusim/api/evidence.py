"""What is known of a run besides its trace: the recording, and what follows from it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from npusim.api.store import PROGRAM_FILE, SUMMARY_FILE, load_program_of, load_run_trace
from npusim.dependencies import CompilerEra, DependencyMode, build_graph
from npusim.dependencies.through import EdgeRegions
from npusim.program import Program
from npusim.trace import Trace


@dataclass(frozen=True)
class Evidence:
    """A trace, and the recording it was simulated from where there is one.

    Attributes:
        name: How messages call it.
        trace: The run or capture.
        program: The recording; None for a capture.
        settings: The summary of a run: how it was made.
    """

    name: str
    trace: Trace
    program: Program | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def era(self) -> CompilerEra:
        """Direction rule that the dependencies of the run follow."""
        return CompilerEra(self.settings.get("compiler_era", CompilerEra.HEAD))

    @cached_property
    def needed_edges(self) -> npt.NDArray[np.int64] | None:
        """(n, 2) dependencies that the regions demand (mode ``exact``), or None without recording.

        Explicit ``deps`` are among them: somebody asked for those. The era does not matter: its
        rule gives directions to arguments, and regions demand what the accesses show.
        """
        if self.program is None:
            return None
        return build_graph(self.program, DependencyMode.EXACT).edges.astype(np.int64)

    @cached_property
    def through(self) -> Callable[[int, int], str] | None:
        """Names the tensor region of a dependency, or None without recording."""
        return None if self.program is None else EdgeRegions(self.program).text


def load_evidence(path: Path, *, has_recording: bool = True) -> Evidence:
    """The run or capture at ``path`` with all that belongs to it.

    Args:
        path: A run directory or a capture.
        has_recording: False where the trace is enough: a recording takes longer to load.

    Raises:
        FileFormatError: If there is neither, it cannot be read, or the recording is not that of
            the trace.
    """
    trace = load_run_trace(path)
    recording = path / PROGRAM_FILE
    if not (has_recording and path.is_dir() and recording.is_file()):
        return Evidence(str(path), trace)
    return Evidence(str(path), trace, load_program_of(trace, path), run_settings(path))


def run_settings(path: Path) -> dict[str, Any]:
    """What the summary of the run at ``path`` says of how it was made; nothing without one."""
    try:
        found = msgspec.json.decode((path / SUMMARY_FILE).read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return found if isinstance(found, dict) else {}

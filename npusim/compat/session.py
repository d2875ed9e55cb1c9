"""One run of a kernel file: npusim's options for it and what its harness calls left behind.

The file's own code calls the harness, so the session cannot be passed along; like the recorder of
the DSL it lives in a ``ContextVar``.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from npusim.compat.options import CompatOptions
from npusim.compat.validation import OutputResult


@dataclass(slots=True)
class RunRecord:
    """One call of ``run`` or ``run_jit``, as ``--npusim-json`` reports it."""

    kernel: str
    platform: str
    chip: str
    deps: str
    era: str
    verified: bool | None = None
    """``None`` while or where nothing was compared."""
    outputs: list[OutputResult] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    """Counts of the recording, and the summary of the trace once it is simulated."""
    simulation_error: str | None = None
    error: str | None = None
    directory: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON values; units are in the keys."""
        return {
            "kernel": self.kernel,
            "platform": self.platform,
            "chip": self.chip,
            "deps": self.deps,
            "compiler_era": self.era,
            "verified": self.verified,
            "outputs": [
                {
                    "name": output.name,
                    "passed": output.passed,
                    "comparator": output.comparator,
                    "message": output.message,
                }
                for output in self.outputs
            ],
            **self.figures,
            "simulation_error": self.simulation_error,
            "error": self.error,
            "directory": str(self.directory) if self.directory else None,
        }

    def describe(self) -> str:
        """One line for the reader."""
        verdict = {True: "passed", False: "FAILED", None: "not checked"}[self.verified]
        parts = [f"{self.kernel} on {self.chip}: verified {verdict}"]
        if "tasks" in self.figures:
            parts.append(f"{self.figures['tasks']} tasks in {self.figures['nodes']} submits")
            parts.append(f"{self.figures['ops']} operations")
        if "makespan_us" in self.figures:
            parts.append(f"makespan {self.figures['makespan_us']:.2f} us")
        if self.simulation_error:
            parts.append(f"not simulated ({self.simulation_error})")
        if self.directory:
            parts.append(f"files in {self.directory}")
        return ", ".join(parts)


@dataclass(slots=True)
class Session:
    """A running kernel file."""

    options: CompatOptions = field(default_factory=CompatOptions)
    records: list[RunRecord] = field(default_factory=list)

    def talk(self, message: str) -> None:
        """One line to stderr; stdout belongs to the kernel file."""
        print(f"npusim: {message}", file=sys.stderr, flush=True)  # noqa: T201


_SESSION: ContextVar[Session | None] = ContextVar("npusim_compat_session", default=None)


@contextmanager
def activate(session: Session) -> Iterator[Session]:
    """Make ``session`` the one that the harness reports to; leaves it on any exit."""
    token = _SESSION.set(session)
    try:
        yield session
    finally:
        _SESSION.reset(token)


def current_session() -> Session:
    """The running session; a fresh one with default options where the harness is used alone."""
    return _SESSION.get() or Session()

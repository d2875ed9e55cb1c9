"""What a replay starts from: a run or a capture, with the dependencies that belong to it."""

import dataclasses
from pathlib import Path
from typing import Any

from npusim.api.store import load_run_trace
from npusim.errors import UsageError
from npusim.formats import CoreCounts, companion, edge_records, is_csv_capture, read_csv_capture
from npusim.hardware import ChipSpec
from npusim.trace import Trace

NO_EDGES = "no dependencies: every task counts as ready from the start"
"""What ``info.parameters["missing_parts"]`` says of a capture without edges."""


@dataclasses.dataclass(frozen=True, slots=True)
class CaptureFiles:
    """Where the parts of a capture are.

    Attributes:
        path: A run of npusim, a capture directory or file, or a task table in CSV.
        deps_file: A dependency table in CSV; it replaces the edges that the capture has. Without
            it ``NAME_deps.csv`` belongs to ``NAME_tasks.csv``.
        phases_file: A phase table in CSV, with a task table only; else ``NAME_phases.csv``.
    """

    path: Path
    deps_file: Path | None = None
    phases_file: Path | None = None


def task_table(path: Path) -> Path | None:
    """The task table that ``path`` is, or that is the only one in it; None if it is none."""
    if path.is_dir():
        tables = [*path.glob("*_tasks.csv"), *path.glob("*_tasks.csv.gz")]
        return tables[0] if len(tables) == 1 else None
    return path if is_csv_capture(path) else None


def chip_of_csv(chip: ChipSpec) -> dict[str, Any]:
    """What the readers of CSV captures want to know of the chip, which the files do not name."""
    return {
        "chip": chip.name,
        "cores": CoreCounts(chip.topology.aic_count, chip.topology.aiv_count),
        "counter_mhz": chip.clock.counter_mhz,
    }


def load_capture(files: CaptureFiles, chip: ChipSpec) -> Trace:
    """The run or capture in ``files``.

    Args:
        files: Its parts.
        chip: Whose cores a task table means; it does not say so itself.

    Raises:
        FileFormatError: If there is no such capture, or a file of it cannot be read.
        UsageError: If a phase table is given without a task table.
    """
    table = task_table(files.path)
    if table is not None:
        return read_csv_capture(
            table,
            files.deps_file or companion(table, "deps"),
            phases=files.phases_file or companion(table, "phases"),
            **chip_of_csv(chip),
        )
    if files.phases_file is not None:
        msg = (
            f"--phases-file {files.phases_file}: given with {files.path}, which has phases of its "
            "own; expected it with a task table in CSV only; leave it out"
        )
        raise UsageError(msg)
    trace = load_run_trace(files.path)
    if files.deps_file is not None:
        index_of = {task.task_id: index for index, task in enumerate(trace.tasks)}
        return dataclasses.replace(trace, edges=edge_records(files.deps_file, index_of))
    if len(trace.tasks) > 1 and not len(trace.edges):
        missing = [*trace.info.parameters.get("missing_parts", []), NO_EDGES]
        parameters = {**trace.info.parameters, "missing_parts": missing}
        info = dataclasses.replace(trace.info, parameters=parameters)
        return dataclasses.replace(trace, info=info)
    return trace

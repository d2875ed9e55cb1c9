"""What ``npusim report`` writes: one page about one run, or about two."""

from collections.abc import Sequence
from pathlib import Path

from npusim.api.evidence import Evidence, load_evidence
from npusim.api.units import unit_times
from npusim.plotting.report import ReportRun, check_report, write_report
from npusim.program import Argument, Program


def save_report(paths: Sequence[Path], output: Path) -> Path:
    """Write one self-contained HTML page about the runs or captures at ``paths``.

    Args:
        paths: One run, or two that are shown on one time axis and compared.
        output: File to write, ending in ``.html``; an older one is replaced.

    Returns:
        ``output``.

    Raises:
        FileFormatError: If a path holds neither a run nor a capture, or it cannot be read.
        UsageError: If there are more than two paths, or ``output`` does not end in ``.html``.
        OutputError: If ``output`` cannot be written.
    """
    check_report(output)  # before the work, not after
    return write_report([report_run(load_evidence(path)) for path in paths], output)


def report_run(evidence: Evidence) -> ReportRun:
    """A run with all that is known of it, for a report."""
    program = evidence.program
    return ReportRun(
        name=Path(evidence.name).name or evidence.name,
        trace=evidence.trace,
        arguments={} if program is None else task_tensors(program),
        needed_edges=evidence.needed_edges,
        through=evidence.through,
        unit_times=unit_times(evidence),
    )


def task_tensors(program: Program) -> dict[int, tuple[str, ...]]:
    """By task id, a line for each tensor that the task takes: ``in q [128, 512] BF16``."""
    return {
        task.task_id: tuple(_line(program, argument) for argument in task.arguments)
        for task in program.tasks
    }


def _line(program: Program, argument: Argument) -> str:
    tensor = program.tensors[argument.tensor_id]
    shape = ", ".join(str(length) for length in argument.shape)
    return f"{_direction(argument)} {tensor.name} [{shape}] {tensor.dtype}"


def _direction(argument: Argument) -> str:
    if argument.is_read and argument.is_written:
        return "inout"
    return "out" if argument.is_written else "in"

"""Run directories: what ``npusim run`` and ``npusim import`` leave, whole or not at all.

DIR/summary.json            the run in numbers
DIR/program.npz             the recording; it can be simulated again (not of an imported capture)
DIR/trace.npz               the trace, without loss
DIR/bubbles.csv             the bubble table
DIR/perfetto.json           for ui.perfetto.dev
DIR/dfx_outputs/            the files a device writes, for the ecosystem's tools; with --pmu also
                            pmu.csv, with --scope-stats scope_stats/scope_stats.jsonl
DIR/swimlane.png            the picture
"""

from pathlib import Path

from npusim.analysis import bubble_table
from npusim.api.directory import Layout, check_directory, replaced_directory
from npusim.api.run import Run
from npusim.errors import FileFormatError, UsageError
from npusim.formats import (
    PMU_FILE,
    is_capture,
    read_capture,
    write_capture,
    write_perfetto,
    write_pmu,
    write_scope_stats,
    write_summary,
)
from npusim.plotting import save_figure, swimlane_figure
from npusim.program import Program, load_program, save_program
from npusim.trace import Trace, load_trace, save_trace

SUMMARY_FILE = "summary.json"
PROGRAM_FILE = "program.npz"
TRACE_FILE = "trace.npz"
BUBBLES_FILE = "bubbles.csv"
PERFETTO_FILE = "perfetto.json"
CAPTURE_DIR = "dfx_outputs"
PICTURE_FILE = "swimlane.png"

RUN_LAYOUT = Layout(
    name="run",
    entries=frozenset(
        {
            SUMMARY_FILE,
            PROGRAM_FILE,
            TRACE_FILE,
            BUBBLES_FILE,
            PERFETTO_FILE,
            CAPTURE_DIR,
            PICTURE_FILE,
        }
    ),
    marks=frozenset({SUMMARY_FILE, TRACE_FILE}),  # an imported capture has no recording
)


def save_run(run: Run, directory: Path, *, has_picture: bool = True) -> None:
    """Write ``run`` to ``directory``, replacing an earlier run there in one step.

    Args:
        run: What to write.
        directory: Made if missing; an existing one must be empty or hold an earlier run.
        has_picture: Also draw ``swimlane.png``, which takes about a second.

    Raises:
        OutputError: If the directory cannot be written or holds something else.
    """
    with replaced_directory(directory, RUN_LAYOUT) as staging:
        _write_files(run, staging, has_picture=has_picture)


def check_output_directory(directory: Path) -> None:
    """Make sure, before the work, that a run may be written to ``directory``.

    Raises:
        OutputError: If it is a file, holds something that is not a run, or cannot be written.
    """
    check_directory(directory, RUN_LAYOUT)


def load_run_trace(path: Path) -> Trace:
    """The trace of a run directory, or of a capture from a device.

    Raises:
        FileFormatError: If there is neither, or it cannot be read.
    """
    # A capture that was not imported has no waits; the analysis infers them when asked.
    if path.is_dir() and (path / TRACE_FILE).is_file():
        return load_trace(path / TRACE_FILE)
    if path.is_file() and path.suffix == ".npz":
        return load_trace(path)
    if not path.exists():
        msg = f"{path}: no such file or directory; expected a run of npusim or a device capture"
        raise FileFormatError(msg)
    for candidate in (path, path / CAPTURE_DIR):
        if candidate.exists() and is_capture(candidate):
            return read_capture(candidate)
    msg = (
        f"{path}: neither a run nor a capture; expected a directory with {TRACE_FILE} (npusim run "
        "-o) or with chip_swimlane_records.json (a device)"
    )
    raise FileFormatError(msg)


def fallback_note(path: Path) -> str:
    """A sentence where a run lost its trace, so that its capture stands in; else nothing."""
    is_run = (path / SUMMARY_FILE).is_file() and (path / CAPTURE_DIR).is_dir()
    if not is_run or (path / TRACE_FILE).is_file():
        return ""
    return (
        f"{path}: has no {TRACE_FILE}; read from {CAPTURE_DIR} instead, as a capture: the waits "
        "are inferred"
    )


def load_run_program(path: Path) -> Program:
    """The recording of a run directory.

    Raises:
        UsageError: If it has none, as a capture from a device.
        FileFormatError: If it cannot be read.
    """
    if not (path / PROGRAM_FILE).is_file():
        msg = (
            f"{path}: has no {PROGRAM_FILE}, so it cannot be simulated again; expected a run that "
            "npusim run wrote; a capture holds times but no operations"
        )
        raise UsageError(msg)
    return load_program(path / PROGRAM_FILE)


def load_program_of(trace: Trace, path: Path) -> Program:
    """The recording of a run directory, which has to be that of its trace.

    Raises:
        UsageError: If it has none, as a capture from a device.
        FileFormatError: If it cannot be read, or is the recording of another run.
    """
    program = load_run_program(path)
    if difference := _difference(trace, program):
        msg = (
            f"{path / PROGRAM_FILE}: does not belong to {TRACE_FILE} beside it: {difference}; run "
            "the kernel again, so that both come from one run"
        )
        raise FileFormatError(msg)
    return program


def _difference(trace: Trace, program: Program) -> str:
    """What a recording says otherwise than the trace; empty if it may be of the same run."""
    found, expected = len(program.tasks), len(trace.tasks)
    if (program.kernel, found) != (trace.info.kernel, expected):
        return (
            f"is of {program.kernel} with {found} tasks; expected one of {trace.info.kernel} with "
            f"{expected} tasks"
        )
    for recorded, task in zip(program.tasks, trace.tasks, strict=True):
        if (recorded.name, recorded.block_num) != (task.name, task.block_num):
            return (
                f"task {recorded.task_id} is {recorded.name} with {recorded.block_num} blocks; "
                f"expected {task.name} with {task.block_num}"
            )
    return ""


def _write_files(run: Run, directory: Path, *, has_picture: bool) -> None:
    write_summary(directory / SUMMARY_FILE, run.summary())
    save_program(run.program, directory / PROGRAM_FILE)
    save_trace(run.trace, directory / TRACE_FILE)
    (directory / BUBBLES_FILE).write_text(bubble_table(run.trace).to_csv(), encoding="utf-8")
    write_perfetto(directory / PERFETTO_FILE, run.trace)
    capture = directory / CAPTURE_DIR
    if run.request.swimlane_level or run.counters is not None:
        capture.mkdir()
    if run.request.swimlane_level:
        write_capture(capture, run.trace, run.program, level=run.trace.info.swimlane_level)
    if run.counters is not None:
        write_pmu(capture / PMU_FILE, run.trace, run.counters, group=run.request.inside.pmu)
    write_scope_stats(capture, run.trace)
    if has_picture:
        save_figure(swimlane_figure(run.trace), directory / PICTURE_FILE)

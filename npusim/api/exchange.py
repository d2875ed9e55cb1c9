"""A capture from a device as a run, and a run as the files of other tools."""

import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import npusim
from npusim.analysis import bubble_table, summary, with_waits
from npusim.api.directory import Layout as DirectoryLayout
from npusim.api.directory import replaced_directory
from npusim.api.replay_input import chip_of_csv
from npusim.api.store import (
    BUBBLES_FILE,
    CAPTURE_DIR,
    PERFETTO_FILE,
    PICTURE_FILE,
    PROGRAM_FILE,
    RUN_LAYOUT,
    SUMMARY_FILE,
    TRACE_FILE,
    check_output_directory,
    load_program_of,
    load_run_trace,
)
from npusim.errors import OutputError
from npusim.formats import (
    SCOPE_STATS_FILE,
    Layout,
    capture_files,
    read_capture,
    write_capture,
    write_csv_pair,
    write_hicann,
    write_perfetto,
    write_scope_stats,
    write_summary,
)
from npusim.formats.csv_writer import CSV_EDGES, CSV_TASKS
from npusim.formats.hicann_layout import HICANN_RECORDS, HICANN_TOPOLOGY
from npusim.formats.layout import DEPS_FILE, NAME_MAP_FILE, RECORDS_FILE_OF
from npusim.hardware import load_chip
from npusim.plotting import save_figure, swimlane_figure
from npusim.trace import Trace, save_trace

MAX_LEVEL = 4


class ExportFormat(StrEnum):
    """What a run can be written as."""

    PERFETTO = "perfetto"
    """One file for ui.perfetto.dev."""
    CSV = "csv"
    """A pair of tables that npusim import reads."""
    HICANN = "hicann"
    """The pair of files of hicann/pypto's swimlane viewer."""
    CAPTURE = "capture"
    """The files that a device writes."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """How to read a capture."""

    is_repairing: bool = False
    """Leave out what contradicts the rest instead of refusing the capture."""
    dependencies: Path | None = None
    """Of a CSV capture, its dependency table, where the name does not tell."""
    chip: str | None = None
    """Of a CSV capture, the chip it was recorded on."""
    has_picture: bool = True


def import_capture(path: Path, directory: Path, request: ImportRequest | None = None) -> Trace:
    """Make a run of the capture at ``path``; return its trace, with inferred waits.

    The run holds what ``npusim run`` leaves, but for the recording: a capture has no operations.
    ``dfx_outputs`` has copies of the capture's files.

    Args:
        path: A capture: a directory or a records file.
        directory: Made if missing; an existing one must be empty or hold an earlier import.
        request: How to read it.

    Raises:
        FileFormatError: If the capture is missing, corrupt, foreign or inconsistent.
        OutputError: If the directory cannot be written, holds something else, a recording or the
            capture itself.
    """
    check_import_directory(path, directory)
    wanted = request or ImportRequest()
    trace = with_waits(_read(path, wanted))
    with replaced_directory(directory, RUN_LAYOUT) as staging:
        write_summary(staging / SUMMARY_FILE, import_summary(trace))
        save_trace(trace, staging / TRACE_FILE)
        (staging / BUBBLES_FILE).write_text(bubble_table(trace).to_csv(), encoding="utf-8")
        write_perfetto(staging / PERFETTO_FILE, trace)
        _copy_files(path, staging / CAPTURE_DIR)
        if wanted.has_picture:
            save_figure(swimlane_figure(trace), staging / PICTURE_FILE)
    return trace


def check_import_directory(capture: Path, directory: Path) -> None:
    """Make sure, before the work, that a run of ``capture`` may be written to ``directory``.

    An import has no recording, so it may not take the place of a run that has one.

    Raises:
        OutputError: If it is or holds the capture, holds a recording or something that is not a
            run, or cannot be written.
    """
    source, target = capture.resolve(), directory.resolve()
    if source.exists() and source.is_relative_to(target):
        what = "is the capture itself" if source == target else f"holds the capture {capture}"
        msg = (
            f"{directory}: {what}; expected a directory for the run that is made of it, which "
            f"would replace it; name another directory, for instance {target.name}_run"
        )
        raise OutputError(msg)
    check_output_directory(directory)
    if (directory / PROGRAM_FILE).exists():
        msg = (
            f"{directory}: holds {PROGRAM_FILE}, the recording of a run, which an import does not "
            "have; expected a new or empty directory, or an earlier import; name another "
            "directory, so that nothing is lost"
        )
        raise OutputError(msg)


def _copy_files(path: Path, directory: Path) -> None:
    """The files of the capture at ``path``, those in a folder beside the records in one too."""
    records, *beside = capture_files(path)
    for file in (records, *beside):
        copy = directory / file.relative_to(records.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def import_summary(trace: Trace) -> dict[str, object]:
    """An imported run as one JSON object: the summary of its trace, and what the capture lacked."""
    parameters = trace.info.parameters
    return {
        **summary(trace),
        "npusim_version": npusim.__version__,
        "swimlane_level": trace.info.swimlane_level,
        "layout": parameters.get("layout", "csv"),
        "missing_parts": parameters.get("missing_parts", []),
        "repairs": parameters.get("repairs", []),
    }


_EXPORT_LAYOUTS = {
    ExportFormat.CSV: DirectoryLayout(
        "csv export", frozenset({CSV_TASKS, CSV_EDGES}), frozenset({CSV_TASKS})
    ),
    ExportFormat.HICANN: DirectoryLayout(
        "hicann export", frozenset({HICANN_RECORDS, HICANN_TOPOLOGY}), frozenset({HICANN_RECORDS})
    ),
    ExportFormat.CAPTURE: DirectoryLayout(
        "capture export",
        frozenset(
            {*RECORDS_FILE_OF.values(), DEPS_FILE, NAME_MAP_FILE, SCOPE_STATS_FILE.split("/")[0]}
        ),
        frozenset({DEPS_FILE, NAME_MAP_FILE}),
    ),
}
"""What the formats of several files put into their directory."""


def export_run(
    run: Path,
    output: Path,
    export_format: ExportFormat,
    *,
    layout: Layout = Layout.D,
    level: int | None = None,
) -> None:
    """Write a run, or a capture, in another format.

    Args:
        run: A run directory or a capture.
        output: File to write for Perfetto, else a directory, made if missing; an existing one must
            be empty or hold an earlier export in the same format.
        export_format: What to write.
        layout: Of a capture, its layout: B, C or D.
        level: Of a capture, its swimlane level; that of the run if left out.

    Raises:
        FileFormatError: If the run cannot be read.
        UsageError: If the run holds less than the level asks for.
        OutputError: If the output cannot be written, is the run, or is a directory that holds
            something else than such an export.
    """
    _check_export_target(run, output, export_format)
    trace = with_waits(load_run_trace(run))
    if export_format is ExportFormat.PERFETTO:
        if output.is_dir():
            msg = f"{output}: is a directory; expected a file to write; name one inside it"
            raise OutputError(msg)
        write_perfetto(output, trace)
        return
    with replaced_directory(output, _EXPORT_LAYOUTS[export_format]) as staging:
        if export_format is ExportFormat.CSV:
            write_csv_pair(staging, trace)
        elif export_format is ExportFormat.HICANN:
            write_hicann(staging, trace)
        else:
            program = load_program_of(trace, run) if (run / PROGRAM_FILE).is_file() else None
            wanted = level or trace.info.swimlane_level or MAX_LEVEL
            write_capture(staging, trace, program, level=wanted, layout=layout)
            write_scope_stats(staging, trace)


def _check_export_target(run: Path, output: Path, export_format: ExportFormat) -> None:
    """Make sure that an export does not take the place of what it is made of.

    Raises:
        OutputError: If the output is the run or holds it.
    """
    source, target = run.resolve(), output.resolve()
    is_held = source.is_relative_to(target) and export_format is not ExportFormat.PERFETTO
    if source.exists() and (source == target or is_held):
        what = "is the run itself" if source == target else f"holds the run {run}"
        msg = (
            f"{output}: {what}; expected another place for the export, which would replace it; "
            "name another one"
        )
        raise OutputError(msg)


def _read(path: Path, wanted: ImportRequest) -> Trace:
    chip = {} if wanted.chip is None else chip_of_csv(load_chip(wanted.chip))
    return read_capture(
        path, is_repairing=wanted.is_repairing, dependencies=wanted.dependencies, **chip
    )

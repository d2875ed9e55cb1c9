"""Run directories: what ``npusim run`` leaves, written whole or not at all.

DIR/summary.json            the run in numbers
DIR/program.npz             the recording; it can be simulated again
DIR/trace.npz               the trace, without loss
DIR/bubbles.csv             the bubble table
DIR/perfetto.json           for ui.perfetto.dev
DIR/dfx_outputs/            the files a device writes, for the ecosystem's tools
DIR/swimlane.png            the picture
"""

import shutil
import tempfile
from pathlib import Path

from npusim.analysis import bubble_table
from npusim.api.run import Run
from npusim.errors import FileFormatError, OutputError
from npusim.formats import is_capture, read_capture, write_capture, write_perfetto, write_summary
from npusim.plotting import save_figure, swimlane_figure
from npusim.program import save_program
from npusim.trace import Trace, load_trace, save_trace

SUMMARY_FILE = "summary.json"
TRACE_FILE = "trace.npz"
CAPTURE_DIR = "dfx_outputs"


def save_run(run: Run, directory: Path, *, has_picture: bool = True) -> None:
    """Write ``run`` to ``directory``, replacing an earlier run there in one step.

    Args:
        run: What to write.
        directory: Made if missing; an existing one must be empty or hold an earlier run.
        has_picture: Also draw ``swimlane.png``, which takes about a second.

    Raises:
        OutputError: If the directory cannot be written or holds something else.
    """
    check_output_directory(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    except OSError as error:
        raise _unwritable(directory, error) from error
    try:
        staging.chmod(0o755)
        _write_files(run, staging, has_picture=has_picture)
        _swap_in(staging, directory)
    except OSError as error:
        raise _unwritable(directory, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def check_output_directory(directory: Path) -> None:
    """Make sure that a run may be written to ``directory``.

    Raises:
        OutputError: If it is a file, or holds something that is not a run.
    """
    if directory.exists() and not directory.is_dir():
        msg = f"{directory}: is a file; expected a directory to write the run to"
        raise OutputError(msg)
    try:
        holds_other = directory.is_dir() and any(directory.iterdir())
    except OSError as error:
        raise _unwritable(directory, error) from error
    if holds_other and not (directory / SUMMARY_FILE).is_file():
        msg = (
            f"{directory}: holds files that are not a run; expected an empty or new directory; "
            "choose another one, so that nothing is lost"
        )
        raise OutputError(msg)


def load_run_trace(path: Path) -> Trace:
    """The trace of a run directory, or of a capture from a device.

    Raises:
        FileFormatError: If there is neither, or it cannot be read.
    """
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


def _write_files(run: Run, directory: Path, *, has_picture: bool) -> None:
    write_summary(directory / SUMMARY_FILE, run.summary())
    save_program(run.program, directory / "program.npz")
    save_trace(run.trace, directory / TRACE_FILE)
    (directory / "bubbles.csv").write_text(bubble_table(run.trace).to_csv(), encoding="utf-8")
    write_perfetto(directory / "perfetto.json", run.trace)
    if run.request.swimlane_level:
        capture = directory / CAPTURE_DIR
        capture.mkdir()
        write_capture(capture, run.trace, run.program, level=run.request.swimlane_level)
    if has_picture:
        save_figure(swimlane_figure(run.trace), directory / "swimlane.png")


def _swap_in(staging: Path, directory: Path) -> None:
    """Put ``staging`` in the place of ``directory``; the old run goes only when the new is in."""
    if not directory.exists():
        staging.rename(directory)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{directory.name}-old-", dir=directory.parent))
    directory.rename(old / "run")
    try:
        staging.rename(directory)
    except OSError:
        (old / "run").rename(directory)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _unwritable(directory: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    msg = f"{directory}: cannot be written ({reason}); choose a directory you may write to"
    return OutputError(msg)

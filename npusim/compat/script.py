"""Run a kernel file's own ``__main__`` with its own arguments."""

import io
import runpy
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from npusim.compat.errors import MultiDeviceError
from npusim.compat.external_kernels import register_external_kernels
from npusim.compat.imports import kernel_imports
from npusim.compat.launch import SessionLauncher
from npusim.compat.memory import limit_memory
from npusim.compat.options import CompatOptions
from npusim.compat.outcome import Outcome, outcome_of_error, outcome_of_exit
from npusim.compat.ranks import check_single_device
from npusim.compat.session import RunRecord, Session, activate
from npusim.compat.torch_bridge import torch_module
from npusim.errors import NpuSimError, OutputError, UsageError
from npusim.language.jit import launching

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """How a kernel file ended."""

    exit_code: int
    outcome: Outcome
    records: list[RunRecord] = field(default_factory=list)
    error: BaseException | None = None
    """What ended it, other than its own exit."""


def run_script(path: Path, arguments: Sequence[str], options: CompatOptions) -> ScriptResult:
    """Run the kernel file ``path``; its ``__main__`` sees ``arguments`` as its command line.

    Args:
        path: A Python file in the style of hw-native-sys/pypto-lib.
        arguments: Everything after the file name, unchanged.
        options: npusim's own choices.

    Returns:
        The exit code that the file chose, and what it ran. Errors of the file are in the result.

    Raises:
        UsageError: If a file is missing or not Python, or torch is not installed.
        OutputError: If the JSON file cannot be written.
    """
    for file, what in ((path, "a kernel file of pypto-lib"), (options.externs, "Python")):
        if file is not None and not file.is_file():
            msg = f"{file}: no such file; expected {what}"
            raise UsageError(msg)
    for file in (path, options.externs):
        if file is not None:
            _check_is_python(file)
    torch_module()
    if options.max_memory_bytes is not None:
        limit_memory(options.max_memory_bytes)
    register_external_kernels()
    session = Session(options)
    result = _run_main(path.resolve(), arguments, session)
    if options.json_path is not None:
        write_records(options.json_path, session.records)
    return result


def report(result: ScriptResult, file_name: str) -> None:
    """Say on stderr how each run went and, after an error, which lines of the file led there.

    A file for several ranks has no wrong line, so that one is left to the error alone.
    """
    talk = Session().talk
    needs_ranks = isinstance(result.error, MultiDeviceError)
    if result.error is not None and not needs_ranks:
        sys.stderr.write(_user_traceback(result.error))
    for record in result.records:
        talk(record.describe())
    if not result.records and not needs_ranks:
        talk(f"{file_name}: no kernel ran")


def write_records(path: Path, records: Sequence[RunRecord]) -> None:
    """Write one JSON object per run, as a list.

    Raises:
        OutputError: If the file cannot be written.
    """
    encoded = msgspec.json.encode([record.to_json() for record in records], order="sorted")
    try:
        path.write_bytes(msgspec.json.format(encoded, indent=2) + b"\n")
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror}); choose another file"
        raise OutputError(msg) from None


def checkout_root(path: Path) -> Path:
    """The checkout that ``path`` belongs to: the nearest directory above with ``golden/`` or .git.

    The directory of the file itself where there is none.
    """
    for directory in path.parents:
        if (directory / "golden" / "__init__.py").is_file() or (directory / ".git").exists():
            return directory
    return path.parent


def _check_is_python(file: Path) -> None:
    """Make sure that ``file`` can be compiled; what is wrong inside it is its own affair.

    Raises:
        UsageError: If it cannot, naming the line.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they come again when the file runs
            compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    except OSError as error:
        msg = f"{file}: cannot be read ({error.strerror or error}); expected a Python file"
        raise UsageError(msg) from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        msg = (
            f"{file}{f':{line}' if line else ''}: not a Python file ({reason}); expected a kernel "
            "file in the style of pypto-lib; correct that line or name another file"
        )
        raise UsageError(msg) from error


def _run_main(path: Path, arguments: Sequence[str], session: Session) -> ScriptResult:
    error: BaseException | None = None
    code = 0
    with (
        activate(session),
        launching(SessionLauncher(session)),
        kernel_imports(list(dict.fromkeys((path.parent, checkout_root(path))))),
        _command_line([str(path), *arguments]),
    ):
        try:
            check_single_device(path)
            if session.options.externs is not None:
                runpy.run_path(str(session.options.externs), run_name="npusim_externs")
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as leave:
            code = _exit_code(leave)
        except KeyboardInterrupt:
            raise
        except BaseException as raised:  # whatever the file raises is its result
            error, code = raised, 1
    if error is None:
        failures = [
            output.message
            for record in session.records
            for output in record.outputs
            if not output.passed
        ]
        verified = [record.verified for record in session.records]
        outcome = outcome_of_exit(code, verified, [" ".join(text.split()) for text in failures])
    else:
        outcome = outcome_of_error(error)
    return ScriptResult(code, outcome, session.records, error)


def _exit_code(leave: SystemExit) -> int:
    """The code of ``leave`` as Python would exit; a message goes to stderr."""
    if leave.code is None:
        return 0
    if isinstance(leave.code, int):
        return leave.code
    print(leave.code, file=sys.stderr)  # noqa: T201 - what Python itself would do
    return 1


@contextmanager
def _command_line(argv: list[str]) -> Iterator[None]:
    before, sys.argv = sys.argv, argv
    try:
        yield
    finally:
        sys.argv = before


def _user_traceback(error: BaseException) -> str:
    """The frames of ``error`` in the kernel file and what it imports, without npusim's own."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not Path(frame.filename).is_relative_to(_PACKAGE) and "runpy" not in frame.filename
    ]
    text = io.StringIO()
    if frames:
        text.write("Traceback (most recent call last):\n")
        text.writelines(traceback.format_list(frames))
    if not isinstance(error, NpuSimError):  # which ends the program with a line of its own
        text.writelines(traceback.format_exception_only(error))
    return text.getvalue()

"""Entry of the ``npusim`` program, and what happens with errors.

The commands, and with them numpy and the drawing libraries, are imported where Ctrl-C is handled:
that takes a second or two, in which somebody may change their mind.
"""

import contextlib
import os
import sys
import traceback

import typer

from npusim.errors import NpuSimError, UsageError

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
"""What shells report of a program that Ctrl-C ended."""
_TRACEBACK = "--traceback"
_EXPECTED = "Input should be "
"""Of pydantic."""


def main() -> None:
    """Entry point of the ``npusim`` script."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """Run the program with ``arguments`` and return its exit code.

    Every error becomes one line on stderr and exit code 2; ``--traceback``, anywhere among the
    arguments, shows where it came from.
    """
    has_traceback = _TRACEBACK in arguments
    # The option is global, but it is typed where the cursor is: at the end of what just failed.
    # After pypto, though, arguments may belong to the file.
    stop = arguments.index("pypto") if "pypto" in arguments else len(arguments)
    wanted = [one for one in arguments[:stop] if one != _TRACEBACK] + arguments[stop:]
    try:
        from npusim.cli.app import app  # noqa: PLC0415
        from npusim.cli.run import fill_in_pmu_group  # noqa: PLC0415

        _refuse_empty(wanted[: wanted.index("pypto")] if "pypto" in wanted else wanted)
        filled = fill_in_pmu_group(wanted)
        result = app(args=filled or ["--help"], prog_name="npusim", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_left()
    except SystemExit as error:  # how typer leaves when stdout breaks
        if isinstance(error.__context__, BrokenPipeError):
            return _reader_left()
        message = f"the kernel file ended the program with sys.exit({error.code!r})"
        return _fail(message, has_traceback=has_traceback)
    except (typer.Abort, KeyboardInterrupt):
        result = EXIT_INTERRUPTED
    except Exception as error:
        return _fail(_message(error), has_traceback=has_traceback)
    if result == EXIT_INTERRUPTED:  # typer turns Ctrl-C into this
        print("npusim: interrupted", file=sys.stderr)
    return result if isinstance(result, int) else 0


def _refuse_empty(arguments: list[str]) -> None:
    """An empty argument would become the current directory where a path belongs.

    Raises:
        UsageError: If one is empty, as of a shell variable that is not set.
    """
    for before, argument in zip(["npusim", *arguments], arguments, strict=False):
        name, equals, value = argument.partition("=")
        if argument and not (name.startswith("--") and equals and not value):
            continue
        where = f"after {before}" if not argument else f"in {argument}"
        msg = (
            f"'' {where}: an argument is empty; expected a name or a value; write one or leave it "
            "out"
        )
        raise UsageError(msg)


def _message(error: Exception) -> str:
    # A kernel that fails is told where: scope, loop indices and the tensors at hand.
    notes = (note.removeprefix("npusim: ") for note in getattr(error, "__notes__", ()))
    return "; ".join((_reason(error), *notes))


def _reason(error: Exception) -> str:
    if isinstance(error, NpuSimError):
        return str(error)
    if isinstance(error, typer.TyperException):
        return _usage_message(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or error
        return f"{where}{reason}; expected a usable file; check its name, its rights and the disk"
    return (
        f"unexpected {type(error).__name__}: {error}; this is a defect of npusim or of the kernel "
        f"file; run again with {_TRACEBACK} to see where"
    )


def _usage_message(error: typer.TyperException) -> str:
    """What typer found wrong with the arguments, in the words and the order of our messages."""
    if text := _wrong_value(error):
        return text
    text = error.format_message().rstrip(".").replace("Value error, ", "")
    text = f"{text[:1].lower()}{text[1:]}"
    context = getattr(error, "ctx", None)
    if context is None:
        return f"{text}; see npusim --help"
    if type(error) is typer.BadParameter:  # not a missing one: the text says what is expected
        return f"{text}; see {context.command_path} --help"
    usage = context.get_usage().removeprefix("Usage: ").translate({ord("{"): None, ord("}"): None})
    if context.parent is None:
        usage = f"one of {', '.join(context.command.list_commands(context))}"
    return f"{text}; expected {usage}; see {context.command_path} --help"


def _wrong_value(error: typer.TyperException) -> str:
    """The message about a value of the wrong type, which typer does not repeat; else nothing."""
    find = getattr(error.__cause__, "errors", None)  # that of pydantic
    parameter, context = getattr(error, "param", None), getattr(error, "ctx", None)
    if find is None or parameter is None or context is None:
        return ""
    found = find()[0]
    expected = str(found["msg"]).partition(",")[0]
    if not expected.startswith(_EXPECTED):  # our own words, or those of an enum: with the value
        return ""
    expected = expected.removeprefix(_EXPECTED)
    name = parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.metavar
    return f"{name} {found['input']}: expected {expected}; see {context.command_path} --help"


def _reader_left() -> int:
    """The reader of stdout has seen enough, as ``head`` has after ten lines: nothing is wrong."""
    # Python flushes stdout once more at the end, which would complain again.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # type: ignore[union-attr]
    return 0


def _fail(message: str, *, has_traceback: bool) -> int:
    if has_traceback:
        traceback.print_exc()
    line = " ".join(message.split())
    print(f"npusim: error: {line}", file=sys.stderr)
    return EXIT_USAGE

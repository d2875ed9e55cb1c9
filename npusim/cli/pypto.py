"""``npusim pypto``."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.cli.output import print_rows, talk
from npusim.compat.census import (
    COLUMNS,
    CensusRequest,
    census_rows,
    count_reasons,
    is_fine,
    take_census,
)
from npusim.compat.options import SplitArguments, split_arguments, take_options
from npusim.compat.script import report, run_script
from npusim.errors import NpuSimError, UsageError

EXIT_CHECK_FAILED = 1
_CENSUS, _RETRY = "--census", "--retry"
_JOBS, _TIMEOUT, _JSON = "--jobs", "--timeout", "--json"
FILE_ARGUMENTS = {
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}
"""How the command is registered: what it does not know, --help included, is the file's."""


def pypto(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE [ARGS…]", help="A kernel file and its own arguments."),
    ] = None,
) -> int:
    """Run a kernel file of pypto-lib as it is: verify it with its own golden, simulate the chip.

    The exit code is the file's own; 2 if it cannot be run. Options of npusim, before or after FILE:

    --npusim-json FILE  write one JSON object per run, as a list

    --npusim-deps MODE  how dependencies are found: tensormap, exact, prefix

    --npusim-chip NAME  chip to simulate instead of the file's platform

    --npusim-externs FILE  Python file that registers stand-ins of external kernels

    --npusim-no-simulate  only verify

    --max-memory SIZE  stop before the process takes more, such as 16GiB

    npusim pypto --census DIR tries every kernel file of a checkout:

    --jobs N  files at a time, 1 if left out

    --timeout S  seconds per file, 600 if left out

    --json FILE  keep the rows there; files that are in it with the same content are skipped

    --retry  but try again those that did not pass
    """
    tokens = list(arguments or [])
    if not tokens or tokens[0] == "--help":
        print(context.get_help())
        return 0
    split = split_arguments(tokens)
    has_file = bool(split.rest) and not split.rest[0].startswith("-")
    if not has_file and any(token.partition("=")[0] == _CENSUS for token in split.rest):
        return _take_census(split)
    if not has_file:
        msg = (
            f"npusim pypto: {split.rest[0] if split.rest else 'nothing'} where the kernel file "
            "belongs; expected one, as in npusim pypto FILE -p a2a3sim"
        )
        raise UsageError(msg)
    path = Path(split.rest[0])
    result = run_script(path, split.rest[1:], split.options)
    report(result, path.name)
    if isinstance(result.error, NpuSimError):
        raise result.error
    return result.exit_code


def _take_census(split: SplitArguments) -> int:
    valued = (_CENSUS, _JOBS, _TIMEOUT, _JSON)
    own, rest = take_options(split.rest, valued=valued, flags=(_RETRY,))
    if rest:
        known = ", ".join((*valued[1:], _RETRY))
        msg = f"npusim pypto --census: {rest[0]} is unknown; expected some of {known}"
        raise UsageError(msg)
    request = CensusRequest(
        directory=Path(own[_CENSUS]),
        jobs=_positive_integer(_JOBS, own.get(_JOBS, "1")),
        timeout_s=float(_positive_integer(_TIMEOUT, own.get(_TIMEOUT, "600"))),
        json_path=Path(own[_JSON]) if _JSON in own else None,
        retries=_RETRY in own,
        options=split.options,
    )
    entries = take_census(request, talk)
    counts = ", ".join(f"{count} {reason}" for reason, count in count_reasons(entries).items())
    print_rows(f"{len(entries)} files: {counts}", COLUMNS, census_rows(entries))
    return 0 if all(is_fine(entry) for entry in entries) else EXIT_CHECK_FAILED


def _positive_integer(option: str, text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        msg = f"{option} {text}: expected a whole number from 1 on"
        raise UsageError(msg)
    return int(text)

"""How commands print: tables and JSON to stdout, progress to stderr."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table as RichTable

from npusim.analysis import Table
from npusim.errors import UsageError

_PIPE_WIDTH = 240
"""Columns for text that goes to a file or a pipe, where nothing says how wide it may be."""


def print_json(value: Any) -> None:
    """One JSON value on stdout, keys sorted, with a newline."""
    encoded = msgspec.json.encode(value, order="sorted")
    print(msgspec.json.format(encoded, indent=2).decode())


def check_one_format(*, as_csv: bool, as_json: bool) -> None:
    """Make sure that output is asked for in one format.

    Raises:
        UsageError: If it is asked for in two.
    """
    if as_csv and as_json:
        msg = "--csv and --json: both given; expected one format; leave one out"
        raise UsageError(msg)


def print_table(table: Table) -> None:
    """A table on stdout as aligned text; never wrapped, so that it can be piped."""
    print(table)
    print()


def print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows of text on stdout, as a table that wraps its last column to the terminal."""
    table = RichTable(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(highlight=False, markup=False, width=width).print(table)


@contextmanager
def progress(*, is_quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A function that tells stderr which stage runs: live on a terminal, a line each otherwise."""
    console = Console(stderr=True, highlight=False, markup=False, quiet=is_quiet)
    started = time.perf_counter()
    with console.status("starting") as status:

        def tell(stage: str) -> None:
            elapsed_s = time.perf_counter() - started
            if console.is_terminal:
                status.update(f"{stage} ({elapsed_s:.1f} s)")
            else:
                console.print(f"{elapsed_s:6.1f} s  {stage}")

        yield tell


def talk(message: str) -> None:
    """One line to stderr."""
    print(message, file=sys.stderr)

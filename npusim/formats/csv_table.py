"""A comma separated table that somebody else wrote: strict cells, errors with line and column."""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from npusim.errors import FileFormatError
from npusim.formats.document import MAX_DOCUMENT_BYTES, read_bytes
from npusim.formats.fields import INT64_STOP
from npusim.trace import NO_TIME
from npusim.units import MIB, PS_PER_US

_MAX_US = INT64_STOP // PS_PER_US // 4
"""Longest time that is read; two of them still add up to a trace time."""
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class CsvTable:
    """Cells as text, by column."""

    path: Path
    columns: dict[str, list[str]]
    lines: tuple[int, ...]
    """Line of each row in the file, from 1."""

    @property
    def row_count(self) -> int:
        """Records, the header not counted."""
        return len(self.lines)

    def has(self, name: str) -> bool:
        """True if the table has column ``name``."""
        return name in self.columns

    def texts(self, name: str) -> list[str]:
        """Cells of a column; none may be empty."""
        for row, cell in enumerate(self.columns[name]):
            if not cell:
                self.fail(row, name, cell, "a name")
        return self.columns[name]

    def integers(self, name: str, *, stop: int = INT64_STOP) -> npt.NDArray[np.int64]:
        """Cells of a column as ints from 0 to ``stop - 1``."""
        found = np.zeros(self.row_count, np.int64)
        for row, cell in enumerate(self.columns[name]):
            if not (cell.isascii() and cell.isdigit() and len(cell) < 20) or int(cell) >= stop:
                limit = f"from 0 to {stop - 1}" if stop != INT64_STOP else "of at least 0"
                self.fail(row, name, cell, f"an int {limit}")
            found[row] = int(cell)
        return found

    def times_ps(self, name: str, *, is_optional: bool = False) -> npt.NDArray[np.int64]:
        """Cells of a column of microseconds, not negative, as picoseconds.

        An empty cell of an optional column is ``NO_TIME``; elsewhere it is refused.
        """
        found = np.zeros(self.row_count, np.int64)
        for row, cell in enumerate(self.columns[name]):
            if is_optional and not cell:
                found[row] = NO_TIME
                continue
            try:
                value = float(cell)
            except ValueError:
                value = math.nan
            if not 0 <= value <= _MAX_US:  # also false for NaN
                self.fail(row, name, cell, "a time of at least 0 microseconds")
            found[row] = round(value * PS_PER_US)
        return found

    def fail(self, row: int, column: str, value: object, expected: str) -> NoReturn:
        """Refuse one cell.

        Raises:
            FileFormatError: Always.
        """
        shown = repr(value)
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        msg = (
            f"{self.path}:{self.lines[row]}: {column} is {shown}; expected {expected}; "
            "mend the line or record the capture again"
        )
        raise FileFormatError(msg)


def read_table(path: Path, needed: Sequence[Sequence[str]], what: str) -> CsvTable:
    """The table in ``path``, whose first line names the columns.

    Args:
        path: A comma separated file, plain or in gzip.
        needed: Columns it must have; each as a tuple of names, of which the table has one. It is
            found in the result under the first name of the tuple.
        what: What the table is, for messages: ``task table``.

    Raises:
        FileFormatError: If the file is missing, is no such table, or a line has another number of
            cells than the header.
    """
    content = _unpacked(path, read_bytes(path, f"a {what} in CSV"), what)
    reader = csv.reader(io.StringIO(_decoded(path, content, what), newline=""), strict=True)
    try:
        records = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        msg = f"{path}:{reader.line_num}: not CSV ({error}); expected a {what} in CSV"
        raise FileFormatError(msg) from error
    header = [cell.strip() for cell in records[0][1]] if records else []
    renamed = _renamed(path, header, needed, what)
    rows = [cells for _, cells in records[1:]]
    for line, cells in records[1:]:
        if len(cells) != len(header):
            msg = (
                f"{path}:{line}: has {len(cells)} cells; "
                f"expected {len(header)}, one per column; mend the line"
            )
            raise FileFormatError(msg)
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    texts = [[cell.strip() for cell in column] for column in columns]
    lines = tuple(line for line, _ in records[1:])
    return CsvTable(path, dict(zip(renamed, texts, strict=True)), lines)


def _decoded(path: Path, content: bytes, what: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{path}: not text ({error}); expected a {what} in CSV"
        raise FileFormatError(msg) from error


def _unpacked(path: Path, content: bytes, what: str) -> bytes:
    """``content``, or what is inside if it is gzip; a bomb is not unpacked."""
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        with gzip.open(io.BytesIO(content)) as packed:
            unpacked = packed.read(MAX_DOCUMENT_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        msg = f"{path}: cannot be unpacked ({error}); expected a {what} in CSV, or one in gzip"
        raise FileFormatError(msg) from error
    if len(unpacked) > MAX_DOCUMENT_BYTES:
        limit = MAX_DOCUMENT_BYTES // MIB
        msg = (
            f"{path}: unpacks to more than {limit} MiB; expected a {what} below; record fewer tasks"
        )
        raise FileFormatError(msg)
    return unpacked


def _renamed(
    path: Path, header: list[str], needed: Sequence[Sequence[str]], what: str
) -> list[str]:
    if len(set(header)) < len(header):
        repeated = next(name for name in header if header.count(name) > 1)
        msg = f"{path}:1: names column {repeated!r} twice; expected each once; remove one"
        raise FileFormatError(msg)
    known = {name: names[0] for names in needed for name in names}
    renamed = [known.get(name, name) for name in header]
    for names in needed:
        if renamed.count(names[0]) != 1:
            shown = ",".join(header)[:80]
            msg = (
                f"{path}:1: not a {what}: its columns are {shown or 'none'}; "
                f"expected {' or '.join(names)} among them, once"
            )
            raise FileFormatError(msg)
    return renamed

"""The small frozen table that every analysis returns: columns with units, rows of plain values."""

import csv
import io
from dataclasses import dataclass

Cell = str | int | float | None
"""A plain Python value; ``None`` means that the trace does not hold it."""

_UNIT_SUFFIXES = {"us": "_us", "%": "_percent"}
_MISSING = "-"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key in files, its unit and how a number of it is written as text."""

    name: str
    """Key in CSV and JSON, unit as a suffix: ``busy_us``, ``busy_percent``."""
    unit: str = ""
    """Unit shown under the heading, empty for names and counts."""
    format: str = ""
    """Format specification of numbers in the text, such as ``.1f``; files keep every digit."""
    is_left_out_if_zero: bool = False
    """True where the text may leave the column out when every value is zero; it then says so."""

    @property
    def heading(self) -> str:
        """Name without the unit suffix, for text where the unit stands below it."""
        return self.name.removesuffix(_UNIT_SUFFIXES.get(self.unit, ""))

    def text(self, cell: Cell) -> str:
        """The cell as it is printed."""
        if cell is None:
            return _MISSING
        return cell if isinstance(cell, str) else format(cell, self.format)


@dataclass(frozen=True, slots=True)
class Table:
    """An answer to one question about a trace.

    Raises:
        ValueError: If a row does not have one cell per column.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        for index, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                msg = (
                    f"table {self.title!r}: row {index} has {len(row)} cells; "
                    f"expected {len(self.columns)}, one per column"
                )
                raise ValueError(msg)

    def column(self, name: str) -> tuple[Cell, ...]:
        """All cells of column ``name``, top to bottom.

        Raises:
            KeyError: If there is no such column.
        """
        names = [column.name for column in self.columns]
        if name not in names:
            msg = f"table {self.title!r}: no column {name!r}; expected one of {', '.join(names)}"
            raise KeyError(msg)
        index = names.index(name)
        return tuple(row[index] for row in self.rows)

    def without_unit(self, *units: str) -> "Table":
        """The same rows without the columns in these units, for text that has to be narrow."""
        kept = [i for i, column in enumerate(self.columns) if column.unit not in units]
        return Table(
            self.title,
            tuple(self.columns[i] for i in kept),
            tuple(tuple(row[i] for i in kept) for row in self.rows),
        )

    def to_json(self) -> list[dict[str, Cell]]:
        """One dictionary per row, keyed by column name."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    def to_csv(self) -> str:
        """Comma separated text with a header line; numbers keep every digit, ``None`` is empty."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(column.name for column in self.columns)
        writer.writerows(self.rows)
        return buffer.getvalue()

    def __str__(self) -> str:
        left_out = [i for i in range(len(self.columns)) if self._is_left_out(i)]
        kept = [i for i in range(len(self.columns)) if i not in left_out]
        blocks = [self._aligned(i) for i in kept]
        lines = [self.title]
        lines += ["  ".join(cells).rstrip() for cells in zip(*blocks, strict=True)]
        if left_out:
            names = ", ".join(self.columns[i].name for i in left_out)
            lines.append(f"zero in every row: {names}")
        return "\n".join(lines)

    def _is_left_out(self, index: int) -> bool:
        return self.columns[index].is_left_out_if_zero and all(row[index] == 0 for row in self.rows)

    def _aligned(self, index: int) -> list[str]:
        """Heading, unit, rule and cells of one column, all of one width."""
        column = self.columns[index]
        cells = [column.text(row[index]) for row in self.rows]
        width = max(len(text) for text in (column.heading, column.unit, *cells))
        is_text = any(isinstance(row[index], str) for row in self.rows)
        align = str.ljust if is_text else str.rjust
        return [
            align(column.heading, width),
            align(column.unit, width),
            "-" * width,
            *(align(cell, width) for cell in cells),
        ]

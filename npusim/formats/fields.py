"""Checked access to the fields of a record in a file that somebody else wrote.

Every refusal names the file, the record, the field, the value and what was expected.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from npusim.errors import FileFormatError

NS_PER_US = 1_000
_MAX_US = 1e12
"""Eleven days; beyond that a file holds something else than times of a run."""
INT64_STOP = 1 << 63
"""One past the largest integer that a trace can hold."""


@dataclass(frozen=True, slots=True)
class Place:
    """A record in a file, for instance ``aicore_tasks[17]`` of a records file."""

    path: Path
    record: str = ""

    def at(self, record: str) -> "Place":
        """The place of ``record`` inside this one."""
        return Place(self.path, f"{self.record}{record}")

    def fail(
        self, field: str, value: object, expected: str, advice: str = "record the capture again"
    ) -> NoReturn:
        """Refuse ``value`` of ``field``.

        Raises:
            FileFormatError: Always.
        """
        name = f"{self.record}.{field}" if self.record and field else self.record or field
        shown = repr(value)
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        msg = f"{self.path}: {name} is {shown}; expected {expected}; {advice}"
        raise FileFormatError(msg)

    def record_of(self, value: object) -> dict[str, Any]:
        """``value`` as an object."""
        return value if isinstance(value, dict) else self.fail("", value, "an object")

    def integer(
        self,
        record: dict[str, Any],
        field: str,
        *,
        low: int = 0,
        stop: int = INT64_STOP,
        default: int | None = None,
    ) -> int:
        """``record[field]`` as an int from ``low`` to ``stop - 1``.

        A missing field gives ``default`` if there is one.
        """
        value = record.get(field, default)
        if type(value) is not int or not low <= value < stop:
            limit = f"from {low} to {stop - 1}" if stop != INT64_STOP else f"of at least {low}"
            self.fail(field, value, f"an int {limit}")
        return value

    def flag(self, record: dict[str, Any], field: str) -> bool:
        """``record[field]`` as true or false; a missing field is false."""
        value = record.get(field, False)
        return value if isinstance(value, bool) else self.fail(field, value, "true or false")

    def identity(self, record: dict[str, Any], field: str) -> int:
        """``record[field]`` as a task identity; uint64 may be quoted, as upstream writes it."""
        value = record.get(field)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
            value = int(value)
        if type(value) is not int or not 0 <= value < INT64_STOP:
            self.fail(field, record.get(field), "an id of at least 0, as an int or a string of it")
        return value

    def listed(self, record: dict[str, Any], field: str, *, default: Any = None) -> list[Any]:
        """``record[field]`` as a list; a missing field gives ``default`` if there is one."""
        value = record.get(field, default)
        return value if isinstance(value, list) else self.fail(field, value, "a list")

    def text(self, record: dict[str, Any], field: str, *, default: str) -> str:
        """``record[field]`` as a string; ``default`` where it is missing or null."""
        value = record.get(field)
        if value is None:
            return default
        if not isinstance(value, str) or not _is_unicode(value):
            self.fail(field, value, "a string of Unicode text")
        return value

    def nanoseconds(self, record: dict[str, Any], field: str) -> int:
        """``record[field]`` in µs, as whole nanoseconds; these files keep three decimals."""
        value: Any = record.get(field)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not abs(value) < _MAX_US:  # NaN compares false
            self.fail(field, value, "a finite time in us")
        time_ns: int = round(value * NS_PER_US)
        return time_ns


def _is_unicode(text: str) -> bool:
    # JSON can spell half a surrogate pair, which no file can hold again.
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)

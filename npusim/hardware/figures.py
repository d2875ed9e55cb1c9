"""Read the figures of a chip file: every fact with its kind, its source and its unit.

A file is a tree of tables; a table with ``value`` is a fact. What the facts mean to the model is
the business of ``chip.py``; here it only matters that each of them is complete and cited.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from npusim.errors import HardwareSpecError, UsageError

SCHEMA = 1
_HEADER_KEYS = ("schema", "name", "title", "sources")
_FACT_KEYS = ("value", "kind", "source", "where", "note", "from")
_SOURCE_KEYS = ("title", "version", "date", "url", "path")

_UNITS = (  # the first suffix that matches wins
    ("_bytes_per_cycle", "B/cycle"),
    ("_bytes_per_us", "B/us"),
    ("slope_cycles_per_repeat", "cycles/repeat"),
    ("fixed_per_repeat_cycles", "cycles/repeat of a row"),
    ("per_row_repeat_cycles", "cycles/row/repeat"),
    ("per_row_cycles", "cycles/row"),
    ("_row_floor_cycles", "cycles/row"),
    ("_cycles", "cycles"),
    ("_bytes", "B"),
    ("_ns", "ns"),
    ("_mhz", "MHz"),
)


class FigureKind(StrEnum):
    """How a figure was obtained, from firm to soft."""

    DOCUMENTED = "documented"
    MEASURED = "measured"
    DERIVED = "derived"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Figure:
    """One fact of a chip file, ready for a table."""

    key: str
    """Dotted path, for instance ``memory.l2_capacity_bytes``."""
    value: int | float | bool
    unit: str
    """Follows from the end of the key; empty for counts and flags."""
    kind: FigureKind
    source: str
    source_title: str
    where: str
    """Place inside the source."""
    note: str
    derivation: str = ""
    """The arithmetic of a derived figure; empty for the other kinds."""


@dataclass(frozen=True, slots=True)
class ChipFile:
    """The checked content of a chip file."""

    path: Path
    name: str
    title: str
    figures: tuple[Figure, ...]


def read_chip_file(path: Path) -> ChipFile:
    """The header and all figures of the chip file at ``path``, in the order of the file.

    Raises:
        UsageError: If there is no such file.
        HardwareSpecError: If the file is not TOML, of another schema, or a fact is incomplete,
            has an unknown key, an unknown kind or cites no source.
    """
    try:
        with path.open("rb") as handle:
            tree = tomllib.load(handle)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); expected a chip file; check the path"
        raise UsageError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: not TOML ({error}); expected a chip file; correct that line"
        raise HardwareSpecError(msg) from error
    schema = tree.get("schema")
    if schema != SCHEMA:
        msg = f"{path}: schema is {schema!r}; expected {SCHEMA}; update the file to that layout"
        raise HardwareSpecError(msg)
    titles = _source_titles(path, tree)
    sections = {key: value for key, value in tree.items() if key not in _HEADER_KEYS}
    return ChipFile(
        path=path,
        name=_text(path, "the header", tree, "name"),
        title=_text(path, "the header", tree, "title"),
        figures=tuple(_figure(path, key, fact, titles) for key, fact in _facts(path, sections)),
    )


def unit_of(key: str) -> str:
    """The unit that the end of ``key`` names; empty for counts and flags."""
    return next((unit for suffix, unit in _UNITS if key.endswith(suffix)), "")


def _facts(
    path: Path, tables: dict[str, Any], prefix: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table in tables.items():
        key = f"{prefix}{name}"
        if not isinstance(table, dict):
            msg = (
                f"{path}: {key} is {table!r}; expected a table with {', '.join(_FACT_KEYS[:4])}; "
                f"write [{key}] and put the figure under value"
            )
            raise HardwareSpecError(msg)
        if any(fact_key in table for fact_key in _FACT_KEYS):
            yield key, table
        else:
            yield from _facts(path, table, f"{key}.")


def _figure(path: Path, key: str, fact: dict[str, Any], titles: dict[str, str]) -> Figure:
    _refuse_unknown(path, key, fact, _FACT_KEYS)
    if not isinstance(fact.get("value"), int | float):
        msg = f"{path}: {key}.value is {fact.get('value')!r}; expected a number or a flag; give it"
        raise HardwareSpecError(msg)
    source = _text(path, key, fact, "source")
    if source not in titles:
        msg = (
            f"{path}: {key}.source is {source!r}; expected one of {', '.join(sorted(titles))}; "
            f"add [sources.{source}] or correct the name"
        )
        raise HardwareSpecError(msg)
    kind = _kind(path, key, fact)
    return Figure(
        key=key,
        value=fact["value"],
        unit=unit_of(key),
        kind=kind,
        source=source,
        source_title=titles[source],
        where=_text(path, key, fact, "where"),
        note=_text(path, key, fact, "note", is_required=kind is FigureKind.ASSUMED),
        derivation=_text(path, key, fact, "from", is_required=kind is FigureKind.DERIVED),
    )


def _kind(path: Path, key: str, fact: dict[str, Any]) -> FigureKind:
    try:
        return FigureKind(_text(path, key, fact, "kind"))
    except ValueError as error:
        msg = f"{path}: {key}.kind is {fact['kind']!r}; expected one of {', '.join(FigureKind)}"
        raise HardwareSpecError(msg) from error


def _source_titles(path: Path, tree: dict[str, Any]) -> dict[str, str]:
    titles: dict[str, str] = {}
    sources = tree.get("sources", {})
    for name, table in sources.items() if isinstance(sources, dict) else ():
        key = f"sources.{name}"
        if not isinstance(table, dict):
            msg = f"{path}: {key} is {table!r}; expected a table with a title; write [{key}]"
            raise HardwareSpecError(msg)
        _refuse_unknown(path, key, table, _SOURCE_KEYS)
        titles[name] = _text(path, key, table, "title")
        for group in (("version", "date"), ("url", "path")):
            if not any(table.get(option) for option in group):
                msg = f"{path}: {key} has no {' or '.join(group)}; expected one of them; add it"
                raise HardwareSpecError(msg)
    return titles


def _refuse_unknown(path: Path, key: str, table: dict[str, Any], known: tuple[str, ...]) -> None:
    for name in table:
        if name not in known:
            msg = f"{path}: {key}.{name} is not a known key; expected one of {', '.join(known)}"
            raise HardwareSpecError(msg)


def _text(
    path: Path, key: str, table: dict[str, Any], name: str, *, is_required: bool = True
) -> str:
    text = table.get(name, "")
    if not isinstance(text, str) or (is_required and not text.strip()):
        found = f"is {text!r}" if name in table else "is missing"
        msg = f'{path}: {key}: {name} {found}; expected a text; add {name} = "..."'
        raise HardwareSpecError(msg)
    return text

"""One JSON or text document on disk: deterministic bytes out, strict parse in.

A document appears whole or not at all, so an interrupted export never leaves half a capture.
"""

import json
import tempfile
from pathlib import Path
from typing import Any, Literal

import msgspec

from npusim.errors import FileFormatError, OutputError
from npusim.units import MIB

MAX_DOCUMENT_BYTES = 512 * MIB
"""Far above any capture; parsing more would take the memory of the machine."""


def write_document(path: Path, value: Any, *, order: Literal["sorted"] | None = None) -> None:
    """Write ``value`` to ``path`` as compact JSON with a newline at the end.

    Args:
        path: File to write; an old one is replaced in one step.
        value: JSON values; non-finite numbers are refused because JSON has none.
        order: ``"sorted"`` sorts the keys of every object; the default keeps them as built.

    Raises:
        OutputError: If the file cannot be written.
        ValueError: If ``value`` holds something JSON cannot express.
    """
    write_bytes(path, msgspec.json.encode(value, order=order) + b"\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, replacing an old file in one step.

    Raises:
        OutputError: If the file cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".npusim-") as folder:
            temporary = Path(folder) / path.name
            temporary.write_bytes(content)
            temporary.replace(path)
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror or error}); choose another place"
        raise OutputError(msg) from error


def make_directory(directory: Path) -> None:
    """Create ``directory`` with its parents if it is not there.

    Raises:
        OutputError: If it cannot be made, or a file is in the way.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = (
            f"{directory}: cannot be made a directory ({error.strerror or error}); "
            "choose another place"
        )
        raise OutputError(msg) from error


def read_document(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``.

    Raises:
        FileFormatError: If the file is missing or too large, is not JSON (NaN and Infinity are
            not), repeats a key, or holds something else than an object.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        msg = f"{path}: holds a JSON {type(value).__name__}; expected an object"
        raise FileFormatError(msg)
    return value


def read_json(path: Path) -> Any:
    """The JSON value in ``path``.

    Raises:
        FileFormatError: As ``read_document``, for any JSON value.
    """
    return parse_json(read_bytes(path, "a JSON document"), path)


def parse_json(content: bytes, path: Path) -> Any:
    """The JSON value in ``content``, which is from ``path``.

    Raises:
        FileFormatError: If it is not JSON (NaN and Infinity are not), or repeats a key.
    """
    try:
        # Not msgspec: it takes the last of two equal keys, and half a record would pass unseen.
        return json.loads(content, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        msg = f"{path}: not JSON ({error}); the file is truncated or of another format"
        raise FileFormatError(msg) from error


def read_bytes(path: Path, expected: str) -> bytes:
    """The content of ``path``, which is ``expected`` (for messages).

    Raises:
        FileFormatError: If the file is missing, unreadable, or larger than 512 MiB.
    """
    try:
        size = path.stat().st_size
        if size > MAX_DOCUMENT_BYTES:
            msg = (
                f"{path}: has {size // MIB} MiB; expected at most {MAX_DOCUMENT_BYTES // MIB} MiB; "
                "record fewer tasks or a lower swimlane level"
            )
            raise FileFormatError(msg)
        return path.read_bytes()
    except FileNotFoundError as error:
        msg = f"{path}: no such file; expected {expected}"
        raise FileFormatError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror or error}); expected {expected}"
        raise FileFormatError(msg) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"key {twice!r} twice in one object"
        raise ValueError(msg)
    return record


def _refuse_constant(name: str) -> None:
    msg = f"{name} is no JSON number"
    raise ValueError(msg)

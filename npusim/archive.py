"""The container of npusim's own files: a zip of one JSON header and numpy arrays.

Programs and traces are written through it. The bytes depend on the content alone (fixed order,
fixed dates), a file appears whole or not at all, and a reader refuses what it does not know.
"""

import io
import os
import struct
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from npusim.errors import FileFormatError, OutputError

_HEADER = "header.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNREADABLE = (
    OSError,
    KeyError,  # an entry is missing
    ValueError,  # numpy: bad header, bad shape, pickled objects; text that is not UTF-8
    EOFError,
    SyntaxError,  # numpy parses its header as a Python literal ...
    tokenize.TokenError,  # ... after a second try with its tokens
    MemoryError,  # a forged shape
    OverflowError,
    RuntimeError,  # zipfile: encrypted, or a compression method it lacks (NotImplementedError)
    struct.error,
    msgspec.DecodeError,
    zipfile.BadZipFile,
    zlib.error,
)
_DEFLATE_LEVEL = 1  # arrays of small integers: level 9 is 30x slower for 24 % less


def write_archive(
    path: Path,
    *,
    kind: str,
    version: int,
    header: Mapping[str, Any],
    arrays: Mapping[str, npt.NDArray[Any]],
) -> None:
    """Write ``header`` and ``arrays`` to ``path``, replacing it in one step.

    Args:
        path: File to write.
        kind: What the file is, for instance ``program``; a reader must ask for the same.
        version: Layout version of that kind.
        header: JSON values; anything else is a ``TypeError``.
        arrays: One-dimensional arrays by name.

    Raises:
        OutputError: If the file cannot be written.
    """
    body = {"npusim": kind, "version": version, **header}
    try:
        _replace(path, _encode(body, arrays))
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror or error}); choose another place"
        raise OutputError(msg) from error


def read_archive(
    path: Path, *, kind: str, version: int, older: tuple[int, ...] = ()
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Header and arrays of the ``kind`` file at ``path``.

    Args:
        path: File to read.
        kind: What it should be.
        version: Layout version that the caller reads.
        older: Earlier versions that it reads too.

    Raises:
        FileFormatError: If the file is missing, corrupt, of another kind or version.
    """
    try:
        header, arrays = _decode(path)
    except FileNotFoundError as error:
        msg = f"{path}: no such file; expected a {kind} that npusim wrote"
        raise FileFormatError(msg) from error
    except _UNREADABLE as error:
        msg = f"{path}: not a readable npusim {kind} ({error}); write it again with npusim run"
        raise FileFormatError(msg) from error
    if not isinstance(header, dict) or header.get("npusim") != kind:
        found = header.get("npusim") if isinstance(header, dict) else type(header).__name__
        msg = f"{path}: holds {found!r}; expected a npusim {kind}"
        raise FileFormatError(msg)
    if header.get("version") not in (version, *older):
        msg = (
            f"{path}: {kind} layout version {header.get('version')}; this npusim reads version "
            f"{version}; write the file again with npusim run"
        )
        raise FileFormatError(msg)
    return header, arrays


def _encode(body: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        _add(archive, _HEADER, msgspec.json.encode(body, order="deterministic"))
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            _add(archive, f"{name}.npy", buffer.getvalue())
    return content.getvalue()


def _replace(path: Path, content: bytes) -> None:
    """Write next to ``path`` and move there, so that nobody ever sees half a file."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as handle:
        temporary = Path(handle.name)
        try:
            handle.write(content)
            handle.flush()
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.external_attr = 0o644 << 16
    archive.writestr(info, content, zipfile.ZIP_DEFLATED, compresslevel=_DEFLATE_LEVEL)


def _decode(path: Path) -> tuple[Any, dict[str, npt.NDArray[Any]]]:
    with zipfile.ZipFile(path) as archive:
        header = msgspec.json.decode(archive.read(_HEADER))
        arrays = {
            name.removesuffix(".npy"): np.lib.format.read_array(
                io.BytesIO(archive.read(name)), allow_pickle=False
            )
            for name in archive.namelist()
            if name.endswith(".npy")
        }
    return header, arrays


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current

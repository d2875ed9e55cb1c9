"""Writes a figure to a file: whole or not at all, and the same bytes every time."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import matplotlib
from matplotlib.figure import Figure

from npusim.errors import OutputError, UsageError

# Dates and random identifiers are what makes two equal pictures differ on disk.
_METADATA: dict[str, dict[str, Any]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}


def save_figure(fig: Figure, path: str | Path, dpi: int = 150) -> Path:
    """Writes ``fig`` as PNG, SVG or PDF, by the suffix of ``path``, and returns the path.

    The file appears under its name only when it is complete; an older one is replaced.

    Args:
        fig: Any matplotlib figure.
        path: Where to write; the directory must exist.
        dpi: Dots per inch of a PNG.

    Raises:
        UsageError: If the suffix is not one of the three.
        OutputError: If the file cannot be written.
    """
    target = Path(path)
    check_picture(target)
    try:
        _write(fig, target, target.suffix.lower(), dpi)
    except OSError as error:
        msg = f"{target}: cannot write the picture, {error.strerror}; name a writable directory"
        raise OutputError(msg) from error
    return target


def check_picture(target: Path) -> None:
    """Make sure, before the work, that a picture may be written to ``target``.

    Raises:
        UsageError: If the suffix is not one of the three.
        OutputError: If it is a directory, or lies in none.
    """
    suffix = target.suffix.lower()
    if suffix not in _METADATA:
        msg = f"{target}: unknown picture format {suffix!r}; expected a name ending in "
        raise UsageError(msg + ", ".join(_METADATA))
    check_file(target, "picture")


def check_file(target: Path, what: str) -> None:
    """Make sure that a file may take the name ``target``.

    Args:
        target: The name.
        what: What would be written, for the message.

    Raises:
        OutputError: If it is a directory, or lies in none that can be written.
    """
    if target.is_dir():
        msg = f"{target}: is a directory; expected a file for the {what}; name one inside it"
        raise OutputError(msg)
    if not target.parent.is_dir():
        code = errno.ENOTDIR if target.parent.exists() else errno.ENOENT
    elif not os.access(target.parent, os.W_OK | os.X_OK):
        code = errno.EACCES
    else:
        return
    msg = f"{target}: cannot write the {what}, {os.strerror(code)}; name a writable directory"
    raise OutputError(msg)


@contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the name ``target`` when the block ends, and not if it raises.

    Raises:
        OSError: If the directory cannot be written.
    """
    # In the target's directory, because a rename is atomic only within one file system.
    handle, name = tempfile.mkstemp(
        prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent
    )
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _write(fig: Figure, target: Path, suffix: str, dpi: int) -> None:
    salt = matplotlib.rc_context({"svg.hashsalt": "npusim", "svg.fonttype": "path"})
    with whole_file(target) as file, salt:
        fig.savefig(file, format=suffix[1:], dpi=dpi, metadata=_METADATA[suffix])


def _umask() -> int:
    """The process's file mode mask; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

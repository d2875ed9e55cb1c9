"""Output directories: written whole or not at all, and never over somebody else's files."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from npusim.errors import OutputError

_KEPT = "previous"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a directory of one kind holds, so that it can be told from anything else."""

    name: str
    """As messages call it, for instance ``run``."""
    entries: frozenset[str]
    """Every file and directory that npusim may put there."""
    marks: frozenset[str]
    """Those that are always there."""


def check_directory(directory: Path, layout: Layout) -> None:
    """Make sure that ``directory`` may be replaced by a new one of this layout.

    Raises:
        OutputError: If it is a file, the current directory, holds something else, or its parent
            cannot be written.
    """
    target = directory.resolve()
    try:
        if target.exists() and not target.is_dir():
            msg = f"{directory}: is a file; expected a directory; choose another name"
            raise OutputError(msg)
        if target.is_dir():
            _check_contents(directory, layout)
        if Path.cwd().is_relative_to(target):
            msg = (
                f"{directory}: is the current directory or above it; expected a directory that "
                f"can be replaced as a whole; name one inside it, for instance {layout.name}1"
            )
            raise OutputError(msg)
        ancestor = next(parent for parent in target.parents if parent.exists())
        # Trying is the only answer that holds for read-only disks, special file systems and root.
        with tempfile.TemporaryDirectory(prefix=".npusim-", dir=ancestor):
            pass
    except OSError as error:
        raise _unwritable(directory, error) from error


@contextmanager
def replaced_directory(directory: Path, layout: Layout) -> Iterator[Path]:
    """An empty directory to fill; it takes the place of ``directory`` when the block ends.

    If the block raises, everything is as it was before: an earlier run stays, and neither the
    staging directory nor parents that were made for it are left.

    Raises:
        OutputError: If the directory may not or cannot be written.
    """
    check_directory(directory, layout)
    target = directory.resolve()  # a link stays a link: what it points to is replaced
    made = _missing_parents(target)
    is_done = False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
            staging = Path(folder) / target.name
            staging.mkdir()
            try:
                yield staging
            except OutputError as error:  # it names the staging directory, which nobody asked for
                msg = str(error).replace(str(staging), str(directory))
                raise OutputError(msg) from error
            _swap_in(staging, target, Path(folder) / _KEPT)
        is_done = True
    except OSError as error:
        raise _unwritable(directory, error) from error
    finally:
        if not is_done:
            for parent in reversed(made):
                with suppress(OSError):  # another process may use it by now
                    parent.rmdir()


def _check_contents(directory: Path, layout: Layout) -> None:
    present = {entry.name for entry in directory.iterdir()}
    foreign = sorted(present - layout.entries)
    if foreign:
        found = f"holds {foreign[0]}, which is not part of a {layout.name}"
    elif present and not layout.marks <= present:
        found = f"holds files but no {min(layout.marks - present)}, so it is not a {layout.name}"
    else:
        return
    msg = (
        f"{directory}: {found}; expected a new or empty directory, or an earlier {layout.name}; "
        "choose another one, so that nothing is lost"
    )
    raise OutputError(msg)


def _missing_parents(target: Path) -> list[Path]:
    """Directories above ``target`` that do not exist, outermost first."""
    missing = []
    for parent in target.parents:
        if parent.exists():
            break
        missing.append(parent)
    return missing[::-1]


def _swap_in(staging: Path, target: Path, kept: Path) -> None:
    """Put ``staging`` in the place of ``target``; the old one goes only when the new one is in."""
    if not target.exists():
        staging.rename(target)
        return
    try:
        target.rename(kept)
        staging.rename(target)
    except BaseException:
        if kept.exists() and not target.exists():
            kept.rename(target)
        raise


def _unwritable(directory: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    msg = f"{directory}: cannot be written ({reason}); choose a directory you may write to"
    return OutputError(msg)

"""Where a checkout of pypto-lib lies, for the points that need its kernel files."""

import os
import subprocess
from pathlib import Path

from npusim.errors import UsageError

VARIABLE = "NPUSIM_PYPTO_LIB"


def find_checkout() -> Path | None:
    """The directory that ``NPUSIM_PYPTO_LIB`` names; None if it names nothing.

    Raises:
        UsageError: If it is not a directory.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    path = Path(name)
    if not path.is_dir():
        msg = f"{VARIABLE} is {name!r}: no such directory; expected a checkout of pypto-lib"
        raise UsageError(msg)
    return path


def commit_of(checkout: Path) -> str:
    """The commit that is checked out, 40 hex digits; empty where git does not know."""
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip()

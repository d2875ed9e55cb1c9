"""Memory: sizes in words, the limit of the process, and errors that name the tensor.

The limit is the address space of the process (RLIMIT_AS): an allocation beyond it fails at once,
before a page of it is touched, so the machine never swaps. The address space also holds libraries
and thread stacks (torch: 1 to 3 GiB), so the limit must be larger than the tensors alone.
"""

import re
import resource
import traceback
from pathlib import Path

from npusim.compat.errors import MemoryLimitError
from npusim.errors import UsageError
from npusim.units import KIB

_UNITS = {"": 1, "K": KIB, "M": KIB**2, "G": KIB**3, "T": KIB**4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])i?)?B?", re.IGNORECASE)
_STATM = Path("/proc/self/statm")
_MEMINFO = Path("/proc/meminfo")


def parse_size(text: str, option: str = "--max-memory") -> int:
    """Bytes of a size such as ``16GiB``, ``512MiB`` or ``1.5G``; units are powers of 1024.

    Args:
        text: The size.
        option: Where it was given, for the message.

    Raises:
        UsageError: If ``text`` is no size above zero.
    """
    match = _SIZE.fullmatch(text.strip())
    size_bytes = int(float(match[1]) * _UNITS[(match[2] or "").upper()]) if match else 0
    if size_bytes <= 0:
        msg = f"{option} {text}: no size; expected a number and a unit such as 16GiB"
        raise UsageError(msg)
    return size_bytes


def format_size(size_bytes: int) -> str:
    """``size_bytes`` in words: ``512.0 MiB``, ``1.5 GiB``."""
    value, unit = float(size_bytes), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < KIB:
            break
        value, unit = value / KIB, larger
    return f"{value:.1f} {unit}" if unit != "bytes" else f"{size_bytes} bytes"


def limit_memory(size_bytes: int) -> None:
    """Let no allocation of this process go beyond ``size_bytes`` of address space, for good."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = size_bytes if hard == resource.RLIM_INFINITY else min(size_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def remaining_bytes() -> int | None:
    """Bytes that this process may still allocate; ``None`` without a limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    pages = int(_STATM.read_text(encoding="ascii").split()[0]) if _STATM.exists() else 0
    return max(0, limit - pages * resource.getpagesize())


def available_bytes() -> int:
    """Memory of the machine that programs may use without swapping; 0 where unknown."""
    if not _MEMINFO.exists():
        return 0
    match = re.search(r"^MemAvailable:\s+(\d+) kB", _MEMINFO.read_text(encoding="ascii"), re.M)
    return int(match[1]) * KIB if match else 0


def peak_bytes() -> int:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB


def check_fits(what: str, size_bytes: int) -> None:
    """Make sure that ``size_bytes`` for ``what`` may still be allocated.

    Raises:
        MemoryLimitError: If they do not fit under the limit of the process.
    """
    left = remaining_bytes()
    if left is not None and size_bytes > left:
        msg = (
            f"{what}: needs {format_size(size_bytes)} but {format_size(left)} of the memory limit "
            "are left; expected a case that fits; raise --max-memory or choose a smaller case"
        )
        raise MemoryLimitError(msg)


def allocation_error(error: MemoryError) -> MemoryLimitError:
    """``error``, raised while a kernel ran, with the line of the kernel that asked for memory."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if "/npusim/" not in frame.filename.replace("\\", "/")]
    kernel = [frame for frame in outside if "/numpy/" not in frame.filename]
    where = f"{Path(kernel[-1].filename).name}:{kernel[-1].lineno}" if kernel else "kernel"
    line = f" in `{kernel[-1].line}`" if kernel and kernel[-1].line else ""
    left = remaining_bytes()
    room = "" if left is None else f", {format_size(left)} of the memory limit are left"
    return MemoryLimitError(
        f"{where}: {str(error) or 'out of memory'}{line}{room}; expected a case that fits; raise "
        "--max-memory or choose a smaller case"
    )

"""How a kernel file ended, in a closed set of reasons."""

import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from typing import Any

import npusim.language as pl
from npusim.compat.errors import MemoryLimitError, MultiDeviceError
from npusim.errors import NpuSimError, UsageError
from npusim.language.unknown import UnknownOperationError

EXIT_USAGE = 2
_UNKNOWN_KEYWORD = re.compile(r"(\w+)\(\) got an unexpected keyword argument")


class Reason(StrEnum):
    """Why a kernel file passed or did not."""

    PASSED = "passed"
    MISMATCH = "mismatch"
    """An output differs from the golden."""
    UNSUPPORTED_OPERATION = "unsupported operation"
    KERNEL_ERROR = "kernel error"
    """The DSL refused what the kernel does, or the file's own code failed under it."""
    FILE_ERROR = "file error"
    """The file asks an object of its own for an attribute that it lacks: it fails everywhere."""
    MULTI_DEVICE = "multi-device"
    MISSING_MODULE = "missing module"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    USAGE = "usage"
    """The file refused its arguments, or npusim its request."""
    CRASH = "crash"
    """The process ended without an answer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The reason, and one line that explains it."""

    reason: Reason
    message: str = ""


def outcome_of_error(error: BaseException) -> Outcome:
    """The outcome of a file that ended with ``error``; a SystemExit is not an error here."""
    message = " ".join(str(error).split()) or type(error).__name__
    return Outcome(_reason(error), f"{_label(error)}{message}")


def outcome_of_exit(code: int, verified: list[bool | None], errors: list[str]) -> Outcome:
    """The outcome of a file that ended by itself.

    Args:
        code: Its exit code.
        verified: Verdict of each harness call.
        errors: What the harness calls said about failures.
    """
    if False in verified:
        return Outcome(Reason.MISMATCH, errors[0] if errors else "")
    if code == EXIT_USAGE and not verified:
        return Outcome(Reason.USAGE, "the file refused its arguments")
    if code:
        return Outcome(Reason.KERNEL_ERROR, errors[0] if errors else f"the file exits {code}")
    if not verified:
        return Outcome(Reason.USAGE, "the file ran no kernel")
    return Outcome(Reason.PASSED)


def is_missing_operation(error: BaseException) -> bool:
    """True for a name that the DSL lacks, or a keyword that one of its operations lacks."""
    if isinstance(error, UnknownOperationError):
        return True
    match = _UNKNOWN_KEYWORD.match(str(error)) if isinstance(error, TypeError) else None
    return match is not None and hasattr(pl, match[1].rstrip("_"))


def _reason(error: BaseException) -> Reason:
    if isinstance(error, MultiDeviceError):
        return Reason.MULTI_DEVICE
    if is_missing_operation(error):
        return Reason.UNSUPPORTED_OPERATION
    if isinstance(error, MemoryLimitError | MemoryError) or _is_torch_memory(error):
        return Reason.MEMORY
    if isinstance(error, ImportError):
        is_ours = (error.name or "").partition(".")[0] == "npusim"
        return Reason.CRASH if is_ours else Reason.MISSING_MODULE
    if isinstance(error, UsageError):
        return Reason.USAGE
    is_own = isinstance(error, AttributeError) and _is_of_the_file(error.obj)
    return Reason.FILE_ERROR if is_own else Reason.KERNEL_ERROR


def _is_of_the_file(thing: Any) -> bool:
    """True for an object of a class of the checkout, whose modules are forgotten by now."""
    root = type(thing).__module__.partition(".")[0]
    return root == "__main__" or (root not in sys.modules and find_spec(root) is None)


def _is_torch_memory(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _label(error: BaseException) -> str:
    """The class, where the message alone does not say what went wrong."""
    return "" if isinstance(error, NpuSimError) else f"{type(error).__name__}: "

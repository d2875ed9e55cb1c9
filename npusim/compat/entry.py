"""What the harness calls: a ``pl.jit`` function, or the entry method of a ``pl.program`` class."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import npusim.language as pl
from npusim.compat.errors import multi_device
from npusim.errors import UsageError

_ENTRY_TYPES = (pl.FunctionType.Opaque, pl.FunctionType.Orchestration)


@dataclass(frozen=True, slots=True)
class Entry:
    """A kernel that can be called, and the names it goes by."""

    function: Callable[..., Any]
    name: str
    """Name of the kernel in the recording."""
    directory_name: str
    """First part of the output directory (DSL_REFERENCE.md section 7.4)."""


def jit_entry(function: Any) -> Entry:
    """The entry of ``run_jit(fn=function)``.

    Raises:
        MultiDeviceError: If it is a ``pl.jit.host`` function.
        UsageError: If it is not a ``pl.jit`` function.
    """
    name = getattr(function, "__name__", type(function).__name__)
    if getattr(function, "is_host", False):
        raise multi_device(f"{name} is a pl.jit.host function")
    if not isinstance(function, pl.JitFunction):
        msg = f"run_jit: fn is {name!r}; expected a function under @pl.jit"
        raise UsageError(msg)
    return Entry(function, name, f"_jit_{name}")


def program_entry(program: Any) -> Entry:
    """The entry of ``run(program=program)``: the last Opaque or Orchestration method.

    Raises:
        UsageError: If it is neither a ``pl.program`` class nor an instance of one, or has no entry.
    """
    if isinstance(program, pl.JitFunction):
        return jit_entry(program)
    kind = program if inspect.isclass(program) else type(program)
    methods = [name for name, value in vars(kind).items() if _is_entry(value)]
    if not methods:
        msg = (
            f"run: program is {kind.__name__!r}; expected a class under @pl.program with a method "
            "under @pl.function(type=pl.FunctionType.Opaque)"
        )
        raise UsageError(msg)
    instance = program() if inspect.isclass(program) else program
    return Entry(getattr(instance, methods[-1]), kind.__name__, kind.__name__)


def _is_entry(value: Any) -> bool:
    return callable(value) and getattr(value, "function_type", None) in _ENTRY_TYPES

"""Kernels that exist only as C++ source (``@pl.jit.extern``) and their Python stand-ins.

``register_extern(name, function)`` says what computes the values of such a kernel::

    def attention(query, key, value, out): out[...] = reference(query, key, value)
    npusim.language.register_extern("paged_attention_cce", attention)

A dispatch calls the stand-in once, with whole numpy arrays in place of tensors; what it assigns to
the parameters under ``pl.Out`` and ``pl.InOut`` is the result. The task has the arguments and the
dependencies of the kernel, but no operations: the chip model charges it no time.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from npusim.errors import KernelError
from npusim.language.block import Block
from npusim.language.recorder import current
from npusim.language.submit import as_task
from npusim.language.values import Tensor, TensorType
from npusim.program import AccessMode

_STAND_INS: dict[str, Callable[..., Any]] = {}


def register_extern(name: str, function: Callable[..., Any]) -> None:
    """Let ``function`` compute what the external kernel ``name`` would.

    Raises:
        KernelError: If ``function`` cannot be called.
    """
    if not callable(function):
        msg = f"register_extern {name}: got {function!r}; expected a function of numpy arrays"
        raise KernelError(msg)
    _STAND_INS[name] = function


def has_extern(name: str) -> bool:
    """True if the external kernel ``name`` has a stand-in."""
    return name in _STAND_INS


def declare_extern(function: Callable[..., Any]) -> Callable[..., Any]:
    """The external kernel that ``function`` declares; returns its first output when called."""
    parameters = inspect.signature(function).parameters
    directions = {name: _direction(item.annotation) for name, item in parameters.items()}
    name = function.__name__

    def body(*args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(function).bind(*args, **kwargs).arguments
        block = current().block
        assert block is not None, "as_task opens a block around the body"
        return _run(block, name, bound, directions)

    return as_task(functools.wraps(function)(body))


def _direction(annotation: Any) -> str:
    if isinstance(annotation, TensorType):
        return annotation.kind
    text = str(annotation)  # under `from __future__ import annotations`
    return next((kind for kind in ("InOut", "Out") if f"pl.{kind}[" in text), "In")


def _run(block: Block, name: str, arguments: dict[str, Any], directions: dict[str, str]) -> Any:
    stand_in = _STAND_INS.get(name)
    if stand_in is None:
        known = ", ".join(sorted(_STAND_INS)) or "none"
        msg = (
            f"{block.recorder.where()}: {name} is an external kernel without a stand-in; expected "
            f"one of those registered ({known}); call npusim.language.register_extern({name!r}, "
            "function) before the kernel runs, in the file of --npusim-externs"
        )
        raise KernelError(msg)
    outputs = [key for key in arguments if directions[key] in {"Out", "InOut"}]
    for key, value in arguments.items():
        if isinstance(value, Tensor):
            if directions[key] != "Out":
                block.capture(value, AccessMode.READ)
            if key in outputs:
                block.capture(value, AccessMode.WRITE)
    if block.block_idx == 0:
        stand_in(*(v.array if isinstance(v, Tensor) else v for v in arguments.values()))
    return arguments[outputs[0]] if outputs else None

"""Programs: a class of kernels that call each other (DSL_REFERENCE.md section 1.1)."""

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from npusim.language.rewrite import rewrite
from npusim.language.submit import as_task

C = TypeVar("C", bound=type)


class FunctionType(Enum):
    """What a method of a program is."""

    Opaque = "opaque"
    Orchestration = "orchestration"
    InCore = "incore"
    AIC = "aic"
    AIV = "aiv"
    Group = "group"
    Spmd = "spmd"
    Inline = "inline"


class Role(Enum):
    """What a function does at the level of hosts; accepted for files of several devices."""

    Orchestrator = "orchestrator"
    SubWorker = "sub_worker"
    Worker = "worker"


_KERNELS = {FunctionType.InCore, FunctionType.AIC, FunctionType.AIV}


def program(cls: C | None = None, **_: object) -> Any:
    """``@pl.program``: the class is a namespace of kernels; ``self.f(...)`` calls a sibling."""
    return _same if cls is None else cls


def function(
    method: Callable[..., Any] | None = None,
    *,
    type: FunctionType = FunctionType.Opaque,  # noqa: A002 - the DSL's name
    **_: object,
) -> Any:
    """``@pl.function(type=...)``: a method of a program.

    A call of an ``InCore`` method is one task, a call of any other a plain call. The method keeps
    its type in ``function_type``.
    """

    def decorate(target: Callable[..., Any]) -> Callable[..., Any]:
        made: Any = as_task(target) if type in _KERNELS else rewrite(target)
        made.function_type = type
        return made  # type: ignore[no-any-return]

    return decorate if method is None else decorate(method)


def _same(cls: C) -> C:
    return cls

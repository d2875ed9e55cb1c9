"""Kernels of their own: a call is a task (DSL_REFERENCE.md section 3.1)."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from npusim.language.flags import NoDep, ScopeFlags, TaskId, open_task
from npusim.language.recorder import current
from npusim.language.rewrite import rewrite

if TYPE_CHECKING:
    from npusim.language.values import Tensor


def as_task(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` as a kernel: a call outside every scope is one task of its name.

    In the body of a scope (the dispatch form ``with pl.spmd(n): kernel(...)``) it is a plain call.
    """
    body = rewrite(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if current().block is not None:
            return body(*args, **kwargs)
        return _run(body, args, kwargs, 1, ScopeFlags())[0]

    return call


def submit(
    kernel: Callable[..., Any], *args: Any, core_num: int = 1, **flags: Any
) -> tuple[Any, TaskId]:
    """Call ``kernel`` as one task; returns its result and the id of the task.

    Args:
        kernel: A function or method of the program.
        args: Its arguments; ``pl.no_dep(tensor)`` passes one that makes no dependency.
        core_num: Number of blocks.
        flags: ``deps``, ``predicate``, ``allow_early_resolve``, ``sync_start``; keywords of the
            kernel go along.

    Returns:
        The result of the last block, ``None`` for a task that its predicate skips.

    Raises:
        KernelError: If a scope is open.
    """
    known = {"deps", "predicate", "allow_early_resolve", "sync_start", "optimizations"}
    own = {name: flags.pop(name) for name in list(flags) if name in known}
    return _run(kernel, args, flags, core_num, ScopeFlags(**own))


def spmd_submit(
    kernel: Callable[..., Any], *args: Any, core_num: int, **flags: Any
) -> tuple[Any, TaskId]:
    """``pl.submit`` with ``core_num`` blocks."""
    return submit(kernel, *args, core_num=core_num, **flags)


def _run(
    kernel: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    block_num: int,
    flags: ScopeFlags,
) -> tuple[Any, TaskId]:
    recorder = current()
    name = getattr(kernel, "__name__", type(kernel).__name__)
    untracked: tuple[Tensor, ...] = tuple(
        value.tensor for value in (*args, *kwargs.values()) if isinstance(value, NoDep)
    )
    plain = [_unwrapped(value) for value in args]
    named = {key: _unwrapped(value) for key, value in kwargs.items()}
    task = open_task(
        ScopeFlags(
            name_hint=name,
            deps=flags.deps,
            optimizations=flags.optimizations,
            allow_early_resolve=flags.allow_early_resolve,
            sync_start=flags.sync_start,
            no_dep_args=untracked,
            is_callee=True,
        ),
        is_spmd=block_num > 1,
    )
    task.block_total = block_num if flags.runs else 0
    task.is_dummy = not flags.runs
    task.is_predicated = flags.has_predicate
    result = None
    for _ in range(task.block_total):
        block = recorder.begin_block(task)
        try:
            result = kernel(*plain, **named)
        except BaseException:
            recorder.failed = block
            raise
        finally:
            block.close()
    return result, TaskId(task.task_id)


def _unwrapped(value: Any) -> Any:
    return value.tensor if isinstance(value, NoDep) else value

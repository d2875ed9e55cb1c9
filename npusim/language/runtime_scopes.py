"""Scopes of the runtime, and what it does beside the tasks (DSL_REFERENCE.md section 4.4)."""

from collections.abc import Iterator
from contextlib import contextmanager

from npusim.errors import KernelError
from npusim.language.recorder import current


@contextmanager
def manual_scope() -> Iterator[None]:
    """Tasks submitted inside are ordered by ``deps=`` alone."""
    recorder = current()
    before, recorder.is_manual = recorder.is_manual, True
    try:
        yield
    finally:
        recorder.is_manual = before


@contextmanager
def scope(mode: object = None) -> Iterator[None]:
    """A runtime scope: bounds the lifetime of buffers, never changes values."""
    del mode
    yield


def syncall(**flags: object) -> None:
    """A barrier of all blocks of a dispatch; nothing for a task of one block.

    Statements of the form ``pl.system.syncall(...)`` in the body of a ``pl.spmd`` of a decorated
    function never get here: the decorators split the body there.

    Raises:
        KernelError: If it stands anywhere else in a dispatch of several blocks.
    """
    del flags
    block = current().block
    if block is not None and block.task.block_total > 1:
        msg = (
            f"{current().where()}: pl.system.syncall in a function that the body of pl.spmd calls; "
            "expected it as a statement of that body, under @pl.jit or @pl.jit.inline; inline the "
            "function"
        )
        raise KernelError(msg)


def fence(*values: object, **flags: object) -> None:
    """Order of memory operations; execution here is in order anyway."""
    del values, flags


def cacheinvalid(*values: object, **flags: object) -> None:
    """Drop lines of the scalar cache; there is none here."""
    del values, flags


def make_context(*values: object, **flags: object) -> object:
    """A context for ``pl.prefetch.async_prefetch``."""
    del values, flags
    return object()


def async_prefetch(*values: object, **flags: object) -> None:
    """Bring a tensor closer; never changes values, and no time is modelled for it."""
    del values, flags

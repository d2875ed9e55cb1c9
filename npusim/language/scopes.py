"""Scopes: what becomes a task (DSL_REFERENCE.md section 3)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from npusim.errors import KernelError
from npusim.language.block import TaskDraft
from npusim.language.enums import Level, SplitMode
from npusim.language.recorder import current, current_block
from npusim.language.values import Tensor

TASK_ID = "TASK_ID"
"""Element type of ``pl.array.create`` for task ids."""


@dataclass(frozen=True, slots=True)
class TaskId:
    """What ``with pl.at(...) as tid`` binds; ``deps=[tid]`` waits for it."""

    task_id: int


@dataclass(frozen=True, slots=True)
class Split:
    """``pl.split(mode)``: share the vector work of a MIX scope between both AIV."""

    mode: SplitMode


def split(mode: SplitMode) -> Split:
    """An optimisation entry for ``pl.at(optimizations=[pl.split(mode)])``."""
    return Split(mode)


@dataclass(frozen=True, slots=True)
class ScopeFlags:
    """The keyword arguments that ``pl.at`` and ``pl.spmd`` share."""

    name_hint: str | None = None
    optimizations: Sequence[object] = ()
    deps: Sequence[object] = ()
    allow_early_resolve: bool = False
    no_dep_args: Sequence[Tensor] = ()
    sync_start: bool = False


class at:  # noqa: N801 - the DSL's name
    """``with pl.at(level=pl.Level.CORE_GROUP, name_hint="qk") as tid:`` is one task.

    Args:
        level: Only ``CORE_GROUP`` scopes are device tasks.
        flags: ``name_hint``, ``deps``, ``optimizations``, ``no_dep_args``, ``sync_start``,
            ``allow_early_resolve``.

    Raises:
        KernelError: If the scope opens inside another one or names an unknown keyword.
    """

    def __init__(self, level: Level = Level.CORE_GROUP, **flags: Any) -> None:
        if level is not Level.CORE_GROUP:
            msg = f"pl.at level is {level}; expected pl.Level.CORE_GROUP on a single device"
            raise KernelError(msg)
        self._flags = _parse_flags("at", flags)

    def __enter__(self) -> TaskId:
        task = _open_task(self._flags, is_spmd=False)
        current().begin_block(task)
        return TaskId(task.task_id)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        recorder = current()
        if recorder.block is not None:
            recorder.block.close()


class spmd:  # noqa: N801 - the DSL's name
    """``for i in pl.spmd(n, name_hint="pack"):`` is one task of ``n`` blocks; yields 0..n-1.

    ``with pl.spmd(n) as tid:`` is rewritten into that loop by the decorators; the task is submitted
    where the object is made, so ``tid`` is bound before the first block runs.

    Args:
        block_num: Number of blocks, at least 1.
        flags: As for ``pl.at``.

    Raises:
        KernelError: If ``block_num`` is less than 1 or a keyword is unknown.
    """

    def __init__(self, block_num: int, **flags: Any) -> None:
        recorder = current()
        if block_num < 1:
            msg = f"{recorder.where()}: pl.spmd of {block_num} blocks; expected at least 1"
            raise KernelError(msg)
        self._block_num = block_num
        self._draft = _open_task(_parse_flags("spmd", flags), is_spmd=True)
        self.task = TaskId(self._draft.task_id)

    def __iter__(self) -> Iterator[int]:
        recorder = current()
        for index in range(self._block_num):
            block = recorder.begin_block(self._draft)
            yield index
            block.close()


def get_block_idx() -> int:
    """Index of the running block of a ``pl.spmd`` dispatch; 0 in a ``pl.at`` scope."""
    return current_block("get_block_idx").block_idx


def task_dummy(deps: Sequence[object] = ()) -> TaskId:
    """A task without a kernel that only joins dependencies."""
    task = _open_task(ScopeFlags(name_hint="task_dummy", deps=deps), is_spmd=False)
    task.is_dummy = True
    return TaskId(task.task_id)


@contextmanager
def manual_scope() -> Iterator[None]:
    """Tasks submitted inside are ordered by ``deps=`` alone (DSL_REFERENCE.md section 4.4)."""
    recorder = current()
    before, recorder.is_manual = recorder.is_manual, True
    try:
        yield
    finally:
        recorder.is_manual = before


@contextmanager
def scope() -> Iterator[None]:
    """A runtime scope: bounds the lifetime of buffers, never changes values."""
    yield


class TaskIdArray(list[object]):
    """``pl.array.create(n, pl.TASK_ID)``: a list of task ids with empty places."""


def array_create(length: int, element: object = TASK_ID) -> TaskIdArray:
    """An array of ``length`` empty places for task ids.

    Raises:
        KernelError: If ``element`` is not ``pl.TASK_ID``.
    """
    if element != TASK_ID:
        msg = f"pl.array.create of {element}; expected pl.TASK_ID"
        raise KernelError(msg)
    return TaskIdArray([None] * length)


def _parse_flags(construct: str, flags: dict[str, Any]) -> ScopeFlags:
    known = set(ScopeFlags.__dataclass_fields__)
    unknown = sorted(set(flags) - known)
    if unknown:
        msg = (
            f"{current().where()}: pl.{construct} got {', '.join(unknown)}; "
            f"expected one of {', '.join(sorted(known))}"
        )
        raise KernelError(msg)
    return ScopeFlags(**flags)


def _open_task(flags: ScopeFlags, *, is_spmd: bool) -> TaskDraft:
    recorder = current()
    site = recorder.site_names[recorder.site()]
    name = flags.name_hint or f"incore_{site.rpartition(':')[2] or len(recorder.tasks)}"
    task = recorder.begin_task(name, site)
    task.deps = tuple(sorted(set(_task_ids(flags.deps))))
    task.is_spmd = is_spmd
    task.allow_early_resolve = flags.allow_early_resolve
    task.sync_start = flags.sync_start
    task.no_dep = tuple(flags.no_dep_args)
    for entry in flags.optimizations:
        if isinstance(entry, Split):
            task.split_mode = entry.mode.value
    return task


def _task_ids(deps: Iterable[object]) -> Iterator[int]:
    for entry in deps:
        if isinstance(entry, TaskId):
            yield entry.task_id
        elif isinstance(entry, list | tuple):
            yield from _task_ids(entry)
        elif entry is not None:
            msg = f"deps holds {entry!r}; expected task ids, as `with pl.at(...) as tid` binds"
            raise KernelError(msg)

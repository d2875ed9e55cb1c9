"""Scopes: what becomes a task (DSL_REFERENCE.md section 3)."""

from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from npusim.errors import KernelError
from npusim.language.chunks import AutoScope
from npusim.language.enums import Level
from npusim.language.flags import TaskId, TaskIdArray, open_task, parse_flags
from npusim.language.phases import run_phases
from npusim.language.recorder import current, current_block

if TYPE_CHECKING:
    from npusim.language.block import Block


class at:  # noqa: N801 - the DSL's name
    """``with pl.at(level=pl.Level.CORE_GROUP, name_hint="qk") as tid:`` is one task.

    With ``optimizations=[pl.auto_chunk]`` the scope is no task itself: its loops with ``chunk=``
    are split into tasks (section 3.4), and ``tid`` is the list of their ids.

    Args:
        level: Only ``CORE_GROUP`` scopes are device tasks.
        flags: ``name_hint``, ``deps``, ``optimizations``, ``no_dep_args``, ``sync_start``,
            ``allow_early_resolve``, ``predicate``, ``windowize``.

    Raises:
        KernelError: If the scope opens inside another one or names an unknown keyword.
    """

    def __init__(self, level: Level = Level.CORE_GROUP, **flags: Any) -> None:
        if level is not Level.CORE_GROUP:
            msg = (
                f"{current().where()}: pl.at level is {level!r}; "
                "expected pl.Level.CORE_GROUP on a single device"
            )
            raise KernelError(msg)
        self._flags = parse_flags("at", flags)
        self._auto: AutoScope | None = None
        self._block: Block | None = None
        self.task: TaskId | TaskIdArray | None = None

    def __enter__(self) -> TaskId | TaskIdArray:
        recorder = current()
        if not self._flags.runs:
            msg = (
                f"{recorder.where()}: `with pl.at(...)` whose predicate is false runs here as "
                "plain Python; expected a function under @pl.jit or @pl.jit.inline"
            )
            raise KernelError(msg)
        if self._flags.is_auto:
            self._auto = AutoScope(recorder, self._flags)
            return self._auto.task_ids
        task = open_task(self._flags, is_spmd=False)
        self._block = recorder.begin_block(task)
        return TaskId(task.task_id)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            current().failed = current().block or self._block
        if self._auto is not None:
            self._auto.close()
        if self._block is not None:
            self._block.close()

    def submit(self) -> Iterator[None]:
        """The form that ``with pl.at(..., predicate=...)`` is rewritten to: runs once or never."""
        if self._flags.runs:
            with self as self.task:
                yield
            return
        task = open_task(self._flags, is_spmd=False)
        task.is_dummy, task.block_total = True, 0
        self.task = TaskId(task.task_id)


class spmd:  # noqa: N801 - the DSL's name
    """``for i in pl.spmd(n, name_hint="pack"):`` is one task of ``n`` blocks; yields 0..n-1.

    ``with pl.spmd(n) as tid:`` is rewritten into that loop by the decorators; the task is submitted
    where the object is made, so ``tid`` is bound before the first block runs.

    Args:
        block_num: Number of blocks, at least 1.
        flags: As for ``pl.at``.

    Raises:
        KernelError: If ``block_num`` is no integer from 1 on, a keyword is unknown, a scope is
            open, or the loop is left before every block ran (reported when the recording ends).
    """

    def __init__(self, block_num: int, **flags: Any) -> None:
        if not isinstance(block_num, int | np.integer) or block_num < 1:
            msg = f"{current().where()}: pl.spmd of {block_num!r} blocks; expected 1 or more"
            raise KernelError(msg)
        parsed = parse_flags("spmd", flags)
        self._draft = open_task(parsed, is_spmd=True)
        self._draft.block_total = int(block_num) if parsed.runs else 0
        self._draft.is_dummy = not parsed.runs
        self.task = TaskId(self._draft.task_id)

    def __iter__(self) -> Iterator[int]:
        recorder = current()
        self._check_fresh()
        for index in range(self._draft.block_total):
            block = recorder.begin_block(self._draft)
            try:
                yield index
            except GeneratorExit:
                recorder.failed = block
                raise
            finally:
                block.close()

    def run_phases(
        self, body: Callable[[int, Mapping[str, Any]], Iterator[None]], bound: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Run a body that holds ``pl.system.syncall``: all blocks up to it, then all beyond it.

        The decorators make ``body`` from the statements of the loop; the result are the variables
        that its last block left.
        """
        self._check_fresh()
        return run_phases(current(), self._draft, body, bound)

    def _check_fresh(self) -> None:
        if self._draft.block_num:
            msg = (
                f"{current().where()}: task {self._draft.task_id} of pl.spmd runs again; "
                "expected one loop over it; make another pl.spmd"
            )
            raise KernelError(msg)

    def __enter__(self) -> TaskId:
        """Refuse: Python runs a ``with`` body once; the decorators rewrite it into a loop.

        Raises:
            KernelError: Always.
        """
        msg = (
            f"{current().where()}: `with pl.spmd(...)` runs here as plain Python; expected a "
            "function under @pl.jit or @pl.jit.inline; write `for i in pl.spmd(...)`"
        )
        raise KernelError(msg)

    def __exit__(self, *error: object) -> None:
        """Never reached; Python asks for it before ``__enter__``."""


def incore() -> at:
    """``with pl.incore():`` is one task without a name of its own."""
    return at()


def auto_incore(**flags: Any) -> at:
    """``with pl.auto_incore():`` is ``pl.at`` with ``pl.auto_chunk``."""
    return at(optimization="auto_incore", **flags)


def get_block_idx() -> int:
    """Index of the running block of a ``pl.spmd`` dispatch; 0 in a ``pl.at`` scope."""
    return current_block("get_block_idx").block_idx


def get_block_num() -> int:
    """Number of blocks of the running task."""
    return current_block("get_block_num").task.block_total

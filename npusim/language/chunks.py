"""Automatic scopes: loops with ``chunk=`` that become tasks (DSL_REFERENCE.md section 3.4).

The compiler splits each chunked loop in two, interchanges nested ones so that all outer halves come
first, and makes one task of everything below them. Here the body runs in the order of the source,
and the task to record into follows from the chunk indices of the loops around it: a new tuple of
them starts a task, a known one takes its task up again::

    for m in pl.parallel(4, chunk=2):          m n    0 0  0 1  0 2  0 3  1 0  1 1  1 2 ...
        for n in pl.parallel(4, chunk=2):      tuple  (0, 0)    (0, 1)    (0, 0)    (0, 1)

Statements outside the chunked loops are tasks of their own, opened by their first operation.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from npusim.errors import KernelError
from npusim.language.block import Block
from npusim.language.draft import TaskDraft
from npusim.language.flags import ScopeFlags, TaskId, TaskIdArray, begin_scope
from npusim.language.recorder import Loop, Recorder


@dataclass(slots=True)
class ChunkLoop:
    """A chunked loop that is running; ``loop.iteration`` is the chunk index."""

    site: int
    loop: Loop


class AutoScope:
    """An open automatic scope."""

    def __init__(self, recorder: Recorder, flags: ScopeFlags) -> None:
        recorder.check_outside(flags.name_hint or "auto_chunk")
        if recorder.auto is not None:
            msg = (
                f"{recorder.where()}: a pl.auto_chunk scope opens inside another; "
                "expected them side by side; close the outer one first"
            )
            raise KernelError(msg)
        self._recorder = recorder
        self._flags = flags
        self._loops: list[ChunkLoop] = []
        self._blocks: dict[tuple[tuple[int, int], ...], Block] = {}
        self.task_ids = TaskIdArray()
        """Ids of the tasks so far."""
        recorder.auto = self

    def open_block(self) -> Block:
        """The block to record into, for an operation outside every other scope."""
        recorder = self._recorder
        if not self._loops:
            task = self._begin_task(recorder.site())
            undecided = sum(loop.is_undecided for loop in recorder.loops)
            task.loops = task.loops[: len(task.loops) - undecided]
            block = recorder.begin_block(task)
            block.loop_depth = undecided
            return block
        key = tuple((one.site, one.loop.iteration) for one in self._loops)
        known = self._blocks.get(key)
        if known is not None:
            recorder.block = known
            return known
        task = self._begin_task(self._loops[-1].site)
        block = self._blocks[key] = recorder.begin_block(task, takes_turns=True)
        block.loop_depth = len(self._loops)
        return block

    def scalar_block(self) -> Block | None:
        """As ``open_block`` in a chunked loop; elsewhere scalars stay with the orchestrator."""
        return self.open_block() if self._loops else None

    def run_loop(self, values: range, chunk: int) -> Iterator[int]:
        """The iterations of a chunked loop."""
        recorder = self._recorder
        self.leave_block()
        loop = Loop(recorder.loop_count, "parallel")
        recorder.loop_count += 1
        for one in recorder.loops:
            one.is_undecided = False
        recorder.loops.append(loop)
        running = ChunkLoop(recorder.site(), loop)
        self._loops.append(running)
        try:
            for iteration, value in enumerate(values):
                recorder.block = None
                loop.iteration = iteration // chunk
                yield value
        finally:
            recorder.loops.remove(loop)
            if running in self._loops:  # else an error has closed the scope already
                self._loops.remove(running)
                recorder.block = None
                if not self._loops:
                    self._store()

    def leave_for_scope(self) -> None:
        """Make way for an explicit scope inside this one.

        Raises:
            KernelError: If a chunked loop is running.
        """
        if self._loops:
            msg = (
                f"{self._recorder.where()}: a scope opens in a loop with chunk= under "
                "pl.auto_chunk; expected plain operations there; remove one of the two"
            )
            raise KernelError(msg)
        self.leave_block()

    def close(self) -> None:
        """End the scope and store what it recorded."""
        self.leave_block()
        self._loops.clear()
        self._store()
        self._recorder.auto = None

    def _begin_task(self, site: int) -> TaskDraft:
        task = begin_scope(self._recorder, self._flags, site)
        self.task_ids.append(TaskId(task.task_id))
        return task

    def leave_block(self) -> None:
        """Leave the running block: one of a chunk is taken up again, any other is complete."""
        block = self._recorder.block
        if block is not None and not self._loops:
            block.close()
        self._recorder.block = None

    def _store(self) -> None:
        self._blocks.clear()
        self._recorder.close_pending()

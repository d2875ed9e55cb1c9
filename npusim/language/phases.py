"""Blocks that meet at ``pl.system.syncall``: all run up to it before one goes on.

The decorators turn the body of such a ``pl.spmd`` into a generator function that yields at the
barrier (rewrite.py), so that its blocks can take turns in a fixed order without threads.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from npusim.errors import KernelError
from npusim.language.block import Block
from npusim.language.draft import TaskDraft
from npusim.language.recorder import Recorder

Body = Callable[[int, Mapping[str, Any]], Iterator[None]]


def run_phases(
    recorder: Recorder, task: TaskDraft, body: Body, bound: Mapping[str, Any]
) -> dict[str, Any]:
    """Run all blocks of ``task`` phase by phase.

    Args:
        recorder: The running recording.
        task: A submitted task without blocks.
        body: A generator function of the block index and the variables bound before the loop; it
            yields at a barrier and returns its own variables.
        bound: Variables of the kernel before the loop; every block starts from them.

    Returns:
        The variables of the last block at its end.

    Raises:
        KernelError: If some blocks wait at a barrier that others never reach.
    """
    blocks: list[Block] = []
    for _ in range(task.block_total):
        blocks.append(recorder.begin_block(task, takes_turns=True))
        recorder.block = None
    running = [(block, body(block.block_idx, bound)) for block in blocks]
    left: dict[str, Any] = {}
    try:
        while running:
            waiting = []
            for block, steps in running:
                recorder.block = block
                try:
                    next(steps)
                except StopIteration as stop:
                    left = stop.value
                else:
                    waiting.append((block, steps))
            _check_all_wait(recorder, running, waiting)
            running = waiting
    except BaseException:
        recorder.failed = recorder.block
        raise
    finally:
        recorder.close_pending()
    return left


def _check_all_wait(
    recorder: Recorder, running: list[tuple[Block, Any]], waiting: list[tuple[Block, Any]]
) -> None:
    if waiting and len(waiting) != len(running):
        msg = (
            f"{recorder.where()}: {len(waiting)} of {len(running)} blocks wait in "
            "pl.system.syncall and the others have ended; expected all blocks to reach it, the "
            "device would hang; do not put it under a condition on the block index"
        )
        raise KernelError(msg)

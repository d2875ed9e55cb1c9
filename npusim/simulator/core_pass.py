"""The timing pass over one block: one walk in program order gives the exact end.

Pipes are in order and dependencies point backwards, so when an instruction is reached, everything
it waits for is already known; no event is needed::

    issue    S pipe, in program order, one instruction after the other
    start    max(issued, pipe free, all predecessors)
    end      start + busy                 the pipe takes the next instruction
    ready    end + tail                   the result can be used
"""

from collections.abc import Sequence

from npusim.simulator.recipe import Pipe

_PIPES = len(Pipe)


def run_pass(
    pipes: Sequence[int],
    scalar_pipes: Sequence[int],
    predecessors: Sequence[tuple[int, ...]],
    busy_cycles: Sequence[float],
    tail_cycles: Sequence[float],
    issue_cycles: float,
) -> float:
    """Cycles from the start of a block until all its results are visible.

    Args:
        pipes: Pipe of each instruction.
        scalar_pipes: Pipe that issues it.
        predecessors: Moments it waits for: ``2 * i`` end, ``2 * i + 1`` ready of instruction i.
        busy_cycles: How long it occupies the pipe.
        tail_cycles: How much later its result can be used.
        issue_cycles: Time on the scalar pipe per instruction.
    """
    free = [0.0] * _PIPES
    moments: list[float] = []
    append = moments.append
    for pipe, scalar_pipe, waits, busy, tail in zip(
        pipes, scalar_pipes, predecessors, busy_cycles, tail_cycles, strict=True
    ):
        start = free[scalar_pipe] + issue_cycles
        free[scalar_pipe] = start
        # Comparisons instead of ``max``: this line runs for every instruction of every block.
        if free[pipe] > start:  # noqa: PLR1730
            start = free[pipe]
        for wait in waits:
            if moments[wait] > start:  # noqa: PLR1730
                start = moments[wait]
        end = start + busy
        free[pipe] = end
        append(end)
        append(end + tail)
    # The scalar unit may be the last: it issues to the end even if no pipe waits for it.
    return max(max(moments, default=0.0), *free)

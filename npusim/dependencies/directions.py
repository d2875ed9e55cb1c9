"""The direction of every argument of every task (DSL_REFERENCE.md section 4.2).

The compiler types each captured tensor in two steps: what the scope does with it, and whether an
earlier statement already wrote the same buffer. The second step works on statement lists: a loop is
one opaque writer, and the iterations of one ``pl.parallel`` do not see each other.
"""

from enum import Enum, StrEnum

from npusim.program import Argument, LoopFrame, Program, Task, TensorRole

_SEQUENTIAL_LOOPS = frozenset({"range", "unroll", "pipeline", "while"})


class CompilerEra(StrEnum):
    """Which compiler typed a destination that a scope only writes.

    ``2026-04``: InOut when the store addresses the captured tensor outside every loop of the scope
    (pypto pull request 1146, in force at the reference kernel). ``HEAD``: Out unless it is also
    read (pull request 2420, since 2026-08-19).
    """

    SPRING_2026 = "2026-04"
    HEAD = "HEAD"


class Direction(Enum):
    """How a task uses an argument, as the runtime is told at the call site."""

    INPUT = "INPUT"
    INOUT = "INOUT"
    OUTPUT_EXISTING = "OUTPUT_EXISTING"
    NO_DEP = "NO_DEP"


def argument_directions(program: Program, era: CompilerEra) -> list[tuple[Direction, ...]]:
    """For each task, the direction of each of its arguments.

    Args:
        program: The recording; its tasks are in submission order.
        era: The compiler whose rule applies.
    """
    writers = _WriterSets()
    directions = []
    for task in program.tasks:
        writers.enter(task.loops)
        directions.append(
            tuple(_direction(program, task, item, era, writers) for item in task.arguments)
        )
        for item in task.arguments:
            if item.is_written:
                writers.add(item.tensor_id)
    return directions


def _direction(
    program: Program,
    task: Task,
    argument: Argument,
    era: CompilerEra,
    writers: "_WriterSets",
) -> Direction:
    tensor = program.tensors[argument.tensor_id]
    if argument.is_no_dep or tensor.is_manual_dep:
        return Direction.NO_DEP
    if not argument.is_written:
        return Direction.INPUT
    is_direct_inout = (
        era is CompilerEra.SPRING_2026
        and argument.is_direct_write
        and tensor.role is not TensorRole.IMPLICIT  # the compiler's own Out parameter
    )
    if argument.is_read or is_direct_inout:
        return Direction.INOUT
    is_sequential = any(frame.kind in _SEQUENTIAL_LOOPS for frame in task.loops)
    is_enclosing_inout = tensor.role is TensorRole.INOUT
    if is_sequential or is_enclosing_inout or writers.has(argument.tensor_id):
        return Direction.INOUT
    return Direction.OUTPUT_EXISTING


class _WriterSets:
    """Buffers that an earlier statement of the same or an enclosing statement list wrote.

    A stack with one set per running loop iteration, replayed from the loop frames of consecutive
    tasks. When a loop ends, what its iterations wrote belongs to the list around it::

        for a in parallel:        frames: [(loop 0, iteration 0)]     sets: [{}, {q}]
            task writes q         a new iteration starts from what the list around it knows
        task writes q again       frames: []                          sets: [{q}]  -> has(q)
    """

    def __init__(self) -> None:
        self._frames: list[LoopFrame] = []
        self._visible: list[set[int]] = [set()]
        self._finished: list[set[int]] = []
        """For each running loop: what its finished iterations wrote."""

    def enter(self, frames: tuple[LoopFrame, ...]) -> None:
        """Move to the loop iteration of the next task."""
        shared = 0
        while (
            shared < min(len(frames), len(self._frames)) and frames[shared] == self._frames[shared]
        ):
            shared += 1
        while len(self._frames) > shared:
            frame = self._frames[-1]
            depth = len(self._frames) - 1
            is_next_iteration = (
                depth == shared and depth < len(frames) and frames[depth].instance == frame.instance
            )
            self._leave_iteration()
            if is_next_iteration:
                self._frames.append(frames[depth])
                self._visible.append(set())
                shared += 1
                break
            self._leave_loop()
        for frame in frames[len(self._frames) :]:
            self._frames.append(frame)
            self._visible.append(set())
            self._finished.append(set())

    def add(self, tensor_id: int) -> None:
        """The current statement writes a buffer."""
        self._visible[-1].add(tensor_id)

    def has(self, tensor_id: int) -> bool:
        """True if an earlier statement that this one can see wrote the buffer."""
        return any(tensor_id in written for written in self._visible)

    def _leave_iteration(self) -> None:
        self._frames.pop()
        self._finished[-1] |= self._visible.pop()

    def _leave_loop(self) -> None:
        self._visible[-1] |= self._finished.pop()

"""A recorded program as work for the runtime: counts, scopes, buffers, what blocks the submits.

Runtime scopes follow the compiler: the body of the kernel is one, and so is every iteration of an
orchestration loop, except loops that are written out. Buffers that one scope creates are allocated
together, by one hidden task, where the first of them is made (DSL_REFERENCE.md sections 3 and 4.4).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from npusim.errors import NpuSimError
from npusim.hardware.spec import ChipSpec
from npusim.program import (
    EventKind,
    LoopFrame,
    OrchestrationEvent,
    Program,
    Task,
    TensorRole,
)
from npusim.simulator.work import (
    NO_SCOPE,
    Allocation,
    BlockingAccess,
    RuntimeScope,
    RuntimeWork,
    Step,
)

if TYPE_CHECKING:
    from npusim.dependencies import TaskGraph

_WRITTEN_OUT = frozenset({"unroll"})
"""Loops that the compiler writes out: no scope of their own."""


def work_of_program(program: Program, graph: "TaskGraph", chip: ChipSpec) -> RuntimeWork:
    """The work of a program; durations are left to the machine.

    Raises:
        NpuSimError: If task ids do not count from 0, or an edge names a task that is not there.
    """
    tasks = _in_order(program)
    scopes = _Scopes()
    of_task = [scopes.index_of(task.loops) for task in tasks]
    alignment = chip.runtime.output_alignment_bytes
    steps = _steps(program, scopes, alignment)
    return RuntimeWork.build(
        kernel=program.kernel,
        variant=program.variant,
        parameters=program.parameters,
        names=[task.name for task in tasks],
        core_types=[task.core_type for task in tasks],
        block_num=[task.block_num for task in tasks],
        durations_ps=None,
        edges=graph.edges,
        sources=graph.sources,
        is_dummy=[task.is_dummy for task in tasks],
        allow_early_resolve=[task.allow_early_resolve for task in tasks],
        sync_start=[task.sync_start for task in tasks],
        is_predicated=[task.is_predicated for task in tasks],
        tensors=[len(task.arguments) for task in tasks],
        lookups=graph.lookups,
        inserts=graph.inserts,
        heap_bytes=_output_bytes(program, alignment),
        scope=of_task,
        scopes=scopes.found,
        steps=steps,
    )


class _Scopes:
    """Runtime scopes, numbered as they are met."""

    def __init__(self) -> None:
        self.found = [RuntimeScope(NO_SCOPE, 0, "the body of the kernel")]
        self._index: dict[tuple[int, int, int], int] = {}

    def index_of(self, loops: Iterable[LoopFrame]) -> int:
        """The innermost scope inside these loops."""
        scope = 0
        for frame in loops:
            if frame.kind in _WRITTEN_OUT:
                continue
            key = (scope, frame.instance, frame.iteration)
            known = self._index.get(key)
            if known is None:
                known = self._index[key] = len(self.found)
                loop = f"pl.{frame.kind} loop {frame.instance}"
                label = f"iteration {frame.iteration} of {loop}"
                self.found.append(RuntimeScope(scope, self.found[scope].depth + 1, label, loop))
            scope = known
        return scope


def _in_order(program: Program) -> Sequence[Task]:
    for position, task in enumerate(program.tasks):
        if task.task_id != position:
            msg = (
                f"program {program.kernel}: task {position} has id {task.task_id}; "
                "expected ids to count from 0 in submission order"
            )
            raise NpuSimError(msg)
    return program.tasks


def _aligned(nbytes: int, alignment: int) -> int:
    return -(-nbytes // alignment) * alignment


def _output_bytes(program: Program, alignment: int) -> list[int]:
    """Per task, the heap of tiles that left their scope: its own outputs, made with its submit."""
    sizes = [0] * len(program.tasks)
    seen: set[int] = set()
    for task in program.tasks:
        for argument in task.arguments:
            tensor = program.tensors[argument.tensor_id]
            is_new = argument.is_written and tensor.tensor_id not in seen
            if tensor.role is TensorRole.IMPLICIT and is_new:
                seen.add(tensor.tensor_id)
                sizes[task.task_id] += _aligned(tensor.nbytes, alignment)
    return sizes


def _steps(program: Program, scopes: _Scopes, alignment: int) -> dict[int, tuple[Step, ...]]:
    """What the orchestrator does before each submit."""
    writers, users = _tensor_users(program)
    batches = _batches(program, scopes)
    steps: dict[int, list[Step]] = defaultdict(list)
    for event in program.events:
        before = event.before_task
        if event.kind is EventKind.ALLOC:
            scope = _scope_of(event, program, scopes)
            tensors = batches.pop(scope, [])
            if tensors:
                nbytes = [_aligned(program.tensors[one].nbytes, alignment) for one in tensors]
                held_by = sorted({user for one in tensors for user in users[one]})
                steps[before].append(Allocation(scope, len(tensors), sum(nbytes), tuple(held_by)))
        else:
            tasks = writers if event.kind is EventKind.READ else users
            waits_for = tuple(one for one in tasks[event.tensor_id] if one < before)
            if waits_for:
                steps[before].append(BlockingAccess(waits_for))
    return {before: tuple(found) for before, found in steps.items()}


def _batches(program: Program, scopes: _Scopes) -> dict[int, list[int]]:
    """Scope -> the tensors it creates. Implicit ones come with the task that writes them."""
    batches: dict[int, list[int]] = defaultdict(list)
    for event in program.events:
        is_made = program.tensors[event.tensor_id].role is not TensorRole.IMPLICIT
        if event.kind is EventKind.ALLOC and is_made:
            batches[_scope_of(event, program, scopes)].append(event.tensor_id)
    return batches


def _scope_of(event: OrchestrationEvent, program: Program, scopes: _Scopes) -> int:
    if event.loops is not None:
        return scopes.index_of(event.loops)
    # Programs of older versions do not say: the scope of the task that follows.
    before = min(event.before_task, len(program.tasks) - 1)
    return scopes.index_of(program.tasks[before].loops) if before >= 0 else 0


def _tensor_users(program: Program) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Per tensor, the tasks that write it, and those that use it at all; ascending."""
    writers: dict[int, list[int]] = defaultdict(list)
    users: dict[int, list[int]] = defaultdict(list)
    for task in program.tasks:
        for argument in task.arguments:
            found = [users, writers] if argument.is_written else [users]
            for table in found:
                known = table[argument.tensor_id]
                if not known or known[-1] != task.task_id:
                    known.append(task.task_id)
    return writers, users

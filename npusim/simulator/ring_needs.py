"""How much output heap the rings of a program need, found out before anything is simulated.

A scope holds the outputs of its tasks until it ends, and a ring gives back in order. So at each
submit some of a ring is held however fast the tasks are: everything from the first entry of a scope
that is still open, or of a buffer whose users are not all submitted yet::

    ring 1   [given back][held by an open scope][done, but behind it][this submit]
                         |<------------- needed at this moment ------------------>|

The largest such sum is what the ring needs; a smaller one stops the orchestrator for good.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npusim.errors import DeadlockError
from npusim.hardware.spec import ChipSpec, RuntimeSpec
from npusim.program import Program
from npusim.simulator.program_work import work_of_program
from npusim.simulator.ring_sizes import RingSizes
from npusim.simulator.work import NO_SCOPE, Allocation, RuntimeWork

if TYPE_CHECKING:
    from npusim.dependencies import TaskGraph


@dataclass(frozen=True, slots=True)
class HeapNeed:
    """The most output heap that a ring has to hold at once."""

    nbytes: int
    label: str
    """The submit that comes to it."""
    scope: int
    """Where that is."""


@dataclass(frozen=True, slots=True)
class _Taking:
    """A submit that takes heap."""

    before_task: int
    scope: int
    nbytes: int
    last_user: int
    """The last task that has to be submitted before it can be given back."""
    label: str


def heap_needs(work: RuntimeWork, ring_count: int) -> dict[int, HeapNeed]:
    """What each ring needs, by its index; rings that nothing takes heap of are left out."""
    needs: dict[int, HeapNeed] = {}
    queues: dict[int, deque[_Taking]] = {}
    held: dict[int, int] = {}
    for taking in _takings(work):
        open_scopes = set(_path(work, taking.scope))
        ring = min(len(open_scopes) - 1, ring_count - 1) if open_scopes else 0
        queue = queues.setdefault(ring, deque())
        while queue and _can_be_given_back(queue[0], open_scopes, taking.before_task):
            held[ring] -= queue.popleft().nbytes
        queue.append(taking)
        held[ring] = held.get(ring, 0) + taking.nbytes
        if ring not in needs or held[ring] > needs[ring].nbytes:
            needs[ring] = HeapNeed(held[ring], taking.label, taking.scope)
    return needs


def check_program_heap(
    program: Program, graph: "TaskGraph", chip: ChipSpec, sizes: RingSizes
) -> None:
    """Make sure, before a simulation, that the rings of ``chip`` hold the outputs of a program.

    Raises:
        DeadlockError: With the size to ask for.
    """
    check_heap(work_of_program(program, graph, chip), chip.runtime, sizes)


def check_heap(work: RuntimeWork, runtime: RuntimeSpec, sizes: RingSizes) -> None:
    """Make sure that the output heap of every ring is large enough for the work.

    Raises:
        DeadlockError: With the size to ask for.
    """
    needs = heap_needs(work, runtime.ring_count)
    for ring, need in sorted(needs.items()):
        _, heap_bytes, _ = sizes.of_ring(ring, runtime)
        if need.nbytes <= heap_bytes:
            continue
        scope = "no scope" if need.scope == NO_SCOPE else work.scopes[need.scope].label
        enough = max(one.nbytes for one in needs.values())
        msg = (
            f"ring {ring}, output heap: {need.label} in {scope} comes to {need.nbytes} bytes that "
            f"are held at once; expected at most the {heap_bytes} of the ring; split the scope "
            "(each iteration of a loop is one) or make the ring larger: "
            f"--ring-heap {enough} or more (ring_heap)"
        )
        raise DeadlockError(msg)


def _takings(work: RuntimeWork) -> Iterator[_Taking]:
    """Allocations and submits in the order of the orchestrator."""
    for task in range(work.task_count + 1):
        for step in work.steps.get(task, ()):
            if isinstance(step, Allocation) and step.nbytes:
                last = max(step.users, default=-1)
                label = f"the allocation of {step.tensors} tensors"
                yield _Taking(task, step.scope, step.nbytes, last, label)
        if task < work.task_count and work.heap_bytes[task]:
            label = f"task {task} ({work.names[task]})"
            yield _Taking(task, int(work.scope[task]), int(work.heap_bytes[task]), task, label)


def _path(work: RuntimeWork, scope: int) -> Iterator[int]:
    while scope != NO_SCOPE:
        yield scope
        scope = work.scopes[scope].parent


def _can_be_given_back(taking: _Taking, open_scopes: set[int], before_task: int) -> bool:
    return taking.scope not in open_scopes and taking.last_user < before_task

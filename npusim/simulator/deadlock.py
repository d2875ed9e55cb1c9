"""The words for a simulation that came to rest with tasks left."""

from collections.abc import Sequence

from npusim.errors import DeadlockError
from npusim.simulator.task_state import TaskState
from npusim.trace import NO_TIME
from npusim.units import ps_to_us

_CHAIN_LIMIT = 8
"""Links shown of a chain; more would not fit a terminal and say nothing new."""


def check_cohort(state: TaskState, places: int, chip: str) -> None:
    """Refuse a ``sync_start`` task with more blocks than the chip has places of its shape.

    Raises:
        DeadlockError: If its blocks can never be on cores at once.
    """
    if state.sync_start and state.blocks > places:
        msg = (
            f"sync_start of {state.label}: {state.blocks} blocks must be on cores at once, "
            f"and {chip} has places for {places} of type "
            f"{state.core_type.name}; expected at most that; launch fewer blocks"
        )
        raise DeadlockError(msg)


def check_all_complete(
    tasks: Sequence[TaskState], now_ps: int, submit_waits: int | None = None, ring_waits: str = ""
) -> None:
    """Raise unless every task completed.

    Args:
        tasks: All tasks of the simulation.
        now_ps: When nothing more happened.
        submit_waits: The task that the orchestrator waits for, if any.
        ring_waits: What it waits for in a ring, if anything.

    Raises:
        DeadlockError: With the chain of waits, from the first task that did not complete.
    """
    stuck = [state for state in tasks if not state.is_complete]
    if not stuck:
        return
    chain = _chain(tasks, stuck[0], submit_waits)
    if ring_waits:
        chain.append(f"Orch[0]: {ring_waits}")
    msg = (
        f"no progress at {ps_to_us(now_ps):.3f} us: {len(stuck)} of {len(tasks)} tasks wait - "
        f"{'; '.join(chain)}; expected every chain to end at a task that can run; "
        "check explicit deps for cycles and the chip for cores of every type"
    )
    raise DeadlockError(msg)


def _chain(tasks: Sequence[TaskState], first: TaskState, submit_waits: int | None) -> list[str]:
    """Links ``task A waits for …``, followed until the end, a cycle or the limit."""
    links: list[str] = []
    seen: set[int] = set()
    state = first
    while state.task_id not in seen and len(links) < _CHAIN_LIMIT:
        seen.add(state.task_id)
        following, words = _wait_of(tasks, state, submit_waits)
        links.append(f"{state.label} on {state.core_type.name} {words}")
        if following is None:
            break
        state = tasks[following]
    return links


def _wait_of(
    tasks: Sequence[TaskState], state: TaskState, submit_waits: int | None
) -> tuple[int | None, str]:
    if state.submit_end_ps == NO_TIME:
        if submit_waits is None:
            return None, "was never submitted"
        return submit_waits, f"is not submitted: Orch[0] waits for {tasks[submit_waits].label}"
    if state.ready_ps == NO_TIME:
        blocking = next(one for one in state.predecessors if not tasks[one].is_complete)
        return blocking, f"waits for {tasks[blocking].label}"
    left = state.blocks - state.next_block
    if left:
        return None, f"is ready with {left} blocks, but no scheduler has a free core for it"
    return None, "runs, but its completion was never seen"

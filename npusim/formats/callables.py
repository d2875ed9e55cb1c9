"""Which callable ids the kernels of a trace have in the ecosystem's files.

A device launches one callable per core type, so a MIX task has two of them, ``X_aic`` and
``X_aiv``; a trace names the task once, ``X``.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from npusim.errors import TraceError
from npusim.formats.layout import SLOT_COUNT, SLOT_SUFFIX, SLOTS_BY_CORE_TYPE
from npusim.trace import Trace, TraceTask

INACTIVE = -1


@dataclass(frozen=True, slots=True)
class Callables:
    """Callable names by id, and per task the ids of its sub-slots AIC, AIV0, AIV1 (-1 inactive)."""

    names: dict[int, str]
    kernel_ids: tuple[tuple[int, ...], ...]


@dataclass(slots=True)
class _IdPool:
    """Hands out one id per (function, label); the first label of a function keeps its id."""

    next_id: int
    owner: dict[int, str] = field(default_factory=dict)
    extra: dict[tuple[int, str], int] = field(default_factory=dict)

    def take(self, func_id: int, label: str, *, is_first: bool) -> int:
        key = (func_id, label)
        if is_first and func_id >= 0 and self.owner.get(func_id, label) == label:
            self.owner[func_id] = label
            return func_id
        if key not in self.extra:
            self.extra[key] = self.next_id
            self.owner[self.next_id] = label
            self.next_id += 1
        return self.extra[key]


def assign_callables(trace: Trace) -> Callables:
    """Callable ids for every task of ``trace``: its ``func_id``, and a fresh one for MIX vectors.

    Raises:
        TraceError: If a task that is no dummy has an unknown core type.
    """
    observed = _observed_slots(trace)
    pool = _IdPool(1 + max((task.func_id for task in trace.tasks), default=-1))
    kernel_ids = tuple(
        _kernel_ids(task, _active_slots(task, observed[index]), pool)
        for index, task in enumerate(trace.tasks)
    )
    return Callables(dict(sorted(pool.owner.items())), kernel_ids)


def task_name(names: Sequence[str]) -> str:
    """The one name of a task whose active sub-slots run callables of the given ``names``."""
    if len(names) < 2:
        return names[0] if names else ""
    stems = {name.removesuffix("_aic").removesuffix("_aiv") for name in names}
    return stems.pop() if len(stems) == 1 else names[0]


def _observed_slots(trace: Trace) -> dict[int, set[int]]:
    slots: dict[int, set[int]] = defaultdict(set)
    for code in np.unique(trace.slices["task"].astype(np.int64) * 256 + trace.slices["slot"]):
        slots[int(code) // 256].add(int(code) % 256)
    return slots


def _active_slots(task: TraceTask, observed: set[int]) -> tuple[int, ...]:
    if task.is_dummy:
        return ()
    if task.core_type not in SLOTS_BY_CORE_TYPE:
        msg = (
            f"trace: task {task.task_id} ({task.name}) has core type {task.core_type!r}; "
            f"expected one of {', '.join(SLOTS_BY_CORE_TYPE)}"
        )
        raise TraceError(msg)
    # Only a MIX may leave a sub-slot of its cluster idle; what ran tells which.
    is_partial = task.core_type == "mix" and observed
    return tuple(sorted(observed)) if is_partial else SLOTS_BY_CORE_TYPE[task.core_type]


def _kernel_ids(task: TraceTask, slots: tuple[int, ...], pool: _IdPool) -> tuple[int, ...]:
    ids = [INACTIVE] * SLOT_COUNT
    first_suffix = SLOT_SUFFIX[slots[0]] if slots else ""
    for slot in slots:
        suffix = SLOT_SUFFIX[slot]
        label = task.name + suffix if task.core_type == "mix" else task.name
        ids[slot] = pool.take(task.func_id, label, is_first=suffix == first_suffix)
    return tuple(ids)

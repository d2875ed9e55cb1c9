"""Where the lane time of a trace went, exactly, in integer picoseconds.

Every picosecond of every core lane is either busy or part of one wait. A wait belongs to the scope
of the task that ended it, because that task is what the lane was waiting for::

    AIC[0]  |##### qk #####|..dependency..|dispatch|##### pv #####|.......no work.......|
    scope    qk             pv              pv       pv            (no work)

so the scopes and ``(no work)`` partition the lane time of a core type without a rest.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.analysis.inference import infer_waits
from npusim.trace import SLICE_DTYPE, WAIT_DTYPE, LaneKind, Trace, WaitReason

CORE_TYPES = (LaneKind.AIC, LaneKind.AIV)
"""The core types that are accounted, in the order of every table and picture."""

NO_WORK = "(no work)"
"""Stands in place of a scope for lane time after the last task of a lane."""

NO_TASK = "(no task)"
"""Stands in place of a scope for any other wait that names no task; absent from most traces."""

Records = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Account:
    """Lane time of a set of slices and of the waits that ended in them.

    ``blocks`` counts distinct (task, block) pairs: one block of a MIX task runs on up to three
    cores and is one block with up to three ``slices``.
    """

    lanes: int
    """Lanes that ran a slice; without slices, lanes that waited."""
    tasks: int
    blocks: int
    slices: int
    busy_ps: int
    stall_ps: int
    waits_ps: tuple[int, ...]
    """Indexed by ``WaitReason``."""
    first_start_ps: int
    last_end_ps: int
    shortest_ps: int
    longest_ps: int

    @property
    def wait_ps(self) -> int:
        """Waits of all reasons."""
        return sum(self.waits_ps)

    @property
    def window_ps(self) -> int:
        """First start to last end."""
        return self.last_end_ps - self.first_start_ps

    @property
    def mean_ps(self) -> float:
        """Mean duration of a slice, 0 without slices."""
        return self.busy_ps / self.slices if self.slices else 0.0


@dataclass(frozen=True, slots=True)
class CoreAccount:
    """Lane time of one core type, as a whole and by scope; the scopes add up to the total."""

    core_type: LaneKind
    lanes: int
    """Lanes of this type in the trace, used or not."""
    lane_time_ps: int
    """Makespan times lanes; equals busy plus waits of the total."""
    total: Account
    scopes: tuple[tuple[str, Account], ...]
    """By first start; ``(no work)`` comes last."""

    @property
    def utilisation_percent(self) -> float:
        """Busy share of the lane time in percent, 0 without lanes."""
        return percent_of(self.total.busy_ps, self.lane_time_ps)


def percent_of(part_ps: float, whole_ps: float) -> float:
    """``part_ps`` in percent of ``whole_ps``; 0 where the whole is 0."""
    return 100 * part_ps / whole_ps if whole_ps else 0.0


def distinct_pairs(first: Records, second: Records) -> int:
    """How many different pairs two int32 columns hold; sorting one int64 is fast, a pair is not."""
    return len(np.unique(first.astype(np.int64) << 32 | second.astype(np.uint32)))


def scope_names(trace: Trace) -> tuple[str, ...]:
    """Distinct function names of the trace's tasks, in order of submission."""
    return tuple(dict.fromkeys(task.name for task in trace.tasks))


def scopes_by_task(trace: Trace) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """``scope_names``, and (tasks,) the number of the scope of each task among them."""
    names = scope_names(trace)
    position = {name: index for index, name in enumerate(names)}
    return names, np.array([position[task.name] for task in trace.tasks], np.int64)


def idle_waits(trace: Trace) -> Records:
    """The waits of the core lanes, as ``WAIT_DTYPE`` records.

    A capture comes without waits; they are then inferred (``npusim.analysis.inference``).
    """
    if len(trace.waits):
        kinds = np.array([lane.kind.is_core for lane in trace.lanes], dtype=bool)
        recorded: Records = trace.waits[kinds[trace.waits["lane"]]]
        return recorded
    return infer_waits(trace)


def account_of(slices: Records, waits: Records) -> Account:
    """The account of any selection of ``SLICE_DTYPE`` and ``WAIT_DTYPE`` records."""
    lengths_ps = slices["end_ps"] - slices["start_ps"]
    waits_ps = np.zeros(len(WaitReason), np.int64)
    np.add.at(waits_ps, waits["reason"], waits["end_ps"] - waits["start_ps"])
    has_slices = len(slices) > 0
    return Account(
        lanes=len(np.unique((slices if has_slices else waits)["lane"])),
        tasks=len(np.unique(slices["task"])),
        blocks=distinct_pairs(slices["task"], slices["block"]),
        slices=len(slices),
        busy_ps=int(lengths_ps.sum()),
        stall_ps=int(slices["stall_ps"].sum()),
        waits_ps=tuple(int(value) for value in waits_ps),
        first_start_ps=int(slices["start_ps"].min()) if has_slices else 0,
        last_end_ps=int(slices["end_ps"].max()) if has_slices else 0,
        shortest_ps=int(lengths_ps.min()) if has_slices else 0,
        longest_ps=int(lengths_ps.max()) if has_slices else 0,
    )


EMPTY_ACCOUNT = account_of(np.empty(0, SLICE_DTYPE), np.empty(0, WAIT_DTYPE))
"""The account of a scope in a run that does not have it."""


def core_accounts(trace: Trace) -> tuple[CoreAccount, ...]:
    """One account per core type, AIC then AIV, also where the trace has no lane of it."""
    waits = idle_waits(trace)
    accounts = []
    for core_type in CORE_TYPES:
        lanes = trace.lane_indices(core_type)
        own_slices = trace.slices[np.isin(trace.slices["lane"], lanes)]
        own_waits = waits[np.isin(waits["lane"], lanes)]
        accounts.append(
            CoreAccount(
                core_type=core_type,
                lanes=len(lanes),
                lane_time_ps=trace.makespan_ps * len(lanes),
                total=account_of(own_slices, own_waits),
                scopes=_partition(trace, own_slices, own_waits),
            )
        )
    return tuple(accounts)


def scope_accounts(trace: Trace) -> tuple[tuple[str, Account], ...]:
    """One account per scope over all core types, by first start; ``(no work)`` comes last."""
    cores = trace.lane_indices(*CORE_TYPES)
    slices = trace.slices[np.isin(trace.slices["lane"], cores)]
    return _partition(trace, slices, idle_waits(trace))


def _partition(trace: Trace, slices: Records, waits: Records) -> tuple[tuple[str, Account], ...]:
    """Accounts by scope; each slice and each wait is in exactly one of them."""
    names, scope_of = scopes_by_task(trace)
    # One entry more than tasks: index -1, "no task", then finds the last entry.
    scope_of = np.append(scope_of, -1)
    slice_scopes, wait_scopes = scope_of[slices["task"]], scope_of[waits["task"]]
    found = []
    for index, name in enumerate(names):
        own = account_of(slices[slice_scopes == index], waits[wait_scopes == index])
        if own.slices or own.wait_ps:
            found.append((name, own))
    found.sort(key=lambda item: item[1].first_start_ps)
    orphans = waits[wait_scopes == -1]
    is_no_work = orphans["reason"] == WaitReason.NO_WORK
    no_task = account_of(slices[:0], orphans[~is_no_work])
    if no_task.wait_ps:
        found.append((NO_TASK, no_task))
    found.append((NO_WORK, account_of(slices[:0], orphans[is_no_work])))
    return tuple(found)

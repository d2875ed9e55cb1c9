"""What if: one change of a run each, in the words of the command line."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from npusim.dependencies import DependencyMode
from npusim.errors import UsageError
from npusim.experiments.experiment import Experiment
from npusim.experiments.kernel_profiles import Composer
from npusim.experiments.tiles import merge_scopes, split_scope, tasks_of
from npusim.hardware import RuntimeSpec
from npusim.simulator.policies import find_policy

_NOTHING_NS = 0.001
"""One picosecond, the least that a figure may be: as good as free, and above zero as it must be."""

_SUBMIT_COSTS = (
    "submit_fixed_ns",
    "submit_per_tensor_ns",
    "submit_per_lookup_ns",
    "submit_per_insert_ns",
    "submit_per_edge_ns",
    "submit_user_code_ns",
    "scope_end_per_task_ns",
)
_DISPATCH_COSTS = (
    "poll_per_core_ns",
    "poll_base_ns",
    "completion_ns",
    "resolve_first_ns",
    "resolve_per_consumer_ns",
    "pop_batch_ns",
    "prepare_block_ns",
    "stage_block_ns",
    "fence_ns",
    "publish_block_ns",
    "store_visible_ns",
    "finish_visible_ns",
    "core_setup_ns",
    "core_setup_swimlane_ns",
    "core_switch_ns",
    "record_swimlane_ns",
    "gate_to_start_ns",
    "serial_pitch_ns",
    "serial_latency_ns",
)
_OTHER_COSTS = ("cold_min_ns", "cold_max_ns", "standalone_launch_ns")
"""Of the cores' warm-up, and of the host: neither change takes them off the runtime."""
_SHARED_RATES = ("l2_bytes_per_us", "l2_write_bytes_per_us", "hbm_bytes_per_us")


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        label: As on the command line, for instance ``--split qk=2``.
        apply: Makes the changed experiment.
        scopes: Those that the run must have.
    """

    label: str
    apply: Callable[[Experiment], Experiment]
    scopes: tuple[str, ...] = ()


def no_dispatch_cost() -> Change:
    """Scheduler threads and core launches take no time; the orchestrator does as before."""

    def apply(one: Experiment) -> Experiment:
        runtime = _without(one.chip.runtime, _DISPATCH_COSTS)
        given = one.options.policy_parameters
        kept = {name: value for name, value in given.items() if not name.endswith("_ns")}
        options = replace(one.options, warm_up=False, policy_parameters=kept)
        return replace(one, chip=replace(one.chip, runtime=runtime), options=options)

    return Change("--no-dispatch-cost", apply)


def no_submit_cost() -> Change:
    """The orchestrator submits everything at once."""

    def apply(one: Experiment) -> Experiment:
        runtime = _without(one.chip.runtime, _SUBMIT_COSTS)
        submit_ns = None if one.work.submit_ns is None else one.work.submit_ns * 0
        work = replace(one.work, submit_ns=submit_ns)
        return replace(one, chip=replace(one.chip, runtime=runtime), work=work)

    return Change("--no-submit-cost", apply)


def dependencies(mode: DependencyMode) -> Change:
    """Dependencies found in another way; ``exact`` takes every false one off."""
    return Change(f"--deps {mode}", lambda one: one.with_edges(mode))


_MOST_FACTOR = 1e6
"""Times beyond it do not fit a trace; a typing mistake should be told as one."""
_MOST_CLUSTERS = 4096
"""Far beyond any chip; a typing mistake should not fill the memory."""


def cores(aic: int, aiv: int) -> Change:
    """Another number of cores; the clusters have equally many AIV each.

    Raises:
        UsageError: If the AIV cannot be spread evenly over the clusters of one AIC each.
    """
    if not 1 <= aic <= _MOST_CLUSTERS or aiv < aic or aiv % aic or aiv > 8 * aic:
        msg = (
            f"--cores aic={aic},aiv={aiv}: expected 1 to {_MOST_CLUSTERS} AIC and 1 to 8 AIV for "
            "each, as many for every one; name for instance aic=32,aiv=64"
        )
        raise UsageError(msg)

    def apply(one: Experiment) -> Experiment:
        topology = replace(one.chip.topology, cluster_count=aic, aiv_per_cluster=aiv // aic)
        work = replace(one.work, captured=None)
        return replace(one, chip=replace(one.chip, topology=topology), work=work)

    return Change(f"--cores aic={aic},aiv={aiv}", apply)


def bandwidth(factor: float) -> Change:
    """The rates of shared memory, L2 and HBM, times ``factor``; the ports of the cores stay.

    Raises:
        UsageError: If the factor is not positive.
    """
    _check_factor("--bandwidth", factor)

    def apply(one: Experiment) -> Experiment:
        rates = {name: getattr(one.chip.memory, name) * factor for name in _SHARED_RATES}
        return one.with_machine(replace(one.chip, memory=replace(one.chip.memory, **rates)))

    return Change(f"--bandwidth x{factor:g}", apply)


def scale(scope: str, factor: float) -> Change:
    """Every kernel of ``scope`` takes ``factor`` times as long, and moves as much less or more.

    Raises:
        UsageError: If the factor is not positive.
    """
    _check_factor(f"--scale {scope}", factor)

    def apply(one: Experiment) -> Experiment:
        chosen, composer = set(tasks_of(one.work, scope)), Composer()
        profiles, block = list(one.profiles), 0
        for task, count in enumerate(one.work.block_num.tolist()):
            if task in chosen:
                for index in range(block, block + count):
                    profiles[index] = composer.compose([(profiles[index], factor)])
            block += count
        return replace(one, profiles=tuple(profiles))

    return Change(f"--scale {scope}={factor:g}", apply, (scope,))


def split(scope: str, count: int) -> Change:
    """Every task of ``scope`` as ``count`` smaller ones."""
    label = f"--split {scope}={count}"
    return Change(label, lambda one: split_scope(one, scope, count), (scope,))


def merge(first: str, second: str) -> Change:
    """Tasks of two scopes, or neighbours of one, as one task."""
    label = f"--merge {first}+{second}"
    return Change(label, lambda one: merge_scopes(one, first, second), (first, second))


def check_scopes(changes: Iterable[Change], names: Iterable[str]) -> None:
    """Refuse, before anything is simulated, changes of scopes that the run does not have.

    Args:
        changes: What is asked.
        names: The scopes of the run, those of several tasks once or more often.

    Raises:
        UsageError: Naming the first change and scope, and what there is.
    """
    known = dict.fromkeys(names)
    for change in changes:
        for scope in change.scopes:
            if scope not in known:
                msg = (
                    f"{change.label}: the run has no scope {scope!r}; expected one of "
                    f"{', '.join(known) or 'none, the run has no tasks'}; correct the name"
                )
                raise UsageError(msg)


def early_dispatch() -> Change:
    """Every task lets its consumers be staged on cores before it ends."""

    def apply(one: Experiment) -> Experiment:
        flags = one.work.allow_early_resolve | True
        work = replace(one.work, allow_early_resolve=flags)
        return replace(one, work=work, options=replace(one.options, early_dispatch=True))

    return Change("--early-dispatch", apply)


def policy(name: str) -> Change:
    """Another runtime.

    Raises:
        UsageError: If there is none of that name.
    """
    wanted = find_policy(name)

    def apply(one: Experiment) -> Experiment:
        if wanted.is_replay_only and one.program is not None:
            msg = (
                f"--policy {name}: only npusim replay has it; expected another one; ask "
                f"npusim replay {one.name} --policy {name}"
            )
            raise UsageError(msg)
        return replace(one, options=replace(one.options, policy=name, policy_parameters={}))

    return Change(f"--policy {name}", apply)


def _without(runtime: RuntimeSpec, costs: Iterable[str]) -> RuntimeSpec:
    """``runtime`` with these costs as good as free."""
    free: dict[str, Any] = dict.fromkeys(costs, _NOTHING_NS)
    return replace(runtime, **free)


def _check_factor(option: str, factor: float) -> None:
    if not 1 / _MOST_FACTOR <= factor <= _MOST_FACTOR:
        msg = (
            f"{option}: factor {factor:g}; expected one from {1 / _MOST_FACTOR:g} to "
            f"{_MOST_FACTOR:g}; name for instance 2"
        )
        raise UsageError(msg)

"""Planted bubbles, one cause each, under the real runtime: each is named, alone and in pairs."""

from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import pytest

from npusim.analysis.causes import Cause, idle_causes
from npusim.api.evidence import Evidence
from npusim.dependencies import DependencyMode, build_graph
from npusim.hardware import load_chip
from npusim.program import CoreType
from npusim.simulator import simulate
from tests.dependency_kernels import N, new_tensor, record, touch
from tests.pipe_runs import loading_program, slow_memory_chip, view_of
from tests.planted import AIC, AIV, MIX, idle_us, planted

FAST_NS = 100.0
PAUSE_NS = 600_000.0
"""Before the first submit of a second plant: by then the first one has ended."""


@dataclass(frozen=True)
class Plant:
    """A graph in which some core waits for one thing only, before the task ``scope``."""

    tasks: list[tuple[str, CoreType, float]]
    scope: str
    least_us: float
    edges: list[tuple[int, int]] = field(default_factory=list)
    false: list[tuple[int, int]] = field(default_factory=list)
    """Edges that the data does not need."""
    last_submit_ns: float = FAST_NS
    blocks: list[int] | None = None
    sync: list[bool] | None = None
    early: list[bool] | None = None


PLANTS = {
    Cause.DEPENDENCY: Plant([("a", AIC, 50), ("b", AIV, 5)], "b", 49, [(0, 1)]),
    Cause.FALSE_DEPENDENCY: Plant(
        [("a", AIC, 20), ("x", AIC, 80), ("b", AIV, 5)], "b", 59, [(0, 2), (1, 2)], [(1, 2)]
    ),
    Cause.ORCHESTRATOR: Plant([("a", AIC, 5), ("b", AIC, 5)], "b", 50, last_submit_ns=60_000),
    Cause.COMPLETION: Plant([("a", AIC, 50), ("b", AIC, 5)], "b", 0.4, [(0, 1)]),
    Cause.POLLING: Plant(
        [*[("a", AIC, 50 + 0.37 * one) for one in range(12)], *[("b", AIV, 5)] * 12],
        "b",
        0.2,
        [(one, 12 + one) for one in range(12)],
    ),
    Cause.SCHEDULER_BUSY: Plant(
        [("p", AIC, 50), *[("c", AIV, 2)] * 200], "c", 50, [(0, one) for one in range(1, 201)]
    ),
    Cause.QUEUE_ORDER: Plant(
        [("p", AIC, 50), *[("c", AIV, 2)] * 100], "c", 20, [(0, one) for one in range(1, 101)]
    ),
    Cause.LAUNCH: Plant([("a", AIC, 9)] * 30, "a", 0.4),
    Cause.CLUSTER: Plant(
        [*[("a", AIV, 90.0 + one) for one in range(96)], ("m", MIX, 5)],
        "m",
        40,
        last_submit_ns=40_000,  # by then every AIV works and has a second block in its slot
    ),
    Cause.CORE_BUSY: Plant(
        [*[("a", AIC, 60.0 + one) for one in range(20)], ("s", AIC, 9)],
        "s",
        100,
        blocks=[1] * 20 + [24],
        sync=[False] * 20 + [True],
    ),
    Cause.EARLY_GATE: Plant(
        [("a", AIC, 50), ("b", AIV, 5)], "b", 0.1, [(0, 1)], early=[True, False]
    ),
    Cause.START_UP: Plant([("a", AIC, 20)] * 24, "a", 20),
    Cause.TAIL: Plant([("a", AIC, 10), ("a", AIC, 90)], "", 79),
    Cause.NO_WORK: Plant([("a", AIC, 10)], "", 100),
}
"""By cause. Cores of a device are cold at first, so that a start-up is long."""


def grow(*plants: tuple[Cause, Plant]) -> tuple[Any, list[tuple[int, int]]]:
    """All plants in one run, one after the other, and the dependencies that its data needs."""
    tasks, edges, needed = [], [], []
    columns: dict[str, list[Any]] = {"submit_ns": [], "sync_start": [], "allow_early_resolve": []}
    blocks: list[int] = []
    for cause, plant in plants:
        first, count = len(tasks), len(plant.tasks)
        tasks += [(f"{cause}.{name}", core, us) for name, core, us in plant.tasks]
        own = [(first + pred, first + succ) for pred, succ in plant.edges]
        false = {(first + pred, first + succ) for pred, succ in plant.false}
        edges += own
        needed += [edge for edge in own if edge not in false]
        pause_ns = PAUSE_NS if first else FAST_NS
        columns["submit_ns"] += [pause_ns, *[FAST_NS] * (count - 1)]
        if plant.last_submit_ns != FAST_NS:
            columns["submit_ns"][-1] = plant.last_submit_ns
        columns["sync_start"] += plant.sync or [False] * count
        columns["allow_early_resolve"] += plant.early or [False] * count
        blocks += plant.blocks or [1] * count
    return planted(tasks, edges, warm_up=True, blocks=blocks, **columns), needed


def found_us(trace: Any, needed: list[tuple[int, int]], cause: Cause) -> float:
    """Lane time of a cause before the tasks of its plant."""
    scope = PLANTS[cause].scope and f"{cause}.{PLANTS[cause].scope}"
    return idle_us(trace, scope, needed).get(str(cause), 0.0)


@pytest.mark.parametrize("cause", PLANTS)
def test_a_planted_bubble_is_named(cause):
    trace, needed = grow((cause, PLANTS[cause]))
    assert found_us(trace, needed, cause) >= PLANTS[cause].least_us


PAIRS = [
    pair
    for pair in permutations(PLANTS, 2)
    # Cores are cold only once, and a core has one end.
    if pair[1] is not Cause.START_UP and pair[0] not in {Cause.TAIL, Cause.NO_WORK}
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_planted_bubbles_are_both_named(first, second):
    trace, needed = grow((first, PLANTS[first]), (second, PLANTS[second]))
    for cause in (first, second):
        assert found_us(trace, needed, cause) >= 0.9 * PLANTS[cause].least_us, cause
    assert not (idle_causes(trace)["cause"] == list(Cause).index(Cause.UNKNOWN)).any()


TWINS = {
    Cause.DEPENDENCY: "edges",
    Cause.FALSE_DEPENDENCY: "false",
    Cause.COMPLETION: "edges",
    Cause.CORE_BUSY: "sync",
    Cause.EARLY_GATE: "early",
}
"""Cause -> what of its plant makes it."""


@pytest.mark.parametrize("cause", TWINS)
def test_without_what_makes_it_no_plant_has_the_cause(cause):
    plant = PLANTS[cause]
    values = {name: getattr(plant, name) for name in plant.__dataclass_fields__}
    twin = Plant(**{**values, TWINS[cause]: [] if TWINS[cause] in {"edges", "false"} else None})
    assert found_us(*grow((cause, twin)), cause) == 0


def scratch_kernel(x):
    """``far`` writes beside what ``use`` reads; overlapping windows of one buffer hide that."""
    scratch = new_tensor()
    touch(writes=(scratch,), rows=(0, 4), name_hint="near")
    touch(writes=(scratch,), rows=(4, N), name_hint="far")
    touch(reads=(scratch,), writes=(x,), rows=(0, 4), name_hint="use")


def test_a_dependency_of_tensormap_that_exact_does_not_have_is_false():
    program, chip = record(scratch_kernel), load_chip("a2a3")
    runs = {
        mode: Evidence("run", simulate(program, build_graph(program, mode), chip), program)
        for mode in (DependencyMode.TENSORMAP, DependencyMode.EXACT)
    }
    false_us = {
        mode: sum(
            idle_us(run.trace, scope, run.needed_edges).get("false_dependency", 0.0)
            for scope in ("near", "far", "use")
        )
        for mode, run in runs.items()
    }
    assert false_us[DependencyMode.TENSORMAP] > 1
    assert false_us[DependencyMode.EXACT] == 0


@pytest.mark.parametrize("blocks", [1, 2])
def test_shared_memory_is_a_part_of_busy_that_is_counted(blocks):
    """Of two kernels that only load, each waits for the other; of one alone, none does."""
    trace = view_of(loading_program(blocks), slow_memory_chip()).trace
    stall_us = trace.slices["stall_ps"].sum() / 1e6
    assert (stall_us > 0.1) == (blocks == 2)


def test_every_cause_is_planted():
    """Those left come from traces that say less than a simulated one (test_analysis_causes)."""
    assert set(Cause) - set(PLANTS) == {Cause.NOT_DISPATCHED, Cause.MEMORY, Cause.UNKNOWN}

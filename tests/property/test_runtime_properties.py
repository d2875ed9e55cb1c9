"""What must hold for every graph under every policy: no block lost, no order broken, exact sums."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npusim.errors import DeadlockError
from npusim.program import CoreType
from npusim.simulator import SimulationOptions, simulate_runtime
from npusim.simulator.work import RuntimeScope
from npusim.trace import RING_COUNTERS, PhaseKind, RingEvent
from tests.program_builder import round_chip
from tests.runtime_builder import make_work

pytestmark = pytest.mark.property

SETTINGS = settings(max_examples=40, deadline=None, derandomize=True)
OWN = ("tensormap_and_ringbuffer", "host_build_graph", "serial_dispatcher", "ideal")
CORES = {CoreType.AIC: 1, CoreType.AIV: 1, CoreType.MIX: 3}


@st.composite
def works(draw):
    """Random tasks with random flags and a random acyclic graph over them."""
    count = draw(st.integers(1, 14))
    flags = st.lists(st.booleans(), min_size=count, max_size=count)
    tasks = []
    for index in range(count):
        blocks = draw(st.lists(st.sampled_from((0, 50, 900, 7000)), max_size=5))
        tasks.append((f"t{index}", draw(st.sampled_from(CoreType)), blocks))
    pairs = [(one, two) for two in range(count) for one in range(two)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20)) if pairs else []
    cohorts = [
        wanted and len(blocks) <= 2
        for wanted, (_, _, blocks) in zip(draw(flags), tasks, strict=True)
    ]
    return make_work(
        tasks,
        *edges,
        allow_early_resolve=draw(flags),
        sync_start=cohorts,
        is_predicated=draw(flags),
        heap_bytes=draw(st.lists(st.sampled_from((0, 512)), min_size=count, max_size=count)),
    )


CHIPS = st.builds(
    round_chip,
    clusters=st.integers(2, 4),
    threads=st.integers(1, 3),
    ring_slot_count=st.sampled_from((2, 100)),
    core_slot_count=st.sampled_from((1, 2)),
    cold_core_frac=st.sampled_from((0, 0.5)),
    submit_fixed_ns=st.sampled_from((1, 300, 3000)),
    core_switch_ns=st.sampled_from((0, 150)),
)
POLICIES = st.one_of(
    st.tuples(st.sampled_from(OWN), st.just({})),
    st.tuples(st.just("serial_dispatcher"), st.sampled_from(({"slots": 1}, {"slots": 2}))),
)
OPTIONS = st.builds(
    lambda policy, **given: SimulationOptions(
        policy=policy[0], policy_parameters=policy[1], **given
    ),
    policy=POLICIES,
    early_dispatch=st.booleans(),
    observer=st.booleans(),
    pmu=st.sampled_from((0, 2)),
)


@SETTINGS
@given(works(), CHIPS, OPTIONS)
def test_every_block_runs_once_after_its_producers(work, chip, options):
    # Building the trace checks busy + waits == span on every lane.
    trace = simulate_runtime(work, chip, options)
    ran = sorted((int(row["task"]), int(row["block"])) for row in trace.slices)
    assert ran == sorted(
        (task, block)
        for task in range(work.task_count)
        for block in range(int(work.block_num[task]))
        for _ in range(CORES[work.core_types[task]])
    )
    end = np.zeros(work.task_count, np.int64)
    np.maximum.at(end, trace.slices["task"], trace.slices["end_ps"])
    start = np.full(work.task_count, 1 << 60, np.int64)
    np.minimum.at(start, trace.slices["task"], trace.slices["start_ps"])
    for pred, succ in work.edges.tolist():
        assert start[succ] >= end[pred]


@SETTINGS
@given(works(), CHIPS, OPTIONS)
def test_durations_are_kept_and_phases_add_up(work, chip, options):
    trace = simulate_runtime(work, chip, options)
    first = np.concatenate([[0], np.cumsum(work.block_num)])
    blocks = first[trace.slices["task"]] + trace.slices["block"]
    assert np.array_equal(
        trace.slices["end_ps"] - trace.slices["start_ps"], work.durations_ps[blocks]
    )
    counts = {
        kind: int(trace.phases["count"][trace.phases["kind"] == kind].sum()) for kind in PhaseKind
    }
    dispatched = (PhaseKind.DISPATCH, PhaseKind.EARLY_DISPATCH, PhaseKind.DRAIN)
    if options.policy in OWN[:2]:
        assert counts[PhaseKind.COMPLETE] == len(trace.slices)
        assert sum(counts[kind] for kind in dispatched) == len(trace.slices)


@SETTINGS
@given(works(), CHIPS, OPTIONS)
def test_the_same_work_gives_the_same_bytes(work, chip, options):
    one, two = (simulate_runtime(work, chip, options) for _ in range(2))
    for name in ("slices", "waits", "phases"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()


@SETTINGS
@given(works(), CHIPS, st.data())
def test_rings_hold_what_fits_and_give_all_of_it_back(work, chip, data):
    """Tasks in iterations of a loop; watching the rings changes nothing."""
    scope = sorted(data.draw(st.integers(1, 4)) for _ in range(work.task_count))
    scopes = (RuntimeScope(-1, 0, "body"), *(RuntimeScope(0, 1, f"i{i}", "loop") for i in range(4)))
    work = replace(work, scope=np.array(scope, np.int64), scopes=scopes)
    try:
        plain = simulate_runtime(work, chip, SimulationOptions())
    except DeadlockError:  # a scope that is larger than its ring
        return
    seen = simulate_runtime(work, chip, SimulationOptions(scope_stats=True))
    assert plain.slices.tobytes() == seen.slices.tobytes()
    assert plain.phases.tobytes() == seen.phases.tobytes()
    assert plain.tasks == seen.tasks
    names = ("slots", "heap_bytes", "dependencies")
    for ring, limits in enumerate(seen.rings.limits):
        rows = seen.rings.of_ring(ring)
        for (freed, taken), name in zip(RING_COUNTERS, names, strict=True):
            held = rows[taken] - rows[freed]
            assert held.max(initial=0) <= getattr(limits, name)
            assert not len(held) or held[-1] == 0
    marks = seen.rings.samples["event"] != RingEvent.CHANGE
    assert marks.sum() == 2 * (1 + len(set(scope)))

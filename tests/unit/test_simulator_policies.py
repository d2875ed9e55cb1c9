"""Policies: the same work under every scheduler."""

import numpy as np
import pytest

from npusim.errors import DeadlockError, NpuSimError, UsageError
from npusim.hardware import load_chip
from npusim.program import CoreType
from npusim.simulator import RuntimeWork, SimulationOptions, simulate, simulate_runtime
from npusim.simulator.policies import Policy, find_policy, policy_names, register_policy
from npusim.simulator.policies.registry import _POLICIES
from npusim.trace import LaneKind, PhaseKind
from tests.program_builder import ProgramBuilder, graph, round_chip
from tests.runtime_builder import gap_ns, make_work, of_task, quick_chip, run

AIC, AIV, MIX = CoreType.AIC, CoreType.AIV, CoreType.MIX
OWN = ("tensormap_and_ringbuffer", "host_build_graph", "serial_dispatcher", "ideal")


def diamond():
    tasks = [("a", AIC, [1000]), ("b", AIV, [2000] * 2), ("c", MIX, [500]), ("d", AIV, [1000])]
    return make_work(tasks, (0, 1), (0, 2), (1, 3), (2, 3))


@pytest.mark.parametrize("policy", OWN)
def test_every_policy_runs_every_block_in_order_of_the_graph(policy):
    trace = run(diamond(), round_chip(clusters=2), policy=policy)
    assert len(trace.slices) == 1 + 2 + 3 + 1
    for pred, succ in trace.edges[["pred", "succ"]].tolist():
        assert gap_ns(trace, pred, succ) >= 0
    assert trace.info.parameters["policy"] == policy


@pytest.mark.parametrize("policy", OWN)
def test_a_cycle_is_a_deadlock_under_every_policy(policy):
    work = make_work([("a", AIC, [1]), ("b", AIC, [1])], (0, 1), (1, 0))
    with pytest.raises(DeadlockError, match=r"^no progress at .* 2 of 2 tasks wait - task 0 \(a\)"):
        run(work, policy=policy)


@pytest.mark.parametrize("policy", OWN)
def test_programs_run_under_every_policy_as_fixed_durations_do(policy):
    builder = ProgramBuilder()
    for name in "ab":
        builder.task(name, AIV).block()
    options = SimulationOptions(policy=policy)
    trace = simulate(builder.build(), graph(2, (0, 1)), round_chip(), options)
    assert len(trace.slices) == 2


def test_ideal_costs_nothing():
    trace = run(diamond(), round_chip(clusters=2), policy="ideal")
    assert trace.makespan_ps == 4_000_000
    assert [int(rows["start_ps"][0]) for rows in map(of_task, [trace] * 4, range(4))] == [
        0, 1_000_000, 1_000_000, 3_000_000,
    ]  # fmt: skip
    assert not len(trace.phases)


def test_ideal_takes_tasks_in_the_order_in_which_they_became_ready():
    tasks = [("long", AIC, [3000]), ("x", AIC, [1000]), ("y", AIC, [1000])]
    trace = run(make_work(tasks), round_chip(), policy="ideal")
    assert trace.slices["task"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("policy", OWN)
def test_a_dummy_root_makes_its_consumer_ready_once(policy):
    work = make_work([("d", AIV, []), ("a", AIV, [1000] * 2)], (0, 1))
    assert len(run(work, policy=policy).slices) == 2


def serial(work, chip=None, **parameters):
    return run(work, chip, policy="serial_dispatcher", policy_parameters=parameters)


def test_the_serial_dispatcher_sends_one_block_per_pitch():
    work = make_work([(f"t{i}", AIV, [5000]) for i in range(4)])
    trace = serial(work, round_chip(clusters=2), pitch_ns=700, latency_ns=0)
    assert trace.slices["start_ps"].tolist() == [0, 700_000, 1_400_000, 2_100_000]
    dispatches = trace.phases[trace.phases["kind"] == PhaseKind.DISPATCH]
    assert (dispatches["end_ps"] - dispatches["start_ps"]).tolist() == [700_000] * 4


def test_the_serial_dispatcher_hears_of_an_end_a_latency_later():
    work = make_work([("a", AIC, [5000]), ("b", AIV, [1000]), ("c", AIC, [1000])], (0, 1))
    trace = serial(work, pitch_ns=100, latency_ns=4000)
    # The core of the first task is known to be free only then, and its task was ready before.
    assert of_task(trace, 2)["start_ps"][0] == 9_000_000
    assert of_task(trace, 1)["start_ps"][0] == 9_100_000
    assert trace.slices["finish_ps"][0] == 9_000_000


def test_two_slots_hide_the_latency_of_the_serial_dispatcher():
    work = make_work([(name, AIC, [5000]) for name in "abc"])
    chip = round_chip(core_switch_ns=150)
    one, two = (serial(work, chip, pitch_ns=100, latency_ns=4000, slots=n) for n in (1, 2))
    assert np.diff(one.slices["start_ps"]).tolist() == [9_000_000, 9_000_000]
    assert np.diff(two.slices["start_ps"]).tolist() == [5_150_000, 5_150_000]


@pytest.mark.parametrize("slots", [1, 2])
def test_mix_blocks_follow_each_other_on_their_clusters(slots):
    work = make_work([("a", MIX, [1000] * 24), ("b", MIX, [1000] * 24)])
    trace = serial(work, round_chip(clusters=2), pitch_ns=10, latency_ns=100, slots=slots)
    assert len(trace.slices) == 48 * 3


GREEDY = OWN[2:]


@pytest.mark.parametrize("policy", GREEDY)
def test_a_cohort_waits_for_all_of_its_places(policy):
    tasks = [("long", AIC, [90_000]), ("sync", AIC, [1000] * 2)]
    for is_cohort in (True, False):
        work = make_work(tasks, sync_start=[False, is_cohort])
        trace = run(work, round_chip(clusters=2), policy=policy)
        first_ps = of_task(trace, 1)["start_ps"].min()
        assert bool(first_ps >= of_task(trace, 0)["end_ps"][0]) == is_cohort


@pytest.mark.parametrize("policy", GREEDY)
def test_a_cohort_larger_than_the_chip_is_refused(policy):
    work = make_work([("sync", AIC, [1000] * 3)], sync_start=[True])
    with pytest.raises(DeadlockError, match=r"^sync_start of task 0 \(sync\): 3 blocks must be"):
        run(work, round_chip(clusters=2), policy=policy)


def test_the_figures_of_the_serial_dispatcher_are_those_of_the_chip():
    runtime = load_chip("a2a3").runtime
    work = make_work([(name, AIC, [100_000]) for name in "abc"])
    trace = run(work, load_chip("a2a3"), policy="serial_dispatcher")
    assert np.diff(trace.slices["start_ps"]).tolist() == [runtime.serial_pitch_ns * 1000] * 2


def test_a_graph_built_on_the_host_is_there_when_the_run_begins():
    tasks = [(f"t{i}", AIV, [1000]) for i in range(40)]
    device, host = (
        run(make_work(tasks), round_chip(clusters=4, threads=3), policy=policy)
        for policy in OWN[:2]
    )
    assert {task.submit_end_ps for task in host.tasks} == {0}
    assert not len(host.phases[host.phases["kind"] == PhaseKind.SUBMIT])
    assert host.makespan_ps < device.makespan_ps
    # The thread that would submit schedules as well.
    assert len(host.lane_indices(LaneKind.SCHEDULER)) == 4
    assert {host.lanes[lane].thread for lane in host.slices["lane"]} == {0, 1, 2, 3}


@pytest.mark.parametrize(("policy", "level"), [(OWN[0], 4), (OWN[1], 3), (OWN[2], 3), (OWN[3], 2)])
def test_a_trace_claims_the_level_that_its_policy_can_record(policy, level):
    assert run(diamond(), round_chip(clusters=2), policy=policy).info.swimlane_level == level


def test_no_ring_fills_without_an_orchestrator():
    tasks = [(f"t{i}", AIV, [1000]) for i in range(10)]
    trace = run(make_work(tasks), quick_chip(ring_slot_count=2), policy="host_build_graph")
    assert len(trace.slices) == 10


def test_a_new_policy_is_found_by_its_name():
    work = diamond()
    seen = []

    def replay(given, chip, options, kernels):
        seen.append((given, chip.name, options.policy))
        return find_policy("ideal").run(given, chip, options, kernels)

    register_policy(Policy("mine", "for this test", replay))
    try:
        run(work, policy="mine")
        with pytest.raises(UsageError, match=r"^policy 'mine': registered already; expected a new"):
            register_policy(Policy("mine", "another", replay))
    finally:
        del _POLICIES["mine"]
    assert seen == [(work, "a2a3", "mine")]
    assert set(OWN) <= set(policy_names())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"policy": "magic"},
            r"^policy 'magic': unknown; expected one of tensormap_and_ringbuffer",
        ),
        (
            {"policy": "ideal", "policy_parameters": {"pitch_ns": 1}},
            r"^policy ideal: unknown parameter 'pitch_ns'; expected no parameters$",
        ),
        (
            {"policy": "serial_dispatcher", "policy_parameters": {"slots": 3}},
            r"^policy serial_dispatcher: slots is 3; expected 1 or 2 per core$",
        ),
        (
            {"policy": "serial_dispatcher", "policy_parameters": {"pitch_ns": -1}},
            r"^policy serial_dispatcher: pitch_ns is -1; expected nanoseconds, not negative$",
        ),
    ],
)
def test_wrong_choices_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        run(diamond(), **options)


def test_work_must_fit_together():
    def build(**columns):
        given = {"block_num": [1], "durations_ps": [5], **columns}
        return RuntimeWork.build(kernel="k", names=["a"], core_types=[AIC], **given)

    with pytest.raises(NpuSimError, match=r"^task graph: edge 0 -> 3; expected task ids from 0"):
        build(edges=[(0, 3)])
    with pytest.raises(
        NpuSimError, match=r"^runtime work k: durations_ps has 1 entries, the small"
    ):
        build(durations_ps=[-5])
    with pytest.raises(
        NpuSimError, match=r"^runtime work k: block_num has 2 entries; expected one"
    ):
        build(block_num=[1, 1], durations_ps=[1, 1])
    with pytest.raises(TypeError, match=r"unknown column colour$"):
        build(colour=["red"])
    with pytest.raises(NpuSimError, match=r"^runtime work k: has no durations; expected one per"):
        simulate_runtime(build(durations_ps=None), round_chip())

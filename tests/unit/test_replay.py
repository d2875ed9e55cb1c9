"""Replays: baselines as policies, calibration, fitting, and the report."""

import dataclasses

import numpy as np
import pytest

from npusim.analysis.hand_over import hand_over
from npusim.api import ReplayRequest, replay_capture
from npusim.api.replay import _options
from npusim.errors import UsageError
from npusim.hardware import load_chip
from npusim.program import CoreType
from npusim.replay import (
    LIST_PATH,
    LIST_READY,
    ZERO_GAP,
    calibrate,
    dispatch_pitch_ps,
    fit_latency_ns,
    replay,
    replay_work,
)
from npusim.simulator import SimulationOptions
from npusim.simulator.policies import policy_names
from npusim.simulator.runtime import simulate_runtime
from npusim.simulator.work import RuntimeWork
from npusim.trace import WaitReason, load_trace, save_trace
from tests.golden.runs import reference_run
from tests.trace_builder import TraceBuilder, layered_trace

CHIP = load_chip("a2a3")
SCOPES = {"load": "aiv", "qk": "aic", "rope": "mix", "store": "aiv"}


@pytest.fixture(scope="module")
def layered():
    return layered_trace(SCOPES, blocks=40, has_waits=False)


def options(policy, **fields):
    return SimulationOptions(policy=policy, **fields)


def test_the_baselines_are_policies_beside_the_others():
    assert {ZERO_GAP, LIST_READY, LIST_PATH, "ideal", "serial_dispatcher"} <= set(policy_names())


@pytest.mark.parametrize("policy", [ZERO_GAP, LIST_READY, LIST_PATH])
def test_a_baseline_runs_every_kernel_once_and_accounts_for_every_lane(layered, policy):
    found = simulate_runtime(replay_work(layered, CHIP), CHIP, options(policy))
    assert len(found.slices) == len(layered.slices)
    durations = np.sort(found.slices["end_ps"] - found.slices["start_ps"])
    assert (durations == np.sort(layered.slices["end_ps"] - layered.slices["start_ps"])).all()
    assert found.makespan_ps <= layered.makespan_ps
    # The constructor of a trace has checked busy + waits == span.
    reasons = set(found.waits["reason"])
    assert reasons <= {WaitReason.DEPENDENCY, WaitReason.SYNC, WaitReason.NO_WORK}


def test_zero_gap_keeps_every_kernel_on_its_core(layered):
    found = simulate_runtime(replay_work(layered, CHIP), CHIP, options(ZERO_GAP))

    def places(trace):
        columns = ("task", "block", "slot", "lane")
        return sorted(zip(*(trace.slices[name].tolist() for name in columns), strict=True))

    assert [place[3] for place in places(found)] == [place[3] for place in places(layered)]


def test_the_wait_before_a_kernel_blames_the_predecessor_that_ended_last():
    builder = TraceBuilder(aic=2, aiv=2, has_waits=False)
    first, second, after = (builder.task(name, "aic") for name in ("a", "b", "c"))
    for task, lane, end in ((first, "AIC[0]", 5), (second, "AIC[1]", 9)):
        builder.run(task, lane, 0, end)
        builder.edge(task, after)
    builder.run(after, "AIC[0]", 20, 21)
    found = simulate_runtime(replay_work(builder.build(), CHIP), CHIP, options(ZERO_GAP))
    waits = found.waits[found.waits["task"] == after]
    assert waits[["lane", "start_ps", "end_ps", "reason", "blamed"]].tolist() == [
        (0, 5_000_000, 9_000_000, WaitReason.DEPENDENCY, second)
    ]


@pytest.mark.parametrize("policy", [LIST_READY, LIST_PATH])
def test_a_list_schedule_needs_no_capture(policy):
    work = RuntimeWork.build(
        kernel="made",
        names=["a", "m"],
        core_types=[CoreType.AIC, CoreType.MIX],
        block_num=[48, 24],
        durations_ps=[10] * 48 + [7] * 24,
        edges=[(0, 1)],
    )
    found = simulate_runtime(work, CHIP, options(policy))
    assert found.makespan_ps == 27
    assert sorted(set(found.slices["slot"][found.slices["task"] == 1])) == [0, 1, 2]
    with pytest.raises(UsageError, match=r"^policy zero_gap: the work of made has no captured co"):
        simulate_runtime(work, CHIP, options(ZERO_GAP))


def test_the_report_has_the_bounds_and_the_schedules_in_order(layered):
    result = replay(layered, CHIP, options("tensormap_and_ringbuffer"))
    values = result.to_json()
    assert values["tasks"] == 160
    assert values["edges"] == len(layered.edges)
    lower = max(values["work_bound_us"], values["critical_path_us"])
    assert lower <= values["list_path_us"] <= values["makespan_us"]
    assert values["zero_gap_us"] <= values["measured_us"]
    assert values["ratio"] == pytest.approx(values["makespan_us"] / values["measured_us"])
    text = str(result.makespan_table())
    assert "measured" in text
    assert "critical path" in text
    assert "end_to_next_start" in str(result.delay_table())


def test_an_order_against_the_dependencies_leaves_zero_gap_open():
    builder = TraceBuilder(aic=1, aiv=1, has_waits=False)
    first, second = builder.task("a", "aic"), builder.task("b", "aic")
    builder.run(second, "AIC[0]", 0, 1)
    builder.run(first, "AIC[0]", 2, 3)
    builder.edge(first, second)
    result = replay(builder.build(), CHIP, options(LIST_PATH))
    assert result.to_json()["zero_gap_us"] is None
    assert "-" in str(result.makespan_table())


def observed(trace, *, launch_us=0.5, seen_us=2.0):
    """The same run with times of a scheduler, and two phases of it."""
    slices = trace.slices.copy()
    slices["dispatch_ps"] = slices["start_ps"] - round(launch_us * 1e6)
    slices["receive_ps"] = slices["start_ps"]
    slices["finish_ps"] = slices["end_ps"] + round(seen_us * 1e6)
    return dataclasses.replace(trace, slices=slices)


def test_a_calibration_takes_what_the_capture_holds(layered):
    found = calibrate(observed(layered), CHIP, is_observed=True).figures
    runtime = CHIP.runtime
    # layered_trace has DISPATCH phases of 0.4 us and COMPLETE ones of 0.6 us, an item each.
    assert found["prepare_block_ns"] == pytest.approx(
        400 - runtime.pop_batch_ns - runtime.fence_ns - runtime.publish_block_ns
    )
    assert found["completion_ns"] == pytest.approx(600 - runtime.resolve_first_ns)
    assert found["finish_visible_ns"] == 2000
    assert found["core_setup_swimlane_ns"] == pytest.approx(
        500 - runtime.store_visible_ns - runtime.publish_block_ns
    )
    assert found["cold_core_frac"] == 0
    plain = calibrate(observed(layered), CHIP, is_observed=False).figures
    assert "core_setup_swimlane_ns" not in plain
    assert plain["core_setup_ns"] == found["core_setup_swimlane_ns"]


def test_cold_cores_are_counted_by_their_first_launch():
    builder = TraceBuilder(aic=4, aiv=1, has_waits=False)
    for core in range(4):
        for number in range(5):
            start = 20 * number + 10
            builder.run(builder.task("a", "aic"), f"AIC[{core}]", start, start + 5)
    trace = observed(builder.build())
    slices = trace.slices.copy()
    late = (slices["lane"] == 2) & (slices["start_ps"] == 10_000_000)
    slices["dispatch_ps"][late] -= 4_000_000
    cold = dataclasses.replace(trace, slices=slices)
    assert calibrate(cold, CHIP, is_observed=True).figures["cold_core_frac"] == 0.25


def test_a_capture_without_scheduler_times_cannot_calibrate():
    builder = TraceBuilder(aic=1, aiv=1, has_waits=False)
    builder.run(builder.task("a", "aic"), "AIC[0]", 0, 1)
    trace = builder.build()
    slices = trace.slices.copy()
    for name in ("dispatch_ps", "receive_ps", "finish_ps"):
        slices[name] = -1
    blind = dataclasses.replace(trace, slices=slices)
    with pytest.raises(UsageError, match=r"^--fit: the capture of demo holds no dispatch or fini"):
        calibrate(blind, CHIP, is_observed=True)


def test_pitch_and_latency_of_a_serial_run_are_found_again(layered):
    given = {"pitch_ns": 700.0, "latency_ns": 12_000.0}
    work = replay_work(layered, CHIP)
    serial = options("serial_dispatcher", policy_parameters=given)
    made = simulate_runtime(work, CHIP, serial)
    assert dispatch_pitch_ps(made) == 700_000
    asked = options("serial_dispatcher", policy_parameters={"pitch_ns": 700.0})
    assert fit_latency_ns(made, CHIP, asked) == pytest.approx(12_000, abs=11)


def test_a_run_that_no_latency_explains_is_refused():
    builder = TraceBuilder(aic=1, aiv=1, has_waits=False)
    for number in range(3):
        builder.run(builder.task("a", "aiv"), "AIV[0]", 1e6 * number, 1e6 * number + 1)
    trace = builder.build()
    with pytest.raises(UsageError, match=r"^fit: a latency of 512000 ns still gives less than th"):
        fit_latency_ns(trace, CHIP, options("serial_dispatcher"))
    with pytest.raises(UsageError, match=r"^pitch: the trace has 0 kernels; expected at least 2;"):
        dispatch_pitch_ps(TraceBuilder().build())


def test_the_request_decides_chip_observer_and_policy(layered, tmp_path):
    path = tmp_path / "run.npz"
    save_trace(layered, path)
    assert load_trace(path).info.chip == "a2a3"
    result = replay_capture(path, ReplayRequest(policy=LIST_PATH))
    assert result.replayed.info.chip == "a2a3"
    assert replay_capture(path, ReplayRequest(chip="a5")).replayed.info.chip == "a5"
    launches = [
        int(
            hand_over(replay_capture(path, ReplayRequest(is_observed=one)).replayed).launch_ps.min()
        )
        for one in (False, True)
    ]
    runtime = CHIP.runtime
    setups_ns = runtime.core_setup_swimlane_ns - runtime.core_setup_ns
    assert launches[1] - launches[0] == pytest.approx(1000 * setups_ns)
    with pytest.raises(UsageError, match=r"^--fit: policy list_path has nothing to fit; expected "):
        replay_capture(path, ReplayRequest(policy=LIST_PATH, fits=True))


def test_a_capture_of_an_unknown_chip_is_taken_for_the_default_one(layered, tmp_path):
    path = tmp_path / "run.npz"
    info = dataclasses.replace(layered.info, chip="unknown")
    save_trace(dataclasses.replace(layered, info=info), path)
    assert replay_capture(path).replayed.info.chip == "a2a3"
    assert replay_capture(path, ReplayRequest(chip="a5")).replayed.info.chip == "a5"


def test_a_phase_table_needs_a_task_table(layered, tmp_path):
    path = tmp_path / "run.npz"
    save_trace(layered, path)
    request = ReplayRequest(phases_file=tmp_path / "nope")
    with pytest.raises(
        UsageError, match=r"nope: given with .*run.npz, which has phases of its own"
    ):
        replay_capture(path, request)


def test_a_dependency_table_replaces_the_edges(layered, tmp_path):
    path, deps = tmp_path / "run.npz", tmp_path / "deps.csv"
    save_trace(layered, path)
    deps.write_text(f"pred,succ\n{layered.tasks[0].task_id},{layered.tasks[1].task_id}\n")
    result = replay_capture(path, ReplayRequest(policy=LIST_PATH, deps_file=deps))
    assert result.to_json()["edges"] == 1


def test_a_capture_without_edges_says_so(layered, tmp_path):
    path = tmp_path / "run.npz"
    save_trace(dataclasses.replace(layered, edges=layered.edges[:0]), path)
    missing = replay_capture(path, ReplayRequest(policy=LIST_PATH)).to_json()["missing_parts"]
    assert missing == ["no dependencies: every task counts as ready from the start"]


def test_the_replay_of_a_simulated_run_is_that_run():
    run = reference_run("after").trace
    is_observed = bool(run.info.parameters.get("observer", False))
    again = replay(run, CHIP, SimulationOptions(observer=is_observed))
    # Blocking reads of the orchestrator are in the measured submits; only they may differ a little.
    assert again.ratio == pytest.approx(1, abs=0.005)


def test_a_replay_is_the_same_twice(layered):
    work = replay_work(layered, CHIP)
    for policy in policy_names():
        first, second = (simulate_runtime(work, CHIP, options(policy)) for _ in range(2))
        assert first.slices.tobytes() == second.slices.tobytes()
        assert first.waits.tobytes() == second.waits.tobytes()


def test_a_simulated_run_keeps_its_early_dispatch_and_seed_and_a_capture_has_none(layered):
    made = dataclasses.replace(layered, info=dataclasses.replace(layered.info, source="simulated"))
    capture = dataclasses.replace(made, info=dataclasses.replace(made.info, source="captured"))
    settings = {"early_dispatch": False, "seed": 7}
    kept, other = (_options(one, ReplayRequest(), settings) for one in (made, capture))
    assert (kept.early_dispatch, kept.seed) == (False, 7)
    assert (other.early_dispatch, other.seed) == (True, 0)

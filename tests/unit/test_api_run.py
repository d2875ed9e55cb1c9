"""A run of a kernel, end to end."""

import dataclasses

import numpy as np
import pytest

import npusim.language as pl
from npusim.api import RunRequest, load_kernel, run_kernel, simulate_program
from npusim.api.run import record_case
from npusim.dependencies import DependencyMode
from npusim.errors import HardwareSpecError, KernelError, UsageError
from npusim.golden import KernelCase, TensorSpec, make_inputs
from npusim.simulator import RingSizes
from tests.golden.leaks import assert_no_leaks
from tests.golden.runs import SCALE_KERNEL, reference_run, scale_run


def case_of(entry, golden=lambda inputs: {"y": inputs["x"]}):
    specs = (
        TensorSpec("x", (8, 8), pl.FP32, 1.0),
        TensorSpec("y", (8, 8), pl.FP32, is_output=True),
    )
    return KernelCase("tiny", "only", {}, entry, specs, golden)


@pl.jit
def copy_kernel(x, y):
    with pl.at(level=pl.Level.CORE_GROUP, name_hint="copy"):
        y = pl.assemble(y, pl.slice(x, [8, 8], [0, 0]), [0, 0])


def test_the_summary_holds_what_a_script_needs():
    summary = reference_run("after").summary()
    assert {"kernel", "variant", "chip", "tasks", "nodes", "edges", "makespan_us"} <= set(summary)
    assert (summary["kernel"], summary["variant"], summary["chip"]) == (
        "prefill_sparse_attn",
        "after",
        "a2a3",
    )
    assert (summary["verified"], summary["bad_elements"], summary["elements"]) == (True, 0, 524288)
    assert summary["rel_l2_faithful"] < 2e-3
    assert set(summary["busy_us"]) == {"aic", "aiv"}
    assert all(isinstance(value, float) for value in summary["waits_us"].values())


def test_busy_and_waits_of_the_summary_add_up_to_the_lane_time():
    summary = reference_run("after").summary()
    for core_type, lanes in summary["lanes"].items():
        waits_us = sum(summary["waits_us_by_core_type"][core_type].values())
        lane_time_us = lanes * summary["makespan_us"]
        assert summary["busy_us"][core_type] + waits_us == pytest.approx(lane_time_us, abs=1e-6)


def test_stages_are_told_in_order():
    told = []
    run_kernel(case_of(copy_kernel), progress=told.append)
    assert told == ["making inputs", "recording", "verifying", "simulating a2a3"]


def test_a_run_that_is_not_verified_says_null():
    run = run_kernel(case_of(copy_kernel), RunRequest(is_verified=False))
    summary = run.summary()
    assert run.report is None
    for key in ("verified", "bad_elements", "elements", "rel_l2_faithful"):
        assert summary[key] is None


def test_wrong_outputs_are_in_the_report_and_do_not_raise():
    run = run_kernel(load_kernel(str(SCALE_KERNEL)).case("wrong"))
    assert_no_leaks(run.program, run.trace)
    assert run.summary()["verified"] is False
    assert run.summary()["bad_elements"] == 256 * 64


def test_a_kernel_that_writes_an_input_does_not_fool_the_golden():
    @pl.jit
    def vandal(x, y):
        with pl.at(level=pl.Level.CORE_GROUP, name_hint="copy"):
            tile = pl.add(pl.slice(x, [8, 8], [0, 0]), 1.0)
            y = pl.assemble(y, tile, [0, 0])
        with pl.at(level=pl.Level.CORE_GROUP, name_hint="vandal"):
            x = pl.assemble(x, pl.add(pl.slice(y, [8, 8], [0, 0]), 0.0), [0, 0])

    case = case_of(vandal)
    inputs = make_inputs(case.specs)
    record_case(case, inputs)
    assert np.all(inputs["x"] == 1.0)
    assert not np.any(inputs["y"])
    assert run_kernel(case).summary()["verified"] is False


def test_a_chip_is_checked_before_the_work():
    told = []
    with pytest.raises(
        (HardwareSpecError, UsageError), match=r"^chip 'a9': unknown; expected one of"
    ):
        run_kernel(case_of(copy_kernel), RunRequest(chip="a9"), progress=told.append)
    assert told == []


def test_a_swimlane_level_is_checked_before_the_work():
    with pytest.raises(UsageError, match=r"^swimlane_level is 9; expected a level from 0 to 4"):
        RunRequest(swimlane_level=9)


def test_an_exception_of_the_kernel_names_its_line():
    @pl.jit
    def broken(x, y):
        del x, y
        return {}["no such key"]

    message = r"^test_api_run\.py:\d+: the code of kernel tiny failed with KeyError: 'no such key'"
    with pytest.raises(KernelError, match=message):
        run_kernel(case_of(broken))


def test_an_exception_of_the_golden_names_its_line():
    def golden(inputs):
        return inputs["nope"]

    message = r"^test_api_run\.py:\d+: the golden of kernel tiny failed with KeyError: 'nope'"
    with pytest.raises(KernelError, match=message):
        run_kernel(case_of(copy_kernel, golden))


def test_an_error_of_the_language_is_kept_as_it_is():
    @pl.jit
    def outside(x, y):
        with pl.at(level=pl.Level.CORE_GROUP, name_hint="far"):
            y = pl.assemble(y, pl.slice(x, [8, 8], [4, 0]), [0, 0])

    with pytest.raises(KernelError, match=r"^test_api_run\.py:\d+"):
        run_kernel(case_of(outside))


@pytest.mark.parametrize(
    ("chip", "name"), [("a5", "a5"), ("a2a3sim", "a2a3"), ("a5sim", "a5"), ("a2a3", "a2a3")]
)
def test_one_recording_runs_on_every_chip(chip, name):
    program = scale_run().program
    trace = simulate_program(program, RunRequest(chip=chip))
    assert_no_leaks(program, trace)
    assert trace.info.chip == name


@pytest.mark.parametrize("mode", DependencyMode)
def test_every_dependency_mode_runs_everything(mode):
    program = scale_run().program
    trace = simulate_program(program, RunRequest(deps=mode))
    assert_no_leaks(program, trace)
    assert trace.info.parameters["deps_mode"] == str(mode)


def test_a_request_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunRequest().chip = "a5"  # type: ignore[misc]


def test_the_observer_costs_time_only_when_something_is_recorded():
    program = scale_run().program
    makespan = {
        (observed, level): simulate_program(
            program, RunRequest(is_observed=observed, swimlane_level=level)
        ).makespan_ps
        for observed in (False, True)
        for level in (0, 4)
    }
    assert makespan[True, 0] == makespan[False, 0] == makespan[False, 4] <= makespan[True, 4]


@pytest.mark.parametrize("policy", ["ideal", "serial_dispatcher", "host_build_graph"])
def test_sizes_of_rings_need_a_policy_with_rings(policy):
    RunRequest(policy=policy)
    with pytest.raises(UsageError, match=rf"^policy {policy}: has no rings that fill"):
        RunRequest(policy=policy, rings=RingSizes(slots=(8,)))


def test_the_number_of_ring_sizes_is_checked_before_the_work():
    told = []
    request = RunRequest(rings=RingSizes(dependencies=(1, 2)))
    with pytest.raises(UsageError, match=r"^ring dependencies: 2 sizes; expected 1 or 4"):
        run_kernel(case_of(copy_kernel), request, progress=told.append)
    assert not told


def test_a_run_that_collects_counters_only_does_not_pay_for_a_swimlane():
    def setups_ps(**choices):
        trace = simulate_program(scale_run().program, RunRequest(has_warm_up=False, **choices))
        assert trace.info.swimlane_level == 4
        return (trace.slices["start_ps"] - trace.slices["receive_ps"]).tolist()

    silent = setups_ps(is_swimlane_charged=False)
    assert silent == setups_ps(is_observed=False)
    assert max(silent) < min(setups_ps())

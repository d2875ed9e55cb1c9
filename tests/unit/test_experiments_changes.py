"""What if: every change on a small run that the model simulates, and what is refused."""

import dataclasses

import numpy as np
import pytest

from npusim.analysis.observed_path import PathKind, observed_path
from npusim.api.evidence import Evidence
from npusim.dependencies import DependencyMode, build_graph
from npusim.errors import UsageError
from npusim.experiments import changes
from npusim.experiments.experiment import Experiment, baseline, program_experiment
from npusim.experiments.findings import _data_waits, _hand_overs
from npusim.experiments.questions import Question, ask, ask_advice, ask_ranking, model_note
from npusim.experiments.tiles import tasks_of
from npusim.experiments.what_if import rank, what_if
from npusim.hardware import load_chip
from npusim.program import CoreType
from npusim.simulator import SimulationOptions
from npusim.trace import Trace
from npusim.units import us_to_ps
from tests.golden.runs import scale_run
from tests.planted import AIC, AIV, planted


def evidence(trace: Trace) -> Evidence:
    return Evidence("planted", trace, settings={"warm_up": False})


def experiment(trace: Trace) -> Experiment:
    return baseline(evidence(trace), load_chip("a2a3"))


def makespan_us(one: Experiment) -> float:
    return one.run().makespan_ps / 1e6


@pytest.fixture(scope="module")
def wide() -> Experiment:
    """4 long tasks on 24 AIC, each followed by one on AIV."""
    tasks = [("long", AIC, 400.0)] * 4 + [("after", AIV, 20.0)] * 4
    return experiment(planted(tasks, [(one, one + 4) for one in range(4)]))


def test_a_replayed_run_takes_what_the_model_took(wide: Experiment) -> None:
    trace = planted([("a", AIC, 5.0), ("b", AIV, 5.0)], [(0, 1)])
    again = experiment(trace).run()
    assert again.makespan_ps == pytest.approx(trace.makespan_ps, rel=0.02)
    assert wide.run().makespan_ps == wide.run().makespan_ps


def test_split_shortens_what_leaves_cores_idle(wide: Experiment) -> None:
    halved = changes.split("long", 2).apply(wide)
    assert len(tasks_of(halved.work, "long")) == 8
    assert makespan_us(wide) - makespan_us(halved) == pytest.approx(200, abs=8)


def test_split_keeps_work_and_dependencies(wide: Experiment) -> None:
    halved = changes.split("long", 4).apply(wide)
    before, after = (one.run() for one in (wide, halved))
    work = [int((one.slices["end_ps"] - one.slices["start_ps"]).sum()) for one in (before, after)]
    assert work[0] == work[1]
    assert len(after.edges) == 16
    predecessors = np.bincount(after.edges["succ"], minlength=len(after.tasks))
    assert sorted(predecessors.tolist()) == [0] * 16 + [4] * 4


def test_merge_of_two_scopes_makes_one_mixed_task(wide: Experiment) -> None:
    merged = changes.merge("long", "after").apply(wide)
    assert merged.work.names == ["long+after"] * 4
    assert set(merged.work.core_types) == {CoreType.MIX}
    assert len(merged.work.edges) == 0
    assert makespan_us(merged) == pytest.approx(420, abs=10)


def test_merge_of_neighbours_makes_coarser_tiles(wide: Experiment) -> None:
    merged = changes.merge("after", "after").apply(wide)
    assert merged.work.names.count("after") == 2
    assert makespan_us(merged) > makespan_us(wide) + 10


def test_merge_drops_false_hand_overs_between_pairs() -> None:
    """Prefix dependencies (after 1 waits for long 0) would make merged tasks wait in a row."""
    tasks = [("a", AIC, 50.0), ("b", AIV, 5.0)] * 3
    edges = [(2 * i, 2 * j + 1) for j in range(3) for i in range(j + 1)]
    merged = changes.merge("a", "b").apply(experiment(planted(tasks, edges)))
    assert len(merged.work.edges) == 0
    assert makespan_us(merged) == pytest.approx(55, abs=10)


@pytest.fixture
def measured() -> Experiment:
    """Two tasks with submits as a capture measures them: 500 and 300 ns above the fixed part."""
    one = experiment(planted([("a", AIC, 50.0), ("b", AIV, 5.0)], [(0, 1)]))
    submit_ns = one.chip.runtime.submit_fixed_ns + np.array([500.0, 300.0])
    return dataclasses.replace(one, work=dataclasses.replace(one.work, submit_ns=submit_ns))


def above_fixed_ns(one: Experiment) -> list[float]:
    assert one.work.submit_ns is not None
    return (one.work.submit_ns - one.chip.runtime.submit_fixed_ns).tolist()


def test_a_merged_task_pays_both_measured_submits_and_one_fixed_part(measured: Experiment) -> None:
    assert above_fixed_ns(changes.merge("a", "b").apply(measured)) == pytest.approx([800])


def test_a_merged_task_never_submits_faster_than_its_head(measured: Experiment) -> None:
    fixed = measured.chip.runtime.submit_fixed_ns
    work = dataclasses.replace(measured.work, submit_ns=np.array([fixed + 500, 1.0]))
    quick = dataclasses.replace(measured, work=work)
    assert above_fixed_ns(changes.merge("a", "b").apply(quick)) == pytest.approx([500])


def test_a_split_task_pays_the_fixed_part_per_copy_and_shares_the_rest(
    measured: Experiment,
) -> None:
    assert above_fixed_ns(changes.split("a", 2).apply(measured)) == pytest.approx([250, 250, 300])


def test_merge_that_would_wait_for_itself_is_refused() -> None:
    tasks = [("a", AIC, 5.0), ("x", AIV, 5.0), ("b", AIC, 5.0)]
    one = experiment(planted(tasks, [(0, 1), (1, 2)]))
    with pytest.raises(UsageError, match=r"^--merge a\+b: a merged task would wait for itself"):
        changes.merge("a", "b").apply(one)


def test_merge_of_unequal_numbers_is_refused(wide: Experiment) -> None:
    one = changes.split("after", 2).apply(wide)
    with pytest.raises(UsageError, match=r"^--merge long\+after: 4 and 8 tasks; expected equal"):
        changes.merge("long", "after").apply(one)


def test_scale_makes_kernels_longer_or_shorter(wide: Experiment) -> None:
    base = makespan_us(wide)
    assert makespan_us(changes.scale("long", 0.5).apply(wide)) == pytest.approx(base - 200, abs=5)
    assert makespan_us(changes.scale("long", 2).apply(wide)) == pytest.approx(base + 400, abs=5)


def test_costs_of_the_runtime_can_be_taken_off() -> None:
    tasks = [("a", AIC, 2.0)] + [("b", AIV, 2.0)] * 100
    one = experiment(planted(tasks, [(0, task) for task in range(1, 101)]))
    base = makespan_us(one)
    free = makespan_us(changes.no_dispatch_cost().apply(one))
    submits = makespan_us(changes.no_submit_cost().apply(one))
    assert free < base
    assert submits < base
    assert makespan_us(changes.policy("ideal").apply(one)) < min(free, submits)


def test_more_cores_run_more_at_once() -> None:
    one = experiment(planted([("a", AIC, 100.0)] * 32))
    more = changes.cores(32, 64).apply(one)
    assert makespan_us(one) > 200
    assert makespan_us(more) < 150
    assert len(more.run().lane_indices("aic")) == 32


def test_early_dispatch_stages_consumers() -> None:
    one = experiment(planted([("a", AIC, 50.0), ("b", AIV, 5.0)], [(0, 1)]))
    trace = changes.early_dispatch().apply(one).run()
    consumer = trace.slices[trace.slices["task"] == 1][0]
    producer = trace.slices[trace.slices["task"] == 0][0]
    assert consumer["dispatch_ps"] < producer["end_ps"] <= consumer["start_ps"]


def test_a_recording_answers_about_memory_and_dependencies() -> None:
    run = scale_run()
    made = Evidence("scale", run.trace, run.program, run.summary())
    one = baseline(made, load_chip("a2a3"))
    assert one.run().makespan_ps == run.trace.makespan_ps
    slower = changes.bandwidth(0.01).apply(one).run()
    assert slower.makespan_ps > run.trace.makespan_ps
    exact = changes.dependencies(DependencyMode.EXACT).apply(one)
    assert np.array_equal(exact.work.edges, build_graph(run.program, DependencyMode.EXACT).edges)
    assert model_note(made, run.trace.makespan_ps) == ""
    assert "written by another version" in model_note(made, 1)


def test_a_recording_takes_changes_in_the_order_that_works() -> None:
    run = scale_run()
    made = program_experiment(
        run.program, load_chip("a2a3"), SimulationOptions(), Evidence("scale", run.trace).era
    )
    scope = made.work.names[0]
    split = changes.split(scope, 2).apply(made)
    with pytest.raises(UsageError, match=r"^bandwidth: the tasks were merged or split before"):
        changes.bandwidth(2).apply(split)
    with pytest.raises(UsageError, match=r"^dependency mode exact: the tasks were merged or split"):
        changes.dependencies(DependencyMode.EXACT).apply(split)


@pytest.mark.parametrize(
    ("change", "purpose"),
    [
        (changes.dependencies(DependencyMode.EXACT), "dependency mode exact"),
        (changes.bandwidth(2), "another memory"),
    ],
)
def test_a_capture_has_no_operations_to_ask(wide: Experiment, change, purpose: str) -> None:
    with pytest.raises(UsageError, match=f"^planted: {purpose} needs the recording of the kernel"):
        change.apply(wide)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: changes.cores(24, 50), r"^--cores aic=24,aiv=50: expected 1 to 4096 AIC and 1"),
        (lambda: changes.cores(10**7, 10**7), r"^--cores aic=10000000,.*: expected 1 to 4096 AIC"),
        (lambda: changes.cores(0, 0), r"^--cores aic=0,aiv=0: expected 1 to 4096 AIC"),
        (
            lambda: changes.bandwidth(0),
            r"^--bandwidth: factor 0; expected one from 1e-06 to 1e\+06",
        ),
        (
            lambda: changes.scale("a", -1),
            r"^--scale a: factor -1; expected one from 1e-06 to 1e\+06",
        ),
        (lambda: changes.policy("best"), r"^policy 'best': unknown; expected one of "),
    ],
)
def test_changes_that_make_no_sense_are_refused(make, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_scopes_that_are_not_there_are_refused(wide: Experiment) -> None:
    message = r"^scope 'qk': the run has none of that name; expected one of long, after"
    for change in (changes.split("qk", 2), changes.scale("qk", 2), changes.merge("qk", "after")):
        with pytest.raises(UsageError, match=message):
            change.apply(wide)
    with pytest.raises(UsageError, match=r"^--split long=1: expected at least 2 parts"):
        changes.split("long", 1).apply(wide)
    with pytest.raises(
        UsageError, match=r"^--split long=99999999: the run would have \d+ blocks; e"
    ):
        changes.split("long", 99999999).apply(wide)


def test_the_result_says_what_changed(wide: Experiment) -> None:
    found = what_if(wide, [changes.split("long", 2), changes.scale("after", 0.5)])
    assert found.label == "--split long=2 --scale after=0.5"
    assert found.gain_ps > us_to_ps(190)
    rows = {row["quantity"]: row for row in found.table().to_json()}
    assert rows["makespan"]["delta_us"] == pytest.approx(-found.gain_ps / 1e6)
    span = {
        side: sum(pair.times_us()[side] for pair in found.lane_time().values()) for side in "ab"
    }
    assert span["a"] == pytest.approx(72 * found.before.makespan_ps / 1e6)
    assert span["b"] == pytest.approx(72 * found.after.makespan_ps / 1e6)


def test_a_ranking_is_by_gain_and_names_what_cannot_be_asked(wide: Experiment) -> None:
    found = rank(
        wide, [changes.scale("after", 0.5), changes.bandwidth(2), changes.split("long", 2)]
    )
    assert [one.label for one in found.results] == ["--split long=2", "--scale after=0.5"]
    assert [label for label, _ in found.refused] == ["--bandwidth x2"]
    assert len(found.table().rows) == 2


def test_a_question_without_a_change_is_refused() -> None:
    question = Question(evidence(planted([("a", AIC, 5.0)])), "a2a3")
    with pytest.raises(UsageError, match=r"^what-if: no change given; expected at least one"):
        ask(question, [])


def test_advice_names_scopes_with_too_few_tasks_and_simulates_the_remedy() -> None:
    tasks = [("long", AIC, 400.0)] * 4 + [("after", AIV, 20.0)] * 4
    trace = planted(tasks, [(one, one + 4) for one in range(4)])
    found = ask_advice(Question(evidence(trace), "a2a3"))
    best = found.advice[0]
    assert best.finding.change.label == "--split long=2"
    assert best.finding.what.startswith("long has 4 blocks for 24 AIC and is 9")
    assert best.gain_ps > us_to_ps(190)
    gains = [one.gain_ps for one in found.advice]
    assert gains == sorted(gains, reverse=True)


def test_a_run_that_fills_its_cores_is_not_told_to_split() -> None:
    """The twin."""
    found = ask_advice(Question(evidence(planted([("full", AIC, 400.0)] * 48)), "a2a3"))
    assert not any(one.finding.change.label.startswith("--split") for one in found.advice)


def test_a_ranking_of_its_own_tries_the_scopes_on_the_path() -> None:
    tasks = [("long", AIC, 400.0)] * 4 + [("after", AIV, 20.0)] * 4
    trace = planted(tasks, [(one, one + 4) for one in range(4)])
    found = ask_ranking(Question(evidence(trace), "a2a3"), [])
    assert {one.label for one in found.results[:2]} == {"--scale long=0.5", "--split long=2"}
    assert {"--no-dispatch-cost", "--split long=2", "--scale after=0.5"} <= {
        one.label for one in found.results
    }
    assert dataclasses.is_dataclass(found)


def test_bandwidth_comes_before_scale_or_is_refused() -> None:
    run = scale_run()
    made = baseline(Evidence("scale", run.trace, run.program, run.summary()), load_chip("a2a3"))
    scale, memory = changes.scale(made.work.names[0], 8), changes.bandwidth(0.5)
    both = scale.apply(memory.apply(made))
    assert makespan_us(both) > makespan_us(memory.apply(made))
    with pytest.raises(UsageError, match=r"^bandwidth: kernels were scaled before; expected"):
        memory.apply(scale.apply(made))


def test_hand_overs_are_between_neighbours_on_the_path() -> None:
    """b waits for a twice; c comes after b only, and never after a."""
    tasks = [("a", AIC, 9.0), ("b", AIV, 9.0), ("a", AIC, 9.0), ("b", AIV, 9.0)]
    tasks += [("c", AIC, 9.0), ("c", AIC, 9.0)]
    trace = planted(tasks, [(one, one + 1) for one in range(5)])
    path = observed_path(trace)
    waits = _data_waits(trace, path)
    assert list(waits) == [("a", "b"), ("b", "a"), ("b", "c"), ("c", "c")]
    assert sum(waits.values()) == path.by_kind()[PathKind.DATA_WAIT]
    labels = [one.change.label for one in _hand_overs(trace, path)]
    assert labels == ["--merge a+b", "--merge b+a", "--merge b+c"]


def test_every_cost_of_the_runtime_belongs_to_one_change() -> None:
    claimed = [*changes._DISPATCH_COSTS, *changes._SUBMIT_COSTS, *changes._OTHER_COSTS]
    costs = [item.name for item in dataclasses.fields(changes.RuntimeSpec)]
    assert sorted(claimed) == sorted(name for name in costs if name.endswith("_ns"))


def test_no_dispatch_cost_frees_the_serial_dispatcher(wide: Experiment) -> None:
    given = {"pitch_ns": 50_000.0, "slots": 2}
    options = dataclasses.replace(wide.options, policy="serial_dispatcher", policy_parameters=given)
    serial = dataclasses.replace(wide, options=options)
    free = changes.no_dispatch_cost().apply(serial)
    assert free.options.policy_parameters == {"slots": 2}
    assert makespan_us(free) == pytest.approx(420, abs=1)
    assert makespan_us(serial) > 420 + 100

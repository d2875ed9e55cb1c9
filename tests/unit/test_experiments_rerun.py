import pytest

from npusim.api import RunRequest, load_kernel, run_kernel
from npusim.api.evidence import Evidence
from npusim.errors import UsageError
from npusim.experiments.questions import Question, ask
from npusim.experiments.rerun import try_knobs
from npusim.hardware import load_chip
from tests.planted import AIC, planted


@pytest.fixture(scope="module")
def gemm() -> Evidence:
    case = load_kernel("gemm").case("small", {}, {"size": 256})
    run = run_kernel(case, RunRequest(is_verified=False))
    return Evidence("gemm", run.trace, run.program, run.summary())


def test_a_knob_is_tried_by_recording_again(gemm: Evidence) -> None:
    half, twice = try_knobs(gemm, load_chip("a2a3"), ["core_rows"])
    assert (half.finding.knob, twice.finding.knob) == ("core_rows=1", "core_rows=4")
    assert half.finding.what.startswith("core_rows is 2; 1 makes ")
    for one in (half, twice):
        assert one.result is not None or one.refused


def test_all_knobs_that_are_whole_numbers_are_tried(gemm: Evidence) -> None:
    found = try_knobs(gemm, load_chip("a2a3"), ["all"])
    assert len(found) % 2 == 0
    assert {one.finding.change.label.partition("=")[0] for one in found} >= {"--set base_m"}


def test_a_knob_that_is_not_there_is_refused(gemm: Evidence) -> None:
    with pytest.raises(UsageError, match=r"^--rerun x: no such knob that is a whole number"):
        try_knobs(gemm, load_chip("a2a3"), ["x"])


def test_what_if_with_a_knob_equals_a_run_with_it(gemm: Evidence) -> None:
    found = ask(Question(gemm, None, {"base_k": "32"}), [])
    case = load_kernel("gemm").case("small", {"base_k": "32"}, {"size": 256})
    made = run_kernel(case, RunRequest(is_verified=False))
    assert found.label == "--set base_k=32"
    assert found.after.makespan_ps == made.trace.makespan_ps
    assert found.before.makespan_ps == gemm.trace.makespan_ps


def test_a_capture_has_no_knobs() -> None:
    with pytest.raises(UsageError, match=r"^no kernel 'planted'; expected one of"):
        try_knobs(Evidence("x", planted([("a", AIC, 5.0)])), load_chip("a2a3"), ["all"])

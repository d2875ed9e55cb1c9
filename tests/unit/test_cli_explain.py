"""critical-path, bounds, what-if, advise and moves as a user runs them."""

import json
import shutil
from pathlib import Path

import pytest

from npusim.api import save_run
from npusim.cli.main import run_command
from tests.golden.runs import SCALE_KERNEL, scale_run

TRACES = Path(__file__).parents[2] / "traces"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "scale"
    save_run(scale_run(), folder, has_picture=False)
    return folder


@pytest.fixture(scope="module")
def capture(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("captures") / "scale"
    assert run_command(["import", str(run), "-o", str(folder), "--no-plot"]) == 0
    return folder


@pytest.fixture
def npusim(capsys):
    """Runs a command; returns what it printed to stdout, or with an exit code also stderr."""

    def call(*arguments, exit_code=0):
        assert run_command([str(argument) for argument in arguments]) == exit_code
        printed = capsys.readouterr()
        return printed.err if exit_code else printed.out

    return call


def test_an_assumed_chip_is_said_once(tmp_path, capsys):
    """Of a capture of an unknown chip; every command that has --platform says the same."""
    run = tmp_path / "run"
    source = TRACES / "moe_prologue" / "moe_prologue_tasks.csv"
    assert run_command(["import", str(source), "-o", str(run), "--no-plot"]) == 0
    capsys.readouterr()
    for command in (["advise"], ["what-if", "--no-dispatch-cost"], ["replay"]):
        for platform, times in (([], 1), (["-p", "a2a3"], 0)):
            assert run_command([command[0], str(run), *command[1:], *platform]) == 0
            said = capsys.readouterr().err.splitlines()
            assert said.count("chip unknown, a2a3 assumed; name it with --platform") == times


def test_critical_path_adds_up_to_the_makespan(npusim, run):
    printed = json.loads(npusim("critical-path", run, "--segments", "--slack", "--json"))
    assert set(printed) == {"kinds", "scopes", "segments", "slack"}
    makespan_us = json.loads((run / "summary.json").read_text())["makespan_us"]
    for rows, column in (("scopes", "path_us"), ("segments", "length_us")):
        assert sum(row[column] for row in printed[rows]) == pytest.approx(makespan_us)
    assert "Critical path by kind" in npusim("critical-path", run)
    assert npusim("critical-path", run, "--slack", "--csv").startswith("task_id,scope,start_us")


def test_the_paths_over_whole_tasks_have_their_option(npusim, run):
    """In ticks of the counter, so a run and its own capture files say the same."""
    printed = json.loads(npusim("critical-path", run, "--wall", "--segments", "--json"))
    parts = {row["part"]: row["length_us"] for row in printed["wall"]}
    assert list(parts) == [
        "makespan",
        "observed path",
        "observed path, compute",
        "observed path, stall",
        "static path",
    ]
    assert parts["observed path"] == parts["makespan"]
    for part in ("compute", "stall"):
        total = sum(row[f"{part}_us"] for row in printed["wall_segments"])
        assert total == pytest.approx(parts[f"observed path, {part}"])
    of_capture = json.loads(npusim("critical-path", run / "dfx_outputs", "--wall", "--json"))
    assert {row["part"]: row["length_us"] for row in of_capture["wall"]} == parts
    assert "Paths over whole tasks" in npusim("critical-path", run, "--wall")
    assert npusim("critical-path", run, "--wall", "--csv").startswith("part,length_us,tasks")


def test_bounds_end_with_a_verdict(npusim, run):
    text = npusim("bounds", run)
    assert text.splitlines()[-1].startswith("Limited by ")
    printed = json.loads(npusim("bounds", run, "--json"))
    names = [row["limit"] for row in printed["limits"]]
    assert names[:5] == ["work_aic", "work_aiv", "dependency", "memory", "orchestrator"]
    assert "work_aic,bound," in npusim("bounds", run, "--csv")


def test_the_roofline_in_three_formats_and_not_of_a_capture(npusim, run, tmp_path):
    rows = json.loads(npusim("roofline", run, "--json"))
    assert {row["scope"] for row in rows} == {"scale"}
    assert npusim("roofline", run, "--csv").startswith("scope,core_type,busy_us,ops,moved_bytes")
    assert "Roofline per busy core" in npusim("roofline", run)
    npusim("import", run, "-o", tmp_path / "capture")
    assert "has no recording" in npusim("roofline", tmp_path / "capture", exit_code=2)


def test_every_table_and_list_counts_from_the_begin_of_the_run(npusim, run):
    """What a reader finds in one table stands at the same place in the others and in pictures."""
    path = json.loads(npusim("critical-path", run, "--segments", "--slack", "--json"))
    stages = json.loads(npusim("bubbles", run, "--stages", "--json"))
    bubbles = json.loads(npusim("bubbles", run, "--min-us", "0", "--json"))
    first_us = min(row["start_us"] for row in path["slack"])
    assert first_us > 0  # the orchestrator came first
    assert stages[0]["first_start_us"] == first_us
    assert path["segments"][0]["start_us"] == pytest.approx(first_us)
    assert min(row["start_us"] for row in bubbles) == pytest.approx(first_us)


@pytest.mark.parametrize("view", ["--causes", "--lanes", "--gaps", "--stages", "--delays"])
def test_every_view_of_the_bubbles(npusim, run, view):
    assert json.loads(npusim("bubbles", run, view, "--json"))
    assert npusim("bubbles", run, view).strip()


def test_the_list_of_bubbles_has_its_chains_in_files(npusim, run):
    rows = json.loads(npusim("bubbles", run, "--min-us", "0", "--json"))
    assert {"cause", "through", "parts", "chain"} <= set(rows[0])
    assert "chain" not in npusim("bubbles", run, "--min-us", "0").splitlines()[1]
    assert "chain" in npusim("bubbles", run, "--min-us", "0", "--wide").splitlines()[1]


def test_what_if_prints_before_and_after(npusim, run):
    arguments = ("what-if", run, "--deps", "exact", "--bandwidth", "x2", "--cores", "aic=2,aiv=4")
    printed = json.loads(npusim(*arguments, "--no-dispatch-cost", "--no-submit-cost", "--json"))
    assert printed["change"] == (
        "--deps exact --bandwidth x2 --cores aic=2,aiv=4 --no-dispatch-cost --no-submit-cost"
    )
    assert printed["makespan_us"]["b"] < printed["makespan_us"]["a"]
    assert "What if --early-dispatch" in npusim("what-if", run, "--early-dispatch")


def test_what_if_takes_scopes_and_another_policy(npusim, run):
    rows = json.loads(npusim("critical-path", run, "--json"))["scopes"]
    scope = rows[0]["scope"]
    changes = ("--split", f"{scope}=2", "--scale", f"{scope}=0.5", "--policy", "ideal")
    printed = json.loads(npusim("what-if", run, *changes, "--json"))
    assert printed["gain_us"] > 0
    merged = json.loads(npusim("what-if", run, "--merge", f"{scope}+{scope}", "--json"))
    assert merged["change"] == f"--merge {scope}+{scope}"


def test_rank_orders_single_changes(npusim, run):
    printed = json.loads(npusim("what-if", run, "--rank", "--json"))
    gains = [row["gain_us"] for row in printed["ranking"]]
    assert len(gains) >= 6
    assert gains == sorted(gains, reverse=True)
    assert "Single changes by gain" in npusim("what-if", run, "--rank", "--early-dispatch")


def test_advice_is_backed_by_simulations(npusim, run):
    for row in json.loads(npusim("advise", run, "--json")):
        assert (row["gain_us"] is None) == bool(row["refused"])
        assert row["change"].startswith("--")
    assert "Advice by simulated gain" in npusim("advise", run)


def test_advice_names_the_unit_that_holds_the_kernels_of_a_scope(npusim, run, capture):
    """A recording tells what is inside kernels; of a capture nobody knows."""
    found = json.loads(npusim("advise", run, "--json"))
    held = [row for row in found if "is held for" in row["finding"]]
    assert held
    assert all(row["change"].startswith("--scale scale=0.") for row in held)
    assert all(row["gain_us"] > 0 for row in held)
    of_capture = json.loads(npusim("advise", capture, "--json"))
    assert not [row for row in of_capture if "is held for" in row["finding"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["what-if", "RUN"], "what-if: no change given; expected at least one"),
        (["what-if", "RUN", "--scale", "x"], "--scale x: expected NAME=VALUE"),
        (["what-if", "RUN", "--scale", "x=y"], "--scale x=y: expected a finite number"),
        (["what-if", "RUN", "--scale", "scale=1e30"], "--scale scale: factor 1e+30; expected one"),
        (["what-if", "RUN", "--scale", "scale=-1"], "--scale scale: factor -1; expected one"),
        (["what-if", "RUN", "--scale", "x=1", "--scale", "x=2"], "each name once"),
        (
            ["what-if", "RUN", "--set", "a=1", "--set", "a=2"],
            "--set a=2: a given twice, before as 1; expe",
        ),
        (["what-if", "RUN", "--cores", "aic=2,aiv=4,aiv=6"], "--cores aiv=6: aiv given twice, be"),
        (["what-if", "RUN", "--cores", "aic=3,aiv=7"], "--cores aic=3,aiv=7: expected 1 to 4096"),
        (["what-if", "RUN", "--rank", "--merge", "a+b"], "--merge a+b: the run has no scope 'a'; "),
        (["what-if", "RUN", "--policy", "best"], "policy 'best': unknown; expected one of"),
        (["what-if", "RUN", "--deps", "foo"], "'foo' is not one of 'tensormap', 'exact', 'pref"),
        (["what-if", "RUN", "--split", "x=1.5"], "--split x=1.5: 1.5 is no count"),
        (["what-if", "RUN", "--merge", "x"], "--merge x: expected two scopes as A+B"),
        (["what-if", "RUN", "--cores", "aic=2"], "--cores aic=2: no aiv; expected aic=N"),
        (["what-if", "RUN", "--bandwidth", "xx"], "--bandwidth xx: expected a finite number"),
        (["what-if", "RUN", "--split", "x=2"], "--split x=2: the run has no scope 'x'; "),
        (["what-if", "RUN", "--scale", "x=2"], "--scale x=2: the run has no scope 'x'; expected"),
        (["what-if", "RUN", "--policy", "zero_gap"], "--policy zero_gap: only npusim replay has"),
        (["what-if", "RUN", "--bandwidth", ""], "'' after --bandwidth: an argument is empty"),
        (["what-if", "RUN", "--set", ""], "'' after --set: an argument is empty"),
        (["what-if", "RUN", "--cores", ""], "'' after --cores: an argument is empty"),
        (["what-if", "RUN", "--cores", "aic=0"], "--cores aic=0: no aiv; expected aic=N,aiv=M"),
        (["bubbles", "RUN", "--min-us", "x"], "--min-us x: expected a valid number; see npusim b"),
        (["plot", "RUN", "--pipes", "--task", "x"], "--task x: expected a valid integer; see npu"),
        (["run", "gemm", "--seed", "1.5"], "--seed 1.5: expected a valid integer; see npusim run"),
        (["run", "gemm", "--option", "size=1", "--option", "size=2"], "size given twice, before a"),
        (["moves", "-p", "zz"], "chip 'zz'"),
        (["what-if", "RUN", "--rank", "--set", "a=1"], "--rank and --set: both given"),
        (["moves", "gemm"], "moves: no gemm_moves.toml beside the kernel"),
        (["moves", "--option", "x"], "--option x: expected NAME=VALUE"),
        (["bubbles", "RUN", "--gaps", "--lanes"], "--gaps: several given; expected one table"),
    ],
)
def test_wrong_questions_are_refused_in_one_line(npusim, run, arguments, message):
    printed = npusim(*[run if one == "RUN" else one for one in arguments], exit_code=2)
    assert printed.startswith("npusim: error: ")
    assert message in printed
    assert len(printed.splitlines()) == 1


EVERY_FORM = [
    ["--no-dispatch-cost"],
    ["--no-submit-cost"],
    ["--deps", "exact"],
    ["--cores", "aic=32,aiv=64"],
    ["--bandwidth", "x2"],
    ["--scale", "scale=0.5"],
    ["--merge", "scale+scale"],
    ["--split", "scale=2"],
    ["--early-dispatch"],
    ["--policy", "ideal"],
]
_NEEDS_RECORDING = {"--deps", "--bandwidth"}


@pytest.mark.parametrize("form", EVERY_FORM, ids=lambda form: form[0])
def test_every_change_of_a_run(npusim, run, form):
    found = json.loads(npusim("what-if", run, *form, "--json"))
    assert found["change"] == " ".join(form)
    makespan, lane_time = found["makespan_us"], found["lane_time_us"]
    assert found["gain_us"] == pytest.approx(makespan["a"] - makespan["b"])
    lanes = {"a": 72, "b": 96 if "--cores" in form else 72}
    for side, count in lanes.items():
        whole_us = sum(one[side] for one in lane_time.values())
        assert whole_us == pytest.approx(count * makespan[side])


@pytest.mark.parametrize("form", EVERY_FORM, ids=lambda form: form[0])
def test_every_change_of_a_capture_or_why_not(npusim, capture, form):
    if form[0] in _NEEDS_RECORDING:
        said = npusim("what-if", capture, *form, exit_code=2)
        assert "needs the recording of the kernel, which a capture does not have" in said
        assert len(said.splitlines()) == 1
    else:
        assert json.loads(npusim("what-if", capture, *form, "--json"))["makespan_us"]["b"] > 0


def test_the_ranking_of_a_capture_says_what_it_could_not_try(npusim, capture):
    found = json.loads(npusim("what-if", capture, "--rank", "--json"))
    refused = {one["change"].split()[0] for one in found["refused"]}
    assert refused == _NEEDS_RECORDING


def test_compare_takes_more_than_two_runs(npusim, run):
    one = json.loads(npusim("compare", run, run, "--json"))
    assert json.loads(npusim("compare", run, run, run, "--json")) == [one, one]
    assert npusim("compare", run, run, run).count("b takes as long as a") == 2
    printed = npusim("compare", run, run, run, "-o", run.parent / "x", exit_code=2)
    assert "given with 3 runs; expected two" in printed


def test_compare_splits_kernels_by_unit_where_both_runs_have_a_recording(npusim, run, tmp_path):
    other, capture = tmp_path / "other", tmp_path / "capture"
    assert run_command(["run", str(SCALE_KERNEL), "--set", "row_tile=32", "-o", str(other)]) == 0
    npusim("import", run, "-o", capture)
    found = json.loads(npusim("compare", run, other, "--json"))["decomposition"]
    assert found["has_units"]
    assert {"AIV V", "AIV MTE2 latency"} <= set(found["by_unit_us"])
    assert sum(part["delta_ps"] for part in found["parts"]) == found["delta_ps"]
    npusim("compare", run, capture)  # the warning goes to stderr
    assert not json.loads(npusim("compare", run, capture, "--json"))["decomposition"]["has_units"]


def test_what_is_not_split_is_said_by_name(capsys, run, tmp_path):
    capture = tmp_path / "capture"
    assert run_command(["import", str(run), "-o", str(capture)]) == 0
    assert run_command(["compare", str(run), str(capture)]) == 0
    said = capsys.readouterr().err
    assert f"kernels are not split by unit: no recording in {capture}" in said
    assert run_command(["critical-path", str(capture), "--units"]) == 2
    assert f"{capture}: has no recording" in capsys.readouterr().err


def test_units_of_the_critical_path_add_up_to_its_compute(npusim, run):
    printed = json.loads(npusim("critical-path", run, "--units", "--json"))
    *rows, total = printed["units"]
    assert total["scope"] == "(compute)"
    assert sum(row["path_us"] for row in rows) == pytest.approx(total["path_us"])
    compute = next(row for row in printed["kinds"] if row["segment"] == "compute")
    assert total["path_us"] == compute["time_us"]


def test_a_list_without_bubbles_says_so(npusim, run):
    assert npusim("bubbles", run, "--min-us", "1e300").endswith(
        "No bubble is longer than 1e+300 us.\n"
    )
    assert "No bubble" not in npusim("bubbles", run, "--min-us", "0")


def test_a_run_that_lost_its_trace_is_read_as_a_capture_and_that_is_said(capsys, run, tmp_path):
    lost = tmp_path / "lost"
    shutil.copytree(run, lost)
    assert run_command(["bubbles", str(lost)]) == 0
    assert capsys.readouterr().err == ""
    (lost / "trace.npz").unlink()
    assert run_command(["bubbles", str(lost)]) == 0
    said = capsys.readouterr().err
    assert said == (
        f"{lost}: has no trace.npz; read from dfx_outputs instead, as a capture: the waits are "
        "inferred\n"
    )

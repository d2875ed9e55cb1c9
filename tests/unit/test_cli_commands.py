"""The commands as a user runs them: what they print, what they leave, how they exit."""

import csv
import io
import json

import pytest

import npusim
from npusim.api import save_run
from npusim.cli.main import run_command
from tests.golden.runs import SCALE_KERNEL, reference_run, scale_run

SCALE = str(SCALE_KERNEL)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The reference kernel before and after, and the small one, as run directories."""
    folder = tmp_path_factory.mktemp("runs")
    for name, run in (
        ("before", reference_run("before")),
        ("after", reference_run("after")),
        ("scale", scale_run()),
    ):
        save_run(run, folder / name, has_picture=False)
    return folder


@pytest.fixture
def npusim_prints(capsys):
    """Runs a command that must succeed and returns what it printed to stdout."""

    def run(*arguments, exit_code=0):
        assert run_command([str(argument) for argument in arguments]) == exit_code
        return capsys.readouterr().out

    return run


def test_run_prints_one_json_object(npusim_prints):
    printed = json.loads(npusim_prints("run", SCALE, "--json"))
    assert printed["kernel"] == "scale"
    assert printed["verified"] is True
    assert printed["parameters"]["options"] == {"fill": 1}
    assert {"makespan_us", "busy_us", "waits_us", "edges", "rel_l2_faithful"} <= set(printed)


def test_run_prints_a_report_with_units(npusim_prints):
    text = npusim_prints("run", SCALE)
    assert text.startswith(
        "scale right on a2a3, dependencies: tensormap\nverified:  y passed, 0 of"
    )
    assert "makespan:  " in text
    assert " us\n" in text


def test_a_failed_verification_is_exit_1_and_still_writes_the_run(npusim_prints, tmp_path):
    printed = npusim_prints(
        "run", SCALE, "--variant", "wrong", "-o", tmp_path / "out", "--no-plot", exit_code=1
    )
    assert "y FAILED, 16384 of 16384 elements are off" in printed
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["verified"] is False


def test_the_newest_variant_is_the_default(npusim_prints):
    assert json.loads(npusim_prints("run", SCALE, "--json"))["variant"] == "right"


def test_no_verify_says_null(npusim_prints):
    arguments = ("run", SCALE, "--variant", "wrong", "--no-verify")
    assert json.loads(npusim_prints(*arguments, "--json"))["verified"] is None
    assert "verified:  not checked" in npusim_prints(*arguments)


def test_knobs_and_options_reach_the_kernel(npusim_prints):
    printed = npusim_prints("run", SCALE, "--set", "row_tile=32", "--option", "fill=5", "--json")
    parameters = json.loads(printed)["parameters"]
    assert parameters["changed_knobs"] == {"row_tile": 32}
    assert parameters["options"] == {"fill": 5}
    assert json.loads(printed)["tasks"] == 8


def test_runs_of_one_variant_are_told_apart_in_titles(npusim_prints, tmp_path):
    plain, other = tmp_path / "plain", tmp_path / "other"
    changed = ("--set", "row_tile=32", "--option", "fill=5")
    npusim_prints("run", SCALE, "--no-plot", "-o", plain)
    said = npusim_prints("run", SCALE, *changed, "--no-plot", "-o", other)
    name = "scale right, row_tile=32, fill=5 on a2a3"
    assert said.startswith(f"{name}, dependencies: tensormap\n")
    assert npusim_prints("bubbles", other).startswith(f"Bubbles by scope, {name}\n")
    assert npusim_prints("bubbles", plain).startswith("Bubbles by scope, scale right on a2a3\n")
    assert f"a = scale right on a2a3, b = {name}\n" in npusim_prints("compare", plain, other)


@pytest.mark.parametrize(("platform", "chip"), [("a5", "a5"), ("a2a3sim", "a2a3"), ("a5sim", "a5")])
def test_every_platform(npusim_prints, platform, chip):
    assert json.loads(npusim_prints("run", SCALE, "-p", platform, "--json"))["chip"] == chip


def test_level_0_and_no_plot_leave_out_their_files(npusim_prints, tmp_path):
    npusim_prints("run", SCALE, "--swimlane-level", "0", "--no-plot", "-o", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "bubbles.csv",
        "perfetto.json",
        "program.npz",
        "summary.json",
        "trace.npz",
    ]


def test_a_run_is_replaced_by_the_next(npusim_prints, tmp_path):
    for fill in (1, 5):
        npusim_prints("run", SCALE, "--option", f"fill={fill}", "--no-plot", "-o", tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["parameters"]["options"] == {"fill": 5}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_progress_goes_to_stderr_and_names_what_to_open(capsys, tmp_path):
    run_command(["run", SCALE, "-o", str(tmp_path / "out"), "--json"])
    captured = capsys.readouterr()
    assert json.loads(captured.out)
    assert "recording" in captured.err
    assert captured.err.splitlines()[-1].endswith("/out/swimlane.png")
    assert (tmp_path / "out" / "swimlane.png").is_file()


def test_compare_gives_a_b_and_delta_of_everything(npusim_prints, runs):
    printed = json.loads(npusim_prints("compare", runs / "before", runs / "after", "--json"))
    before, after = reference_run("before").summary(), reference_run("after").summary()
    makespan_us = printed["makespan_us"]
    assert (makespan_us["a"], makespan_us["b"]) == (before["makespan_us"], after["makespan_us"])
    assert {scope["scope"] for scope in printed["scopes"]} == {*before["scopes"], *after["scopes"]}
    changes = [scope[key] for scope in printed["scopes"] for key in ("busy_us", "waits_us")]
    assert len(printed["waits"]) == 2 * len(before["waits_us"])
    for change in [makespan_us, *changes]:
        assert change["b"] - change["a"] == pytest.approx(change["delta"], abs=1e-6)


def test_the_waits_of_a_comparison_are_those_of_the_runs(npusim_prints, runs):
    printed = json.loads(npusim_prints("compare", runs / "before", runs / "after", "--json"))
    after = reference_run("after").summary()
    total = {}
    for wait in printed["waits"]:
        total[wait["reason"]] = total.get(wait["reason"], 0) + wait["waits_us"]["b"]
    assert total == pytest.approx(after["waits_us"])


def test_compare_of_a_run_with_itself_finds_nothing(npusim_prints, runs):
    printed = json.loads(npusim_prints("compare", runs / "after", runs / "after", "--json"))
    assert printed["makespan_us"]["delta"] == 0
    assert all(scope["busy_us"]["delta"] == 0 for scope in printed["scopes"])


def test_compare_takes_a_run_and_a_capture(npusim_prints, runs):
    capture = runs / "after" / "dfx_outputs"
    printed = json.loads(npusim_prints("compare", runs / "after", capture, "--json"))
    # A capture is rounded to ticks of 20 ns.
    assert printed["makespan_us"]["delta"] == pytest.approx(0, abs=0.05)


def test_compare_leaves_picture_json_and_tables(npusim_prints, runs, tmp_path):
    npusim_prints("compare", runs / "scale", runs / "scale", "-o", tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 8
    npusim_prints("compare", runs / "scale", runs / "scale", "-o", tmp_path / "out")


def test_bubbles_as_text_csv_and_json_agree(npusim_prints, runs):
    rows = list(csv.DictReader(io.StringIO(npusim_prints("bubbles", runs / "after", "--csv"))))
    printed = json.loads(npusim_prints("bubbles", runs / "after", "--json"))
    assert len(rows) > 10
    assert len(rows) == len(printed)
    assert "Bubbles by scope" in npusim_prints("bubbles", runs / "after")
    stored = (runs / "after" / "bubbles.csv").read_text()
    assert npusim_prints("bubbles", runs / "after", "--csv") == stored


def test_a_longer_threshold_lists_fewer_bubbles(npusim_prints, runs):
    counts = [
        len(npusim_prints("bubbles", runs / "after", "--min-us", us, "--csv").splitlines())
        for us in (0, 50, 100, 1e9)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[1]
    assert counts[-1] == 1


@pytest.mark.parametrize("capture", ["dfx_outputs", "dfx_outputs/chip_swimlane_records.json"])
def test_bubbles_of_a_capture(npusim_prints, runs, capture):
    text = npusim_prints("bubbles", runs / "after" / capture)
    assert "prefill_gather_prompt_kv_tile" in text
    assert "inferred" in text


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_plot_writes_the_picture_and_prints_its_name(npusim_prints, runs, tmp_path, suffix):
    picture = tmp_path / f"picture{suffix}"
    assert npusim_prints("plot", runs / "scale", "-o", picture) == f"{picture}\n"
    assert picture.stat().st_size > 1000


def test_plot_of_two_runs_and_of_waits(npusim_prints, runs, tmp_path):
    npusim_prints("plot", runs / "scale", runs / "scale", "-o", tmp_path / "two.png")
    npusim_prints("plot", runs / "scale", "--waits", "-o", tmp_path / "waits.png")
    assert len(list(tmp_path.iterdir())) == 2


def test_kernels_lists_variants_options_and_knobs(npusim_prints):
    text = npusim_prints("kernels")
    for word in ("prefill_sparse_attn", "before", "after", "compress_ratio", "gather_token_tile"):
        assert word in text
    (kernel,) = (
        entry
        for entry in json.loads(npusim_prints("kernels", "--json"))
        if entry["name"] == "prefill_sparse_attn"
    )
    assert list(kernel["variants"]) == ["after", "before", "mid"]
    assert kernel["options"]["compress_ratio"] == [0, 4, 128]


def test_chips_lists_every_figure_with_its_source(npusim_prints):
    assert "a2a3" in npusim_prints("chips")
    assert [chip["name"] for chip in json.loads(npusim_prints("chips", "--json"))] == ["a2a3", "a5"]
    figures = json.loads(npusim_prints("chips", "a2a3", "--json"))
    assumed = json.loads(npusim_prints("chips", "a2a3", "--only", "assumed", "--json"))
    assert all(figure["source"] or figure["note"] for figure in figures)
    assert assumed == [figure for figure in figures if figure["kind"] == "assumed"]
    assert "assumed" in npusim_prints("chips", "a2a3", "--only", "assumed")


def test_help_and_version(npusim_prints):
    assert npusim_prints("--version") == f"npusim {npusim.__version__}\n"
    assert "Commands" in npusim_prints()
    for command in ("kernels", "run", "compare", "bubbles", "plot", "chips"):
        assert command in npusim_prints("--help")
        assert "--help" in npusim_prints(command, "--help")

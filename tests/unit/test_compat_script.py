"""Kernel files run unedited: what they print, how they exit, what is written."""

import json
import re
import sys
from pathlib import Path

import pytest

import npusim.compat.torch_bridge
from npusim.analysis import bubble_table
from npusim.api import RunRequest, load_run_trace
from npusim.api.evidence import load_evidence
from npusim.api.run import run_choices
from npusim.cli.main import run_command
from npusim.compat import CompatOptions, Reason, run_script
from npusim.compat.script import checkout_root
from npusim.errors import UsageError
from npusim.experiments.experiment import baseline
from npusim.hardware import load_chip

FILES = Path(__file__).parent / "compat_files"
needs_torch = pytest.mark.skipif(
    not npusim.compat.torch_bridge.has_torch(), reason="kernel files need torch"
)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYPTO_PROG_BUILD_DIR", raising=False)
    return tmp_path


def run(name: str, *arguments: str, **options):
    return run_script(FILES / f"{name}.py", arguments, CompatOptions(**options))


def files_below(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.rglob("*") if path.is_file())


@needs_torch
def test_a_jit_file_passes_its_own_check(capsys, place) -> None:
    result = run("jit_scale", "-p", "a2a3sim", "--factor", "2.0")
    assert (result.exit_code, result.outcome.reason) == (0, Reason.PASSED)
    lines = capsys.readouterr().out.splitlines()
    stages = ["compile", "generate inputs", "compute golden", "runtime", "validate"]
    begun = [f"[RUN] {stage} ..." for stage in stages]
    assert [line for line in lines if line.endswith(" ...")] == begun
    assert lines[-1].startswith("[RUN] PASS (")
    assert "[RUN]   'y' PASS  shape=(64, 128) dtype=torch.bfloat16 (ratio_allclose(" in "\n".join(
        lines
    )
    (record,) = result.records
    figures = record.to_json()
    assert (figures["tasks"], figures["nodes"], figures["verified"]) == (4, 4, True)
    assert (figures["compiler_era"], figures["chip"]) == ("2026-04", "a2a3")
    assert record.directory.parent == place / "build_output"
    assert record.directory.name.startswith("_jit_scale_rows_")
    assert files_below(record.directory) == ["program.npz", "summary.json", "trace.npz"]


@needs_torch
def test_a_run_directory_can_be_looked_at() -> None:
    (record,) = run("jit_scale").records
    assert "aiv" in str(bubble_table(load_run_trace(record.directory)))


@needs_torch
def test_a_run_is_simulated_again_as_it_was() -> None:
    (record,) = run("jit_scale", "--enable-l2-swimlane", "--enable-pmu").records
    evidence = load_evidence(record.directory)
    kept = ("policy", "early_dispatch", "warm_up", "seed", "ring_sizes", "pmu")
    assert {name: evidence.settings[name] for name in kept} == {
        name: run_choices(RunRequest())[name] for name in kept
    } | {"pmu": 2}
    again = baseline(evidence, load_chip("a2a3"))
    assert again.options.pmu == 2
    assert again.run().makespan_ps == evidence.trace.makespan_ps


@needs_torch
@pytest.mark.parametrize(("platform", "merged"), [("a2a3", 1), ("a2a3sim", 0)])
def test_the_swimlane_is_written_where_tools_look(platform: str, merged: int, capsys) -> None:
    result = run("jit_scale", "-p", platform, "--enable-l2-swimlane", "--enable-pmu")
    names = files_below(result.records[0].directory / "dfx_outputs")
    assert {"chip_swimlane_records.json", "deps.json", "name_map_npusim.json"} <= set(names)
    assert sum(name.startswith("merged_swimlane_") for name in names) == merged
    assert "pmu.csv" in names
    talk = capsys.readouterr().err
    assert not talk


@needs_torch
def test_scope_statistics_need_no_swimlane() -> None:
    (first, _) = run("jit_modes", "--enable-scope-stats").records
    assert files_below(first.directory / "dfx_outputs") == ["scope_stats.jsonl"]


@needs_torch
def test_two_calls_in_one_file_and_the_later_keywords() -> None:
    result = run("jit_modes", "--enable-dep-gen")
    assert result.outcome.reason is Reason.PASSED
    assert [record.figures["tasks"] for record in result.records] == [2, 4]
    first, second = (record.directory for record in result.records)
    assert first != second
    assert files_below(first / "dfx_outputs") == ["deps.json", "name_map_npusim.json"]
    assert result.records[0].era == "HEAD"


@needs_torch
def test_saved_data_serves_as_golden(capsys) -> None:
    data = run("jit_modes", "--save-data").records[0].directory / "data"
    assert files_below(data) == ["total.pt", "total.pt", "x.pt"]
    capsys.readouterr()
    result = run("jit_modes", "--golden-data", str(data))
    assert result.records[0].verified
    assert f"[RUN]   cache hit: {data / 'in'}" in capsys.readouterr().out
    assert result.exit_code == 1  # the second call has other shapes than the saved ones
    assert str(result.error).endswith("expected torch.float32 of shape [64, 128]")


@needs_torch
def test_compile_only_runs_nothing(capsys) -> None:
    result = run("jit_modes", "--compile-only")
    assert (result.exit_code, result.records) == (0, [])
    assert "npusim compiles nothing" in capsys.readouterr().err


@needs_torch
def test_a_program_class_passes() -> None:
    result = run("program_add")
    assert result.outcome.reason is Reason.PASSED
    assert result.records[0].directory.name.startswith("AddOne_")


@needs_torch
def test_a_mismatch_fails_the_file(capsys) -> None:
    result = run("jit_mismatch")
    assert (result.exit_code, result.outcome.reason) == (1, Reason.MISMATCH)
    assert result.outcome.message.startswith("1024 of 1024 elements are off by more than 0.1")
    assert result.records[0].verified is False
    assert result.records[0].figures["makespan_us"] > 0
    printed = capsys.readouterr().out
    assert "[RUN] PASS" not in printed
    assert "Output(s) does not match golden: ['y']" in printed


@needs_torch
def test_an_unsupported_operation_names_itself_and_its_line(capsys) -> None:
    assert run_command(["pypto", str(FILES / "jit_unsupported.py")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert "    x[:, :] = pl.untangle(x[:, :])" in lines
    assert not [line for line in lines if "npusim/" in line and "compat_files" not in line]
    assert lines[-1].startswith(
        "npusim: error: jit_unsupported.py:9: pl.untangle is not an operation npusim"
    )
    assert run("jit_unsupported").outcome.reason is Reason.UNSUPPORTED_OPERATION


@needs_torch
def test_an_error_in_a_kernel_keeps_the_lines_that_led_there(capsys) -> None:
    assert run_command(["pypto", str(FILES / "jit_wrong_index.py")]) == 2
    talk = capsys.readouterr().err
    assert "in outside" in talk
    assert "in read_far" in talk
    last = talk.splitlines()[-1]
    assert last.startswith("npusim: error: jit_wrong_index.py:8 (scope outside")
    assert "; in jit_wrong_index.py:8; " in last
    assert run("jit_wrong_index").outcome.reason is Reason.KERNEL_ERROR


@needs_torch
def test_a_multi_device_file_ends_with_one_line(capsys) -> None:
    assert run_command(["pypto", str(FILES / "multi_device.py")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "needs several ranks; expected a single-device kernel" in line
    assert run("multi_device").outcome.reason is Reason.MULTI_DEVICE


@needs_torch
def test_the_files_own_usage_error_is_its_exit_code(capsys) -> None:
    result = run("jit_modes", "-p", "a2a3sim")
    assert (result.exit_code, result.outcome.reason) == (2, Reason.USAGE)
    assert "invalid choice: 'a2a3sim'" in capsys.readouterr().err


@needs_torch
def test_npusims_options_reach_the_run(place) -> None:
    arguments = ["pypto", "--npusim-chip", "a5", str(FILES / "jit_scale.py"), "--factor", "3"]
    assert run_command([*arguments, "--npusim-json", "runs.json", "--npusim-deps", "exact"]) == 0
    (entry,) = json.loads((place / "runs.json").read_text())
    assert (entry["chip"], entry["platform"], entry["deps"]) == ("a5", "a2a3", "exact")
    assert entry["outputs"][0]["name"] == "y"


@needs_torch
def test_without_a_simulation_there_is_only_a_verdict() -> None:
    (record,) = run("jit_scale", is_simulated=False).records
    assert record.verified
    assert "makespan_us" not in record.figures
    assert files_below(record.directory) == ["summary.json"]


@needs_torch
def test_a_run_that_keeps_no_files_has_all_figures() -> None:
    (record,) = run("jit_scale", keeps_files=False).records
    assert record.figures["makespan_us"] > 0
    assert files_below(record.directory) == ["summary.json"]


@needs_torch
def test_the_process_is_as_before() -> None:
    before = (list(sys.argv), list(sys.path), list(sys.meta_path))
    run("jit_scale")
    assert (sys.argv, sys.path, sys.meta_path) == before
    assert not {"pypto", "golden", "shared_shapes"} & set(sys.modules)


@needs_torch
def test_the_build_directory_can_be_moved(place, monkeypatch) -> None:
    monkeypatch.setenv("PYPTO_PROG_BUILD_DIR", str(place / "elsewhere"))
    assert run("jit_scale").records[0].directory.parent == place / "elsewhere"


def test_a_missing_file_is_a_usage_error(capsys) -> None:
    assert run_command(["pypto", "no_such.py", "-p", "a2a3"]) == 2
    line = capsys.readouterr().err
    assert line == "npusim: error: no_such.py: no such file; expected a kernel file of pypto-lib\n"


def test_without_torch_the_command_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match=r"^npusim pypto needs torch: pip install 'npusim\[pypto"):
        run("jit_scale")


def test_help_is_npusims_before_the_file(capsys) -> None:
    assert run_command(["pypto", "--help"]) == 0
    text = capsys.readouterr().out
    assert "--npusim-json" in text
    assert "--census" in text
    assert run_command(["pypto"]) == 0


@pytest.mark.parametrize("mark", ["golden/__init__.py", ".git/config"])
def test_the_checkout_is_the_directory_above_with_the_harness(place, mark: str) -> None:
    file = place / "lib" / "models" / "deep" / "k.py"
    for path in (file, place / "lib" / mark):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    assert checkout_root(file) == place / "lib"
    assert checkout_root(Path("/nowhere/k.py")) == Path("/nowhere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"x = 1\n\n# Title\nThis is prose.\n",
            r"^npusim: error: FILE:4: not a Python file \(inval",
        ),
        (
            b"x = '\x00'\n",
            r"^npusim: error: FILE(:1)?: not a Python file \(source code (string )?can",
        ),
        (b"\xff\xfe", r"^npusim: error: FILE.*: not a Python file \(.*; expected a kernel file in"),
    ],
)
def test_a_file_that_is_not_python_is_refused_in_one_line(
    capsys, place, content: bytes, message: str
) -> None:
    (place / "README.md").write_bytes(content)
    assert run_command(["pypto", "README.md"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert re.match(message.replace("FILE", r"README\.md"), err)

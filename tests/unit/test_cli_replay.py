"""``npusim replay`` as a user runs it."""

import json
import re

import pytest

from npusim.cli.main import run_command
from npusim.trace import load_trace
from tests.golden.runs import ROOT

CAPTURE = ROOT / "traces" / "block_table"


@pytest.fixture
def prints(capsys):
    def run(*arguments, exit_code=0):
        assert run_command(["replay", *(str(argument) for argument in arguments)]) == exit_code
        return capsys.readouterr()

    return run


def test_json_has_the_promised_fields(prints):
    values = json.loads(prints(CAPTURE, "--policy", "zero_gap", "--json").out)
    promised = ("makespan_us", "tasks", "edges", "work_bound_us", "critical_path_us")
    assert {name: values[name] for name in promised} == {
        "makespan_us": 118.38,
        "tasks": 32,
        "edges": 16,
        "work_bound_us": 69.150834,
        "critical_path_us": 113.9,
    }


def test_the_report_sets_the_replay_beside_the_capture(prints):
    text = prints(CAPTURE, "--fit").out
    assert text.startswith("Replay of block_table on a2a3\n")
    assert "replay, tensormap_and_ringbuffer" in text
    assert "taken from the capture: completion_ns = 1120\n" in text
    for policy in ("list_path", "ideal", "host_build_graph", "serial_dispatcher"):
        assert f"replay, {policy}" in prints(CAPTURE, "--policy", policy).out


def test_a_task_table_may_stand_apart_from_its_dependencies(prints, tmp_path):
    tasks, deps = tmp_path / "t.csv", tmp_path / "d.csv"
    tasks.write_bytes((CAPTURE / "block_table_tasks.csv").read_bytes())
    deps.write_bytes((CAPTURE / "block_table_deps.csv").read_bytes())
    alone = prints(tasks, "--policy", "list_path", "--json")
    assert json.loads(alone.out)["edges"] == 0
    assert "not in the capture: no dependency table: tasks depend on nothing\n" in alone.err
    both = prints(tasks, "--deps-file", deps, "--policy", "list_path", "--json")
    assert json.loads(both.out)["edges"] == 16
    assert both.err == "chip unknown, a2a3 assumed; name it with --platform\n"


def test_the_replay_can_be_kept_as_a_trace(prints, tmp_path, capsys):
    path = tmp_path / "replayed.npz"
    assert prints(CAPTURE, "-o", path).err.endswith(f"wrote {path}\n")
    assert load_trace(path).info.kernel == "block_table"
    assert run_command(["bubbles", str(path)]) == 0
    assert "Bubbles by scope, block_table" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "best"], r"policy 'best': unknown; expected one of tensormap_and_ringbuffer"),
        (
            ["--policy-set", "pitch_ns=1"],
            r"policy tensormap_and_ringbuffer: unknown parameter 'pit",
        ),
        (["--policy-set", "x"], r"--policy-set x: expected NAME=VALUE, each name once"),
        (["--policy-set", "x=nan"], r"--policy-set x=nan: expected a finite number; write for i"),
        (["-o", "run.json"], r"--output run\.json: expected a file name that ends in \.npz; add"),
        (["--platform", "a9"], r".*a9.*expected"),
        (["--fit", "--policy", "ideal"], r"--fit: policy ideal has nothing to fit; expected one o"),
        (["--deps-file", "no.csv"], r"no\.csv: no such file; expected a dependency table in CSV"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(prints, arguments, message):
    found = prints(CAPTURE, *arguments, exit_code=2)
    assert found.out == ""
    assert re.fullmatch(rf"npusim: error: {message}.*\n", found.err)


def test_a_missing_capture_is_named(prints):
    assert "nowhere: no such file or directory" in prints("nowhere", exit_code=2).err

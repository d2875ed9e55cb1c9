"""Looking inside cores, from the request and from the command line."""

import csv
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from npusim.api import Fidelity, InsideRequest, RunRequest, load_kernel, load_run_trace, run_kernel
from npusim.cli.main import run_command
from npusim.cli.run import fill_in_pmu_group
from npusim.errors import UsageError
from npusim.trace import LaneKind
from tests.golden.runs import SCALE_KERNEL


@cache
def scale(**inside):
    case = load_kernel(str(SCALE_KERNEL)).case("right")
    return run_kernel(case, RunRequest(inside=InsideRequest(**inside)))


def test_pipe_fidelity_changes_no_time_of_a_kernel():
    task, pipe = scale(), scale(fidelity=Fidelity.PIPE)
    assert task.trace.slices.tobytes() == pipe.trace.slices.tobytes()
    assert not len(task.trace.op_slices)
    assert len(pipe.trace.op_slices)
    assert len(pipe.trace.lane_indices(LaneKind.PIPE)) == 6 + 4 + 4
    shared = {key: value for key, value in task.summary().items() if key != "fidelity"}
    assert pipe.summary() == {**shared, "fidelity": "pipe"}


def test_counters_are_the_same_with_and_without_pipes():
    alone, beside = scale(pmu=2), scale(pmu=2, fidelity=Fidelity.PIPE, pipe_cores="all")
    assert np.array_equal(alone.counters, beside.counters)
    assert len(alone.counters) == len(alone.trace.slices)
    assert scale().counters is None


def test_cores_without_pipe_fidelity_are_refused():
    with pytest.raises(UsageError, match=r"^pipe cores: 'all' named with fidelity task; expected"):
        InsideRequest(pipe_cores="all")


def test_a_wrong_group_or_core_fails_before_the_work():
    with pytest.raises(UsageError, match=r"^pmu: group 3; expected 0"):
        InsideRequest(pmu=3)
    stages = []
    request = RunRequest(inside=InsideRequest(Fidelity.PIPE, "AIC[99]"))
    with pytest.raises(UsageError, match=r"^pipe cores: 'AIC\[99\]' is not a core of the chip"):
        run_kernel(load_kernel(str(SCALE_KERNEL)).case("right"), request, progress=stages.append)
    assert stages == []


def test_the_command_line_writes_pipes_and_counters(tmp_path: Path, capsys):
    out = tmp_path / "run"
    inside = ["--fidelity", "pipe", "--pipe-cores", "AIV[0]", "--pmu", "--no-plot"]
    assert run_command(["run", str(SCALE_KERNEL), *inside, "-o", str(out), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["fidelity"], summary["pmu"]) == ("pipe", 2)
    trace = load_run_trace(out)
    assert [trace.lanes[i].name for i in trace.lane_indices(LaneKind.PIPE)] == [
        "AIV[0].S",
        "AIV[0].MTE2",
        "AIV[0].V",
        "AIV[0].MTE3",
    ]
    with (out / "dfx_outputs" / "pmu.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(trace.slices)
    assert {row["event_type"] for row in rows} == {"2"}
    picture = tmp_path / "pipes.png"
    assert run_command(["plot", str(out), "--pipes", "-o", str(picture)]) == 0
    assert picture.stat().st_size > 1000


def test_counters_are_written_without_a_swimlane(tmp_path: Path):
    out = tmp_path / "run"
    options = ["--pmu", "4", "--swimlane-level", "0", "--no-plot", "--no-verify"]
    assert run_command(["run", str(SCALE_KERNEL), *options, "-o", str(out)]) == 0
    assert [path.name for path in (out / "dfx_outputs").iterdir()] == ["pmu.csv"]


@pytest.mark.parametrize(
    ("arguments", "filled"),
    [
        (["run", "k", "--pmu"], ["run", "k", "--pmu", "2"]),
        (["run", "k", "--pmu", "-o", "d"], ["run", "k", "--pmu", "2", "-o", "d"]),
        (["run", "k", "--pmu", "4"], ["run", "k", "--pmu", "4"]),
        (["run", "k", "--pmu=1"], ["run", "k", "--pmu=1"]),
        (["pypto", "file.py", "--pmu"], ["pypto", "file.py", "--pmu"]),
        ([], []),
    ],
)
def test_a_bare_pmu_means_pipe_utilisation(arguments, filled):
    assert fill_in_pmu_group(arguments) == filled


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", str(SCALE_KERNEL), "--pmu", "3"], "pmu: group 3; expected 0 (none), 1 (arithm"),
        (["plot", "x", "--task", "3"], "--task: given as 3 without --pipes; expected both"),
        (["plot", "x", "--pipes", "--waits"], "--pipes: given with --waits; expected one picture"),
        (["plot", "x", "y", "--pipes"], "--pipes: given with two runs (x, y); expected one"),
    ],
)
def test_wrong_usage_is_one_line(arguments, message, capsys):
    assert run_command(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"npusim: error: {message}")
    assert error.count("\n") == 1

"""A kernel with every kind of task: right values, all kinds simulated, all kept by the files."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from npusim.api import RunRequest, simulate_program
from npusim.errors import FileFormatError
from npusim.formats import WRITTEN_LAYOUTS, Layout, read_capture, write_capture
from npusim.hardware import load_chip
from npusim.replay import replay_work
from npusim.simulator.runtime import simulate_runtime
from npusim.trace import PhaseKind, Trace
from tests.capture_builder import edit
from tests.feature_kernel import BLOCKS, GATES, golden, inputs, record

MAX_COHORT_PS = 2_000_000
"""From the first to the last block of a cohort of 8 on its core."""
FLAGS = ("is_dummy", "has_early_dispatch", "is_predicated", "is_cohort")


@pytest.fixture(scope="module")
def run():
    program, out = record()
    return program, out, simulate_program(program, RunRequest())


def named(trace: Trace, name: str):
    """The slices and the first task of that name."""
    index = next(i for i, task in enumerate(trace.tasks) if task.name == name)
    return trace.slices[trace.slices["task"] == index], trace.tasks[index]


def test_the_values_are_right(run):
    np.testing.assert_allclose(run[1], golden(**inputs()), rtol=1e-6, atol=1e-6)


def test_every_kind_of_task_is_there(run):
    trace = run[2]
    assert {task.core_type for task in trace.tasks} == {"aic", "aiv", "mix"}
    assert named(trace, "scale")[1].block_num == BLOCKS
    gate_rows, gate = named(trace, "gate")
    assert (gate.core_type, gate.block_num, len(gate_rows)) == ("mix", GATES, 3 * GATES)
    together, cohort = named(trace, "together")
    assert cohort.is_cohort
    assert np.ptp(together["dispatch_ps"]) < MAX_COHORT_PS
    _, boost = named(trace, "boost")
    dropped, drop = named(trace, "drop")
    assert (boost.is_predicated, boost.is_dummy) == (True, False)
    assert (drop.is_predicated, drop.is_dummy, len(dropped)) == (True, True, 0)
    assert sum(task.is_dummy for task in trace.tasks) == 3


def test_some_task_is_staged_before_its_producer_ends(run):
    trace = run[2]
    scale, _ = named(trace, "scale")
    project, _ = named(trace, "project")
    assert project["dispatch_ps"][0] < scale["end_ps"].max() <= project["start_ps"][0]


@pytest.mark.parametrize("layout", WRITTEN_LAYOUTS)
@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_the_files_keep_the_flags_of_tasks(run, tmp_path: Path, layout: Layout, level: int):
    program, _, trace = run
    write_capture(tmp_path, trace, program, level=level, layout=layout)
    read = read_capture(tmp_path)
    for flag in FLAGS:
        assert [getattr(t, flag) for t in read.tasks] == [getattr(t, flag) for t in trace.tasks]
    assert [task.name for task in read.tasks] == [task.name for task in trace.tasks]


def test_a_replay_keeps_the_flags_of_tasks(run, tmp_path: Path):
    program, _, trace = run
    write_capture(tmp_path, trace, program, level=4)
    chip = load_chip("a2a3")
    work = replay_work(read_capture(tmp_path), chip)
    assert [trace.tasks[i].name for i in np.flatnonzero(work.is_predicated)] == ["boost", "drop"]
    assert [trace.tasks[i].name for i in np.flatnonzero(work.sync_start)] == ["together"]
    again = simulate_runtime(work, chip)
    together, cohort = named(again, "together")
    assert cohort.is_cohort
    assert np.ptp(together["dispatch_ps"]) < MAX_COHORT_PS


def as_device(capture: Path) -> None:
    """Give the dropped task its kernel back, and the mark that a device writes for it."""
    deps = capture / "deps.json"
    token = {}

    def restore(document) -> None:
        task = next(t for t in document["tasks"] if t.get("name") == "drop")
        token["drop"] = int(task["task_id"])
        boost = next(t for t in document["tasks"] if t.get("predicated") and "name" not in t)
        task["kernel_ids"] = boost["kernel_ids"]
        for entry in document["tasks"]:
            for key in ("predicated", "sync_start", "name"):
                entry.pop(key, None)

    def mark(document) -> None:
        records = document["aicpu_scheduler_phases"]
        marker = next(r for s in records for r in s if r.get("task_id") == token["drop"])
        marker["kind"] = "predicated_skip"

    edit(deps, restore)
    edit(next(capture.glob("*records.json")), mark)


def test_a_task_that_a_device_skipped_is_read(run, tmp_path: Path):
    program, _, trace = run
    write_capture(tmp_path, trace, program, level=4)
    as_device(tmp_path)
    read = read_capture(tmp_path)
    (skipped,) = [task for task in read.tasks if task.is_predicated]
    assert skipped.is_dummy
    index = read.tasks.index(skipped)
    served = read.phases[read.phases["task"] == index]
    assert {PhaseKind(kind) for kind in served["kind"]} == {PhaseKind.SUBMIT, PhaseKind.DUMMY}
    assert not [line for line in read.info.parameters["missing_parts"] if "predicated" in line]
    work = replay_work(read, load_chip("a2a3"))
    assert work.is_dummy[index]
    assert work.is_predicated[index]
    write_capture(tmp_path / "again", read, None, level=4)
    again = read_capture(tmp_path / "again")
    # Written as a dummy: level 1 and 2 have no mark for a task that was skipped.
    assert again.tasks[index] == replace(skipped, func_id=-1)


def test_a_flag_that_is_no_truth_is_refused(run, tmp_path: Path):
    program, _, trace = run
    write_capture(tmp_path, trace, program, level=1)
    edit(tmp_path / "deps.json", lambda deps: deps["tasks"][3].update(predicated=1))
    with pytest.raises(
        FileFormatError, match=r"tasks\[3\].predicated is 1; expected true or false"
    ):
        read_capture(tmp_path)


def test_layout_b_has_no_kinds_of_later_schedulers(run, tmp_path: Path):
    program, _, trace = run
    counts = {}
    for layout in (Layout.B, Layout.C):
        write_capture(tmp_path / layout, trace, program, level=3, layout=layout)
        phases = read_capture(tmp_path / layout).phases
        counts[layout] = Counter(PhaseKind(kind) for kind in phases["kind"])
    early = counts[Layout.C].pop(PhaseKind.EARLY_DISPATCH)
    assert early > 0
    counts[Layout.C][PhaseKind.DISPATCH] += early
    assert counts[Layout.B] == counts[Layout.C]

"""CSV captures: what is read, what is inferred, what is refused and how."""

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npusim.errors import FileFormatError, NpuSimError
from npusim.formats.csv_capture import companion, is_csv_capture, read_csv_capture
from npusim.formats.csv_lanes import CoreCounts
from npusim.trace import NO_TIME, EdgeSource, PhaseKind

TASKS = """task_id,kernel,core_type,core,start_us,dur_us
0,qk,AIC,0,0.00,10.02
1,softmax,AIV,3,11.00,5.5
2,qk,AIC,1,0.04,9.00
"""
DEPS = "pred,succ,via\n0,1,hub\n2,1,hub\n0,1,other\n"
CORES = CoreCounts(aic=2, aiv=4)


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="run.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def test_tasks_lanes_and_edges_are_read(write):
    trace = read_csv_capture(write(TASKS), write(DEPS, "deps.csv"), chip="a2a3")
    assert [lane.name for lane in trace.lanes] == ["AIC[0]", "AIC[1]", "AIV[0]"]
    assert [lane.core_id for lane in trace.lanes] == [0, 1, 3]
    assert [task.name for task in trace.tasks] == ["qk", "softmax", "qk"]
    assert [task.func_id for task in trace.tasks] == [0, 1, 0]
    assert trace.slices["start_ps"].tolist() == [0, 40_000, 11_000_000]
    assert trace.slices["end_ps"].tolist() == [10_020_000, 9_040_000, 16_500_000]
    assert set(trace.slices["dispatch_ps"]) == {NO_TIME}
    assert trace.edges[["pred", "succ"]].tolist() == [(0, 1), (2, 1)]
    assert set(trace.edges["source"]) == {EdgeSource.EXPLICIT}
    assert (trace.info.kernel, trace.info.chip, trace.info.swimlane_level) == ("run", "a2a3", 1)
    assert trace.info.parameters["missing_parts"] == ["no dispatch times", "no finish times"]


def test_cores_that_ran_nothing_have_a_lane_if_the_chip_is_known(write):
    trace = read_csv_capture(write(TASKS), cores=CORES)
    assert [lane.core_id for lane in trace.lanes] == [0, 1, 2, 3, 4, 5]
    assert trace.slices["lane"].tolist() == [0, 1, 3]


def test_core_numbers_may_count_from_one(write):
    text = TASKS.replace("AIC,1,", "AIC,2,").replace("AIC,0,", "AIC,1,").replace("AIV,3", "AIV,6")
    trace = read_csv_capture(write(text), cores=CORES)
    assert trace.lanes[0].core_id == 1
    assert trace.slices["lane"].tolist() == [0, 1, 5]


def test_the_older_column_names_and_gzip_are_read(write, tmp_path):
    text = TASKS.replace("task_id,kernel", "task,leaf")
    packed = tmp_path / "old.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert is_csv_capture(packed)
    found, expected = read_csv_capture(packed), read_csv_capture(write(TASKS))
    assert found.slices.tolist() == expected.slices.tolist()
    assert found.info.kernel == "old"


def test_scheduler_times_submits_and_arguments_are_read(write):
    text = (
        "task_id,kernel,core_type,core,start_us,dur_us,dispatch_us,finish_us,sched_thread,"
        "submit_start_us,submit_end_us,tensors,lookups,inserts\n"
        "5,a,AIC,0,10,2,9,13,Sched_2,3,4,3,2,1\n"
    )
    trace = read_csv_capture(write(text))
    (task,) = trace.tasks
    assert (task.task_id, task.submit_start_ps, task.submit_end_ps) == (5, 3_000_000, 4_000_000)
    row = trace.slices[0]
    assert (row["dispatch_ps"], row["finish_ps"]) == (9_000_000, 13_000_000)
    assert trace.lanes[0].thread == 2
    assert trace.info.parameters["arguments"] == {"tensors": [3], "lookups": [2], "inserts": [1]}
    assert trace.info.swimlane_level == 4


def test_only_times_that_nobody_needs_may_be_empty(write):
    head = "task_id,kernel,core_type,core,start_us,dur_us,dispatch_us,sched_thread\n"
    trace = read_csv_capture(write(head + "0,a,AIC,0,10,2,,\n1,a,AIC,1,10,2,9,Sched_1\n"))
    assert trace.slices["dispatch_ps"].tolist() == [NO_TIME, 9_000_000]
    assert [lane.thread for lane in trace.lanes] == [-1, 1]
    with pytest.raises(FileFormatError, match=r"run\.csv:2: dur_us is ''; expected a time of at"):
        read_csv_capture(write(head + "0,a,AIC,0,10,,9,Sched_1\n"))


def test_tables_belong_together_by_name(write):
    tasks = write(TASKS, "run_tasks.csv")
    assert companion(tasks, "deps") is None
    deps = write(DEPS, "run_deps.csv")
    assert companion(tasks, "deps") == deps
    assert companion(write(TASKS), "deps") is None
    assert read_csv_capture(tasks).info.kernel == "run"


PHASES = "thread,phase,start_us,dur_us,tasks_or_task_id\nSched_1,complete,20,2.5,2\n"


def test_phases_and_submits_make_lanes_of_their_threads(write):
    text = TASKS.replace("dur_us", "dur_us,submit_start_us,submit_end_us")
    text = "\n".join(line + ",1,2" * (line[0] == "0") + ",2,3" * (line[0] == "1") +
                     ",3,4" * (line[0] == "2") for line in text.splitlines())  # fmt: skip
    phases = write(PHASES + "Orch_3,orch_alloc,1,1,r2t0\n", "phases.csv")
    trace = read_csv_capture(write(text), phases=phases)
    assert [lane.name for lane in trace.lanes[3:]] == ["Sched[0]", "Sched[1]", "Orch[0]"]
    kinds = [(PhaseKind(row["kind"]), int(row["lane"]), int(row["task"])) for row in trace.phases]
    assert kinds == [
        (PhaseKind.SUBMIT, 5, 0),
        (PhaseKind.SUBMIT, 5, 1),
        (PhaseKind.SUBMIT, 5, 2),
        (PhaseKind.COMPLETE, 4, -1),
    ]
    assert trace.phases["count"].tolist() == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("complete", "sleep"), r"phases\.csv:2: phase is 'sleep'; expected one of complete, dis"),
        (("Sched_1", "Sched_99"), r"phases\.csv:2: thread is 'Sched_99'; expected a thread from "),
        ((",2\n", ",x\n"), r"phases\.csv:2: tasks is 'x'; expected a count of at least 0"),
        (("20", "nan"), r"phases\.csv:2: start_us is 'nan'; expected a time of at least 0 micro"),
    ],
)
def test_a_bad_phase_table_is_refused(write, change, message):
    with pytest.raises(FileFormatError, match=message):
        read_csv_capture(write(TASKS), phases=write(PHASES.replace(*change), "phases.csv"))


def test_blocks_and_slots_may_be_given(write):
    text = (
        "task_id,kernel,core_type,core,start_us,dur_us,block,slot\n"
        "0,a,AIC,0,0,2,0,0\n0,a,AIV,2,0,2,0,1\n0,a,AIV,3,0,2,0,2\n0,a,AIC,1,0,2,1,0\n"
    )
    trace = read_csv_capture(write(text))
    assert (trace.tasks[0].core_type, trace.tasks[0].block_num) == ("mix", 2)
    assert sorted(trace.slices[["block", "slot"]].tolist()) == [(0, 0), (0, 1), (0, 2), (1, 0)]


REFUSED = {
    "start": (("0.00", "nan"), r"run\.csv:2: start_us is 'nan'; expected a time of at least 0 mi"),
    "infinite": (("0.00", "inf"), r"run\.csv:2: start_us is 'inf'; expected a time of at least 0"),
    "negative": (("5.5", "-5.5"), r"run\.csv:3: dur_us is '-5\.5'; expected a time of at least 0"),
    "huge": (("5.5", "1e300"), r"run\.csv:3: dur_us is '1e300'; expected a time"),
    "empty": (("softmax", ""), r"run\.csv:3: kernel is ''; expected a name; mend the line or rec"),
    "type": (("AIV", "GPU"), r"run\.csv:3: core_type is 'GPU'; expected AIC or AIV; mend"),
    "two types": (("AIV,3", "AIV,0"), r"run\.csv:3: core_type is 'AIV'; expected AIC, as core 0"),
    "core": (("AIV,3", "AIV,x"), r"run\.csv:3: core is 'x'; expected an int from 0 to 65535; me"),
    "twice": (("\n2,qk", "\n1,qk"), r"run\.csv:4: task_id is '1'; expected an id of no earlier r"),
    "cells": (("5.5", "5.5,1"), r"run\.csv:3: has 7 cells; expected 6, one per column; mend the"),
    "column": (("dur_us", "dur_ms"), r"run\.csv:1: not a task table: its columns are task_id,ke"),
    "column twice": (("dur_us", "core"), r"run\.csv:1: names column 'core' twice; expected each"),
    "overlap": (("AIC,1", "AIC,0"), r"run\.csv: the records contradict each other \(.*overlap"),
    "quote": (("softmax", '"soft"max'), r"run\.csv:3: not CSV \("),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_a_bad_table_is_refused_by_line_and_column(write, change, message):
    path = write(TASKS.replace(*change))
    with pytest.raises(FileFormatError, match=rf"^{path.parent}/{message}"):
        read_csv_capture(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pred,succ\n0,9\n", r"succ 9 is not a task of the capture; expected ids of its task ta"),
        ("pred,succ\n1,1\n", r"deps\.csv:2: succ is 1; expected another task than pred; mend"),
        ("from,to\n", r"not a dependency table: its columns are from,to; expected pred among"),
        ("", r"not a dependency table: its columns are none; expected pred among them, once"),
    ],
)
def test_a_bad_dependency_table_is_refused(write, text, message):
    with pytest.raises(FileFormatError, match=message):
        read_csv_capture(write(TASKS), write(text, "deps.csv"))


def test_missing_files_and_bad_gzip_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"none\.csv: no such file; expected a task table in"):
        read_csv_capture(tmp_path / "none.csv")
    packed = tmp_path / "cut.csv.gz"
    packed.write_bytes(gzip.compress(TASKS.encode())[:-9])
    with pytest.raises(FileFormatError, match=r"cut\.csv\.gz: cannot be unpacked \("):
        read_csv_capture(packed)


def test_cores_that_are_not_of_the_chip_are_refused(write):
    with pytest.raises(
        FileFormatError,
        match=r"core numbers from 0 to 3 are not those of 1 AIC followed by 2 AIV; expected a cap",
    ):
        read_csv_capture(write(TASKS), cores=CoreCounts(1, 2))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_mutated_table_raises_only_our_errors(write, data):
    content = bytearray(TASKS.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = write("")
    path.write_bytes(bytes(content))
    try:
        trace = read_csv_capture(path)
    except NpuSimError:
        return
    assert (trace.slices["end_ps"] >= trace.slices["start_ps"]).all()

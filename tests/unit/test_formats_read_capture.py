import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_formats_chip_run import ChipRun, chip_program

from npusim.errors import FileFormatError
from npusim.formats import is_capture, read_capture, write_capture
from npusim.trace import EdgeSource, PhaseKind, Trace

RECORDS = "chip_swimlane_records.json"
TICK_PS = 20_000
TIMES = ("dispatch_ps", "receive_ps", "start_ps", "end_ps", "finish_ps")


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    write_capture(tmp_path, ChipRun().build(), chip_program(), level=4)
    return tmp_path


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def slice_keys(trace: Trace) -> dict[tuple[str, int, int, int], Any]:
    return {
        (
            trace.lanes[row["lane"]].name,
            trace.tasks[row["task"]].task_id,
            *row[["block", "slot"]],
        ): row
        for row in trace.slices
    }


def test_what_was_written_is_read(capture: Path) -> None:
    written, read = ChipRun().build(), read_capture(capture)
    expected, found = slice_keys(written), slice_keys(read)
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        for time in TIMES:
            # The one stamp that moves by more: a gated receive, as the device re-stamps it.
            if time == "receive_ps" and found[key][time] >= row[time]:
                continue
            assert 0 <= row[time] - found[key][time] < TICK_PS, (key, time)
    by_id = {task.task_id: task for task in read.tasks}
    for task in written.tasks:
        known = by_id[task.task_id]
        assert (known.name, known.core_type, known.block_num) == (
            task.name,
            task.core_type,
            task.block_num,
        )
        assert 0 <= task.submit_start_ps - known.submit_start_ps < TICK_PS
        assert known.is_dummy == task.is_dummy
        assert known.has_early_dispatch == task.has_early_dispatch
    assert read.edges.tolist() == written.edges.tolist()
    assert not len(read.waits)


def test_lanes_and_phases_come_back(capture: Path) -> None:
    written, read = ChipRun().build(), read_capture(capture)
    assert read.lanes == written.lanes
    counts = ("kind", "lane", "count", "loop_iter", "pop_hit", "pop_miss", "task")
    ours, theirs = (np.sort(trace.phases[list(counts[:2])]) for trace in (written, read))
    assert ours.tolist() == theirs.tolist()
    dummy = read.phases[read.phases["kind"] == PhaseKind.DUMMY]
    assert [read.tasks[task].name for task in dummy["task"]] == ["barrier"]
    dispatch = read.phases["kind"] == PhaseKind.DISPATCH
    assert read.phases["pop_hit"][dispatch].sum() == len(read.slices)


def test_info_says_where_the_trace_comes_from(capture: Path) -> None:
    info = read_capture(capture).info
    assert (info.kernel, info.variant, info.chip) == ("demo", "basic", "a2a3")
    assert (info.source, info.cause_from, info.swimlane_level) == ("captured", "inferred", 4)
    assert info.counter_mhz == 50
    assert info.parameters["missing_parts"] == []
    assert info.parameters["generator"].startswith("npusim ")


def test_reading_and_writing_again_changes_no_byte(capture: Path, tmp_path: Path) -> None:
    trace = read_capture(capture)
    first, second = tmp_path / "first", tmp_path / "second"
    write_capture(first, trace, None, level=4)
    write_capture(second, read_capture(first), None, level=4)
    for name in (RECORDS, "deps.json", "name_map_npusim.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_exact_edges_keep_their_rule(tmp_path: Path) -> None:
    trace = ChipRun().build()
    edges = trace.edges.copy()
    edges["source"] = EdgeSource.REGION
    write_capture(tmp_path, replace(trace, edges=edges), None, level=1)
    assert set(read_capture(tmp_path).edges["source"]) == {EdgeSource.REGION}
    deps = json.loads((tmp_path / "deps.json").read_text())
    assert {edge["source"] for edge in deps["edges"]} == {"tensormap"}


def test_a_records_file_of_the_older_name_is_read_too(capture: Path) -> None:
    edit(capture / RECORDS, lambda d: d.pop("chip_swimlane_level"))
    older = (capture / RECORDS).rename(capture / "l2_swimlane_records.json")
    assert is_capture(capture)
    assert len(read_capture(capture).slices) == len(read_capture(older).slices) == 32


def test_without_an_origin_the_smallest_tick_is_zero(capture: Path) -> None:
    edit(capture / RECORDS, lambda d: d["metadata"].pop("time_origin_ticks"))
    trace = read_capture(capture)
    assert min(trace.slices["dispatch_ps"].min(), trace.phases["start_ps"].min()) == 0


def test_without_deps_the_rows_still_make_tasks(capture: Path) -> None:
    (capture / "deps.json").unlink()
    trace = read_capture(capture)
    assert trace.info.parameters["missing_parts"] == [
        "deps.json: kernels, block counts and edges are unknown"
    ]
    shapes = {task.task_id: (task.name, task.core_type, task.block_num) for task in trace.tasks}
    assert shapes[18] == ("task", "mix", 4)
    assert shapes[11] == ("task", "aic", 5)
    assert 12 not in shapes  # the dummy ran on no core


def test_without_a_name_map_kernels_have_numbers(capture: Path) -> None:
    (capture / "name_map_npusim.json").unlink()
    trace = read_capture(capture)
    assert trace.tasks[1].name == "func_1"
    assert trace.info.kernel == "demo"
    assert trace.info.parameters["missing_parts"] == ["name map: kernels are called func_<id>"]


def test_rows_without_scheduler_times_are_kept_on_demand(capture: Path) -> None:
    edit(capture / RECORDS, lambda d: d["aicpu_tasks"].pop())
    with pytest.raises(
        FileFormatError, match=r"aicore_tasks\[31\].reg_task_id is 3; expected a row"
    ):
        read_capture(capture)
    trace = read_capture(capture, is_repairing=True)
    assert np.count_nonzero(trace.slices["dispatch_ps"] == -1) == 1
    assert trace.info.parameters["missing_parts"] == ["aicpu_tasks: 1 rows without dispatch time"]
    repair = "scheduler times missing: rows kept without them (1)"
    assert trace.info.parameters["repairs"] == [repair]


def test_five_column_rows_have_no_receive_time(capture: Path) -> None:
    edit(capture / RECORDS, lambda d: [row.pop() for row in d["aicore_tasks"]])
    assert set(read_capture(capture).slices["receive_ps"]) == {-1}


def test_hidden_allocations_have_a_submit_but_no_task(capture: Path) -> None:
    alloc = {"submit_idx": 99, "task_id": 999, "start_cycles": 5 * 10**9, "end_cycles": 5 * 10**9}
    edit(capture / RECORDS, lambda d: d["aicpu_orchestrator_phases"][0].append(alloc))
    edge = {"pred": "999", "succ": "10", "arg": 0, "source": "creator"}
    edit(capture / "deps.json", lambda d: d["edges"].append(edge))
    trace = read_capture(capture)
    assert 999 not in {task.task_id for task in trace.tasks}
    assert trace.phases["task"][trace.phases["kind"] == PhaseKind.SUBMIT][-1] == -1
    assert trace.info.parameters["missing_parts"] == ["hidden allocations: 1 edges left out"]


def test_kinds_without_a_phase_are_counted(capture: Path) -> None:
    counts = {"loop_iter": 1, "tasks_processed": 0}
    record = {"kind": "async_poll", "start_cycles": 1, "end_cycles": 2} | counts
    edit(capture / RECORDS, lambda d: d["aicpu_scheduler_phases"][0].append(record))
    missing = read_capture(capture).info.parameters["missing_parts"]
    assert missing == ["async_poll: 1 scheduler records left out"]


def test_one_dummy_record_can_name_several_dummies(capture: Path) -> None:
    def split(document: dict[str, Any]) -> None:
        stream = document["aicpu_scheduler_phases"][0]
        marker = next(p for p in stream if p["kind"] == "dummy_task")
        dummy = next(p for p in stream if p["kind"] == "dummy")
        tick = dummy["start_cycles"] + 1
        stream.append(marker | {"task_id": 10, "start_cycles": tick, "end_cycles": tick})

    edit(capture / RECORDS, split)
    trace = read_capture(capture)
    rows = trace.phases[trace.phases["kind"] == PhaseKind.DUMMY]
    assert [trace.tasks[task].task_id for task in rows["task"]] == [10, 12]
    assert rows["end_ps"][0] == rows["start_ps"][1]


def test_a_dummy_marker_on_its_own_is_a_phase_of_no_length(capture: Path) -> None:
    def free(document: dict[str, Any]) -> None:
        streams = document["aicpu_scheduler_phases"]
        streams[0] = [p for p in streams[0] if p["kind"] != "dummy"]

    edit(capture / RECORDS, free)
    phases = read_capture(capture).phases
    dummy = phases[phases["kind"] == PhaseKind.DUMMY]
    assert len(dummy) == 1
    assert dummy["start_ps"][0] == dummy["end_ps"][0]


def test_is_capture(capture: Path, tmp_path: Path) -> None:
    assert is_capture(capture)
    assert is_capture(capture / RECORDS)
    assert not is_capture(capture / "deps.json")
    assert not is_capture(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert not is_capture(tmp_path / "empty")


def set_at(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


def end_before_start(document: dict[str, Any]) -> None:
    row = document["aicore_tasks"][4]
    row[4] = row[3] - 1


def same_key(document: dict[str, Any]) -> None:
    document["aicore_tasks"][1][2] = document["aicore_tasks"][0][2]


def overlap(document: dict[str, Any]) -> None:
    first, second = document["aicore_tasks"][:2]
    first[4] = second[3] + 1
    for row in document["aicpu_tasks"]:
        row[3] = 10**11


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_at("aicore_tasks", 2, 0, value=6), r"aicore_tasks\[2\].core_id is 6; .* from 0 to 5"),
        (set_at("aicore_tasks", 2, 3, value=0), r"aicore_tasks\[2\].start is 0; expected an int"),
        (set_at("aicore_tasks", 2, 3, value=1.5), r"aicore_tasks\[2\].start is 1.5; expected an"),
        (set_at("aicore_tasks", 2, 3, value="7"), r"aicore_tasks\[2\].start is '7'; expected an"),
        (set_at("aicore_tasks", 2, 4, value=-3), r"aicore_tasks\[2\].end is -3; expected an int"),
        (set_at("aicore_tasks", 2, 4, value=1 << 70), r"aicore_tasks\[2\].end is 11805"),
        (set_at("aicore_tasks", 2, 2, value=1 << 40), r"aicore_tasks\[2\].reg_task_id is 10995"),
        (set_at("aicore_tasks", 2, 5, value=1 << 40), r"aicore_tasks\[2\].receive_to_start is 1"),
        (set_at("aicore_tasks", 2, value=[1, 2]), r"aicore_tasks\[2\] is \[1, 2\]; expected 6 val"),
        (set_at("aicore_tasks", 2, value=[1] * 7), r"aicore_tasks\[2\] is \[1, 1.*expected 6 val"),
        (set_at("aicore_tasks", value={}), r"aicore_tasks is {}; expected a list"),
        (end_before_start, r"aicore_tasks\[4\].end is \d+; expected no less than start"),
        (same_key, r"aicore_tasks\[1\].reg_task_id is 0; expected a key not used on its core yet"),
        (
            set_at("aicpu_tasks", 3, 1, value=77),
            r"aicpu_tasks\[3\].reg_task_id is 77; expected the",
        ),
        (
            set_at("aicpu_tasks", 0, 2, value=10**11),
            r"aicore_tasks\[0\].dispatch is 1\d+; expected",
        ),
        (set_at("aicpu_tasks", 0, 3, value=1), r"aicore_tasks\[0\].finish is 1; expected no less"),
        (overlap, r"aicore_tasks\[1\].start is \d+; expected no kernel to start before the last"),
        (set_at("chip_swimlane_level", value=9), r"chip_swimlane_level is 9; expected an int from"),
        (set_at("chip_swimlane_level", value=3), r"l2_swimlane_level is 4; expected the 3 of chip"),
        (set_at("metadata", value=[]), r"metadata is \[\]; expected an object"),
        (set_at("metadata", "core_types", 1, value="gpu"), r"metadata.core_types\[1\] is 'gpu'"),
        (set_at("metadata", "core_to_thread", value=[0]), r"metadata.core_to_thread is \[0\]; exp"),
        (set_at("metadata", "core_to_thread", 0, value=-2), r"metadata.core_to_thread\[0\] is -2"),
        (set_at("metadata", "clock_freq_hz", value=0), r"metadata.clock_freq_hz is 0; expected an"),
        (set_at("metadata", "clock_freq_hz", value=1500), r"metadata.clock_freq_hz is 1500; expec"),
        (set_at("metadata", "time_origin_ticks", value=10**12), r"metadata.time_origin_ticks is 1"),
        (set_at("metadata", "kernel", value=3), r"metadata.kernel is 3; expected a string"),
        (
            set_at("scheduler_records", value={}),
            r"scheduler_records is 'present'; expected no aicpu",
        ),
        (
            set_at("aicpu_scheduler_phases", 0, 1, "kind", value="tea"),
            r"aicpu_scheduler_phases\[0\]\[1\].kind is 'tea'; expected one of async_poll, complete",
        ),
        (
            set_at("aicpu_scheduler_phases", 0, 1, "end_cycles", value=1),
            r"aicpu_scheduler_phases\[0\]\[1\].end_cycles is 1; expected no less than start",
        ),
        (
            set_at("aicpu_scheduler_phases", 0, 1, "shared_at_end", value=[0, 0]),
            r"aicpu_scheduler_phases\[0\]\[1\].shared_at_end is \[0, 0\]; expected three",
        ),
        (set_at("aicpu_scheduler_phases", 0, value=4), r"aicpu_scheduler_phases\[0\] is 4; expect"),
        (
            set_at("aicpu_orchestrator_phases", 0, 0, "task_id", value="r1t2"),
            r"aicpu_orchestrator_phases\[0\]\[0\].task_id is 'r1t2'; expected an id",
        ),
        (
            set_at("aicpu_orchestrator_phases", 0, 0, value=4),
            r"aicpu_orchestrator_phases\[0\]\[0\] is 4; expected an object",
        ),
    ],
)
def test_corrupt_records_are_refused(
    capture: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    edit(capture / RECORDS, change)
    with pytest.raises(FileFormatError, match=rf"^{capture / RECORDS}: {message}"):
        read_capture(capture)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_at("tasks", 1, "task_id", value="10"), r"tasks\[1\].task_id is 10; expected an id th"),
        (set_at("tasks", 1, "kernel_ids", value=[1]), r"tasks\[1\].kernel_ids is \[1\]; expected"),
        (set_at("tasks", 1, "block_num", value=0), r"tasks\[1\].block_num is 0; expected an int"),
        (set_at("tasks", 1, "early_dispatch", value=1), r"tasks\[1\].early_dispatch is 1; expect"),
        (set_at("edges", 0, "succ", value="10"), r"edges\[0\].succ is 10; expected another task"),
        (set_at("edges", 0, "succ", value="77"), r"edges\[0\].succ is 77; expected the id of a"),
        (set_at("edges", 0, "source", value="luck"), r"edges\[0\].source is 'luck'; expected one"),
        (set_at("edges", 0, "pred", value=-1), r"edges\[0\].pred is -1; expected an id of at"),
    ],
)
def test_corrupt_dependencies_are_refused(
    capture: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    edit(capture / "deps.json", change)
    with pytest.raises(FileFormatError, match=rf"^{capture / 'deps.json'}: {message}"):
        read_capture(capture)


def test_corrupt_name_maps_are_refused(capture: Path) -> None:
    path = capture / "name_map_npusim.json"
    edit(path, set_at("callable_id_to_name", value={"x": "y"}))
    with pytest.raises(FileFormatError, match=rf"^{path}: callable_id_to_name is 'x'; expected"):
        read_capture(capture)
    (capture / "name_map_old.json").write_text("{}")
    with pytest.raises(
        FileFormatError, match=r"^.*: name_map\*.json is 'name_map_npusim.json, name_map_old"
    ):
        read_capture(capture)


@pytest.mark.parametrize("content", ["", "{", '{"chip_swimlane_level": NaN}', "\x00", "[" * 10**5])
def test_what_is_no_json_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / RECORDS).write_text(content)
    with pytest.raises(FileFormatError, match=rf"^{tmp_path / RECORDS}: not JSON \("):
        read_capture(tmp_path)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"^.*: no capture in this directory; expected one "):
        read_capture(tmp_path)
    with pytest.raises(FileFormatError, match=r"^.*none.json: no such file; expected a JSON"):
        read_capture(tmp_path / "none.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(FileFormatError, match=r"^.*list.json: cores is 'without tasks'; expected"):
        read_capture(tmp_path / "list.json")
    (tmp_path / "package.json").write_text('{"name": "x"}')
    with pytest.raises(FileFormatError, match=r"^.*package.json: not a swimlane records file"):
        read_capture(tmp_path / "package.json")


def test_the_outputs_of_a_run_are_found_below_it(capture: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "run" / "dfx_outputs"
    outputs.mkdir(parents=True)
    for name in (RECORDS, "deps.json", "name_map_npusim.json"):
        (capture / name).rename(outputs / name)
    assert len(read_capture(tmp_path / "run").slices) == 32


def test_several_ranks_are_named(capture: Path, tmp_path: Path) -> None:
    for rank in (0, 1):
        folder = tmp_path / "run" / "dfx_outputs" / f"rank{rank}" / "d0"
        folder.mkdir(parents=True)
        (folder / RECORDS).write_bytes((capture / RECORDS).read_bytes())
    ranks = "dfx_outputs/rank0/d0, dfx_outputs/rank1/d0"
    with pytest.raises(FileFormatError, match=rf"^.*: holds the captures {ranks}; expected one"):
        read_capture(tmp_path / "run")
    assert len(read_capture(folder).slices) == 32


def test_several_merged_traces_are_named(tmp_path: Path) -> None:
    for name in ("merged_swimlane.json", "merged_swimlane_2.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(
        FileFormatError, match=r"holds merged_swimlane.json, merged_swimlane_2.json"
    ):
        read_capture(tmp_path)

"""One run in every layout: what each of them can hold comes back, and the rest is named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_formats_chip_run import ChipRun, chip_program

from npusim.errors import FileFormatError, UsageError
from npusim.formats import Layout, read_capture, write_capture
from npusim.formats.layout import CHIPS_BY_COUNTER_MHZ
from npusim.hardware import list_chips, load_chip
from npusim.trace import PhaseKind, Trace
from tests.capture_builder import edit, write_layout

TICK_PS = 20_000
RECEIVE = ("receive_ps",)
TIMES = ("start_ps", "end_ps", "dispatch_ps", "finish_ps")


def sorted_slices(trace: Trace) -> Any:
    return np.sort(trace.slices, order=["task", "block", "slot", "lane"])


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_every_layout_and_level_comes_back(tmp_path: Path, layout: Layout, level: int) -> None:
    written = ChipRun().build()
    write_layout(tmp_path, written, chip_program(), layout, level)
    read = read_capture(tmp_path)
    assert read.info.parameters["layout"] == layout
    assert read.info.swimlane_level == level
    assert read.info.counter_mhz == 50
    assert [(t.task_id, t.name, t.core_type, t.block_num, t.is_dummy) for t in read.tasks] == [
        (t.task_id, t.name, t.core_type, t.block_num, t.is_dummy) for t in written.tasks
    ]
    assert read.edges.tolist() == written.edges.tolist()
    ours, theirs = sorted_slices(written), sorted_slices(read)
    keys = ["lane", "task", "slot"]
    if layout not in (Layout.P, Layout.A):  # whose files have no place for the block of a row
        keys.append("block")
    elif level == 1:
        ours, theirs = (np.sort(one, order=["lane", "start_ps"]) for one in (ours, theirs))
    assert ours[keys].tolist() == theirs[keys].tolist()
    has_receive = layout in (Layout.C, Layout.D, Layout.E)
    for time in TIMES[: 2 if level == 1 else 4]:
        lost = ours[time] - theirs[time]
        assert 0 <= lost.min() <= lost.max() < TICK_PS
    assert (theirs["receive_ps"] == -1).all() == (not has_receive)
    if level >= 3:
        kinds = sorted(read.phases["kind"].tolist())
        expected = written.phases["kind"]
        if level == 3:
            expected = expected[expected != PhaseKind.SUBMIT]
        assert kinds == sorted(expected.tolist())
    counted = read.phases[read.phases["kind"] == PhaseKind.COMPLETE]
    assert counted["count"].sum() == (len(written.slices) if level >= 3 else 0)
    submits = [task.submit_end_ps for task in read.tasks]
    assert (min(submits) >= 0) == (level == 4)


def test_what_a_level_lacks_is_named(tmp_path: Path) -> None:
    for level in (1, 2, 3):
        write_capture(tmp_path / str(level), ChipRun().build(), None, level=level)
    missing = [
        read_capture(tmp_path / str(level)).info.parameters["missing_parts"] for level in (1, 2, 3)
    ]
    assert missing[0] == [
        "no dispatch times below level 2: waits inferred from end to start",
        "no scheduler phases below level 3: no scheduler lanes",
        "no submits below level 4: submit times are unknown",
    ]
    assert missing[1] == missing[0][1:]
    assert missing[2] == missing[0][2:]


def test_the_oldest_layout_has_its_edges_in_the_rows(tmp_path: Path) -> None:
    write_layout(tmp_path, ChipRun().build(), None, Layout.P, 2)
    (tmp_path / "deps.json").unlink()
    read = read_capture(tmp_path)
    pairs = {
        (read.tasks[pred].task_id, read.tasks[succ].task_id)
        for pred, succ, _ in read.edges.tolist()
    }
    # Those of the dummy (12) have no row to stand in.
    assert pairs == {(10, 11), (13, 15), (13, 19), (14, 16), (15, 17), (16, 17), (17, 18), (18, 19)}
    assert (
        "deps.json: dummies are unknown, edges are those of fanout"
        in (read.info.parameters["missing_parts"])
    )


def test_six_sub_steps_are_one_submit(tmp_path: Path) -> None:
    records = write_layout(tmp_path, ChipRun().build(), None, Layout.P, 4)

    def split(document: dict[str, Any]) -> None:
        (stream,) = document["aicpu_orchestrator_phases"]
        whole = stream[0]
        middle = (whole["start_time_us"] + whole["end_time_us"]) / 2
        first = whole | {"phase": "orch_alloc", "end_time_us": middle}
        stream[:1] = [first, whole | {"phase": "orch_params", "start_time_us": middle}]

    expected = read_capture(tmp_path).phases
    edit(records, split)
    np.testing.assert_array_equal(read_capture(tmp_path).phases, expected)


def test_streams_say_what_the_recorder_dropped(tmp_path: Path) -> None:
    records = write_layout(tmp_path, ChipRun().build(), None, Layout.E, 3)

    def drop(document: dict[str, Any]) -> None:
        document["scheduler_records"]["streams"][1]["capture"] |= {"dropped": 3, "truncated": True}

    edit(records, drop)
    missing = read_capture(tmp_path).info.parameters["missing_parts"]
    assert "scheduler_records.streams[1]: the recorder dropped 3 records" in missing
    assert "scheduler_records.streams[1]: the recorder cut the stream off" in missing


def test_the_newest_layout_must_name_its_runtime(tmp_path: Path) -> None:
    records = write_layout(tmp_path, ChipRun().build(), None, Layout.E, 2)
    edit(records, lambda d: d["metadata"].update(runtime="magic"))
    with pytest.raises(FileFormatError, match=r"metadata.runtime is 'magic'; expected one of tens"):
        read_capture(tmp_path)


def test_rows_of_two_epochs_may_share_a_register(tmp_path: Path) -> None:
    records = write_layout(tmp_path, ChipRun().build(), None, Layout.E, 2)

    def renumber(document: dict[str, Any]) -> None:
        for rows in (document["aicore_tasks"], document["scheduler_tasks"]["records"]):
            own = [row for row in rows if row[0] == 0]
            own[1][-1] = 8
            own[1][2 if len(own[1]) == 7 else 1] = 0

    edit(records, renumber)
    assert len(read_capture(tmp_path).slices) == 32


def test_layouts_that_are_only_read_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^write_capture: layout is a; expected one of b, c, d"):
        write_capture(tmp_path, ChipRun().build(), None, level=1, layout=Layout.A)


def test_older_layouts_have_one_level_key_and_their_own_file(tmp_path: Path) -> None:
    for layout, width in ((Layout.B, 5), (Layout.C, 6)):
        directory = tmp_path / layout
        write_capture(directory, ChipRun().build(), None, level=1, layout=layout)
        document = json.loads((directory / "l2_swimlane_records.json").read_text())
        assert document["l2_swimlane_level"] == 1
        assert "chip_swimlane_level" not in document
        assert {len(row) for row in document["aicore_tasks"]} == {width}


def test_a_dummy_without_a_name_is_read_as_before_july(tmp_path: Path) -> None:
    records = write_layout(tmp_path, ChipRun().build(), None, Layout.C, 3)

    def forget(document: dict[str, Any]) -> None:
        for stream in document["aicpu_scheduler_phases"]:
            for record in stream:
                if record["kind"] == "dummy_task":
                    del record["task_id"]

    edit(records, forget)
    missing = read_capture(tmp_path).info.parameters["missing_parts"]
    assert "dummy_task: 1 records do not say which dummy" in missing


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update(core_type="gpu"), r"tasks\[3\].core_type is 'gpu'; expected aic or"),
        (
            lambda t: t.update(start_time_us=1e13),
            r"tasks\[3\].start_time_us is 1000.*; expected a f",
        ),
        (lambda t: t.update(start_time_us=-1), r"tasks\[3\].start_time_us is -1; expected a time"),
        (lambda t: t.update(end_time_us="x"), r"tasks\[3\].end_time_us is 'x'; expected a finite"),
        (lambda t: t.update(end_time_us=0), r"tasks\[3\].end is 0; expected no less than start"),
        (lambda t: t.update(core_id=1 << 20), r"tasks\[3\].core_id is 1048576; expected an int"),
        (lambda t: t.update(fanout=["r1"]), r"tasks\[3\].fanout is 'r1'; expected an id of at"),
        (lambda t: t.pop("finish_time_us"), r"tasks\[3\].finish_time_us is None; expected a fin"),
        (
            lambda t: t.update(core_type="aic"),
            r"tasks\[\d+\].core_type is 'aic'; expected aiv, as core",
        ),
    ],
)
def test_corrupt_joined_records_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    records = write_layout(tmp_path, ChipRun().build(), None, Layout.P, 2)
    edit(records, lambda d: change(d["tasks"][3]))
    with pytest.raises(FileFormatError, match=rf"^{records}: {message}"):
        read_capture(tmp_path)


def test_the_counters_are_those_of_the_chip_files() -> None:
    """``formats`` may not read the chip files, so it has their rates once more, and only there."""
    own = {load_chip(name).clock.counter_mhz: name for name in list_chips()}
    assert own == CHIPS_BY_COUNTER_MHZ

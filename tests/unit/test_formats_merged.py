"""Merged traces: the files in ``merged_files`` are what upstream's converter of that date makes.

They were made from the synthetic run of ``test_formats_chip_run`` (simpler at cee40ddbd, 063e1cdf1,
83728d2f3 and 6ebaf7715), so what comes back can be compared with what went in.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_formats_chip_run import ChipRun

from npusim.errors import FileFormatError
from npusim.formats import is_capture, read_capture, write_capture
from npusim.trace import PhaseKind, Trace
from tests.capture_builder import edit

FILES = Path(__file__).parent / "merged_files"
TICK_PS = 20_000


def unpack(name: str, directory: Path) -> Path:
    path = directory / "merged_swimlane.json"
    path.write_bytes(gzip.decompress((FILES / f"{name}.json.gz").read_bytes()))
    return path


def rows(trace: Trace, *times: str) -> list[tuple[Any, ...]]:
    """Slices by lane and start, with their times from the first start on, in ticks rounded."""
    origin = trace.slices["start_ps"].min()
    order = np.lexsort((trace.slices["start_ps"], trace.slices["lane"]))
    return [
        (
            trace.lanes[row["lane"]].name,
            trace.tasks[row["task"]].task_id,
            *((int(row[f"{time}_ps"]) - int(origin)) / TICK_PS for time in times),
        )
        for row in trace.slices[order]
    ]


@pytest.mark.parametrize(
    ("name", "level", "times"),
    [
        ("2026-05-31_level2", 2, ("start", "end", "dispatch", "finish")),
        ("2026-06-04_level4", 4, ("start", "end", "dispatch", "finish")),
        ("2026-06-22_level4", 4, ("start", "end", "dispatch", "finish")),
        ("2026-08-22_level1", 1, ("start", "end")),
        ("2026-08-22_level4", 4, ("start", "end", "dispatch", "finish")),
    ],
)
def test_a_merged_trace_alone_is_a_capture(
    tmp_path: Path, name: str, level: int, times: tuple[str, ...]
) -> None:
    path = unpack(name, tmp_path)
    assert is_capture(tmp_path)
    assert is_capture(path)
    written, read = ChipRun().build(), read_capture(tmp_path)
    assert read.info.swimlane_level == level
    assert (read.info.counter_mhz, read.info.chip) == (50, "a2a3")
    ours, theirs = rows(written, *times), rows(read, *times)
    assert [row[:2] for row in ours] == [row[:2] for row in theirs]
    np.testing.assert_allclose([r[2:] for r in ours], [r[2:] for r in theirs], atol=2)
    names = {task.task_id: task.name for task in written.tasks}
    kernels = [task for task in read.tasks if not task.is_dummy]
    assert {task.task_id: task.name for task in kernels} == {
        key: name for key, name in names.items() if key != 12
    }
    types = {task.task_id: task.core_type for task in written.tasks}
    assert all(task.core_type == types[task.task_id] for task in kernels)
    assert (read.slices["receive_ps"] >= 0).all() == (name >= "2026-06-22")
    pairs = {(read.tasks[p].task_id, read.tasks[s].task_id) for p, s, _ in read.edges.tolist()}
    assert pairs >= {(10, 11), (13, 15), (14, 16), (15, 17), (16, 17), (17, 18), (18, 19)}
    assert any("edges are those of the arrows" in m for m in read.info.parameters["missing_parts"])


def test_phases_and_submits_of_a_merged_trace(tmp_path: Path) -> None:
    unpack("2026-08-22_level4", tmp_path)
    written, read = ChipRun().build(), read_capture(tmp_path)
    assert read.info.kernel == "demo"
    for kind in (PhaseKind.COMPLETE, PhaseKind.DISPATCH, PhaseKind.RESOLVE, PhaseKind.SUBMIT):
        ours, theirs = (t.phases[t.phases["kind"] == kind] for t in (written, read))
        assert len(ours) == len(theirs)
        assert ours["count"].sum() == theirs["count"].sum() or kind is PhaseKind.SUBMIT
    dummy = read.phases[read.phases["kind"] == PhaseKind.DUMMY]
    assert [read.tasks[task].task_id for task in dummy["task"]] == [12]


def test_the_dependency_file_beside_it_wins(tmp_path: Path) -> None:
    unpack("2026-08-22_level4", tmp_path)
    task = {"task_id": "18", "kernel_ids": [8, 9, 9], "block_num": 4, "early_dispatch": True}
    document = {"tasks": [task], "edges": [{"pred": "10", "succ": "18"}]}
    (tmp_path / "deps.json").write_text(json.dumps(document))
    read = read_capture(tmp_path)
    by_id = {task.task_id: task for task in read.tasks}
    assert by_id[18].has_early_dispatch
    assert by_id[18].block_num == 4
    assert len(read.edges) == 1


def test_raw_records_win_over_a_merged_trace(tmp_path: Path) -> None:
    unpack("2026-08-22_level1", tmp_path)
    write_capture(tmp_path, ChipRun().build(), None, level=2)
    assert read_capture(tmp_path).info.parameters["layout"] == "d"


def bar(document: dict[str, Any], position: int = 0) -> dict[str, Any]:
    bars = [e for e in document["traceEvents"] if e["ph"] == "X" and "taskId" in e["args"]]
    return bars[position]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(traceEvents={}), r"traceEvents is {}; expected a list"),
        (lambda d: d.update(traceEvents=[1]), r"traceEvents\[0\] is 1; expected an object"),
        (lambda d: d.update(traceEvents=[]), r"traceEvents.process_name is \[\]; expected a pr"),
        (
            lambda d: d.update(traceEvents=[e for e in d["traceEvents"] if e["ph"] != "X"]),
            r"traceEvents is 'without bars of tasks'; expected at least one",
        ),
        (lambda d: bar(d).update(ts="x"), r"traceEvents\[\d+\].ts is 'x'; expected a finite time"),
        (lambda d: bar(d).update(ts=-5), r"traceEvents\[\d+\].ts is -5; expected a time of at l"),
        (lambda d: bar(d).update(dur=-1), r"traceEvents\[\d+\].ts is [\d.]+; expected a time of"),
        (lambda d: bar(d).update(tid=77), r"traceEvents\[\d+\].tid is 77; expected a thread tha"),
        (
            lambda d: bar(d)["args"].update(taskId=-4),
            r"traceEvents\[\d+\].taskId is -4; expected an id of at least 0",
        ),
        (
            lambda d: bar(d, 1).update(ts=bar(d, 0)["ts"], tid=bar(d, 0)["tid"]),
            r"traceEvents\[\d+\].(start|receive) is \d+; expected no",
        ),
    ],
)
def test_corrupt_merged_traces_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    path = unpack("2026-08-22_level1", tmp_path)
    edit(path, change)
    with pytest.raises(FileFormatError, match=rf"^{path}: {message}"):
        read_capture(path)


def test_a_task_that_its_predicate_skipped(tmp_path: Path) -> None:
    """The converter draws it on the lane of the thread that looked at the predicate."""
    path = unpack("2026-08-22_level4", tmp_path)

    def skip(document: dict[str, Any]) -> None:
        events = document["traceEvents"]
        marker = next(e for e in events if e.get("args", {}).get("phase") == "dummy_task")
        del marker["args"]["phase"]
        marker["args"]["predicated_pass"] = False
        marker["name"] = f"gate(t{marker['args']['task_id']})"

    edit(path, skip)
    trace = read_capture(path)
    (skipped,) = [task for task in trace.tasks if task.is_predicated]
    assert (skipped.task_id, skipped.name, skipped.is_dummy) == (12, "gate", True)
    served = trace.phases[trace.phases["task"] == trace.tasks.index(skipped)]
    assert PhaseKind.DUMMY in served["kind"]

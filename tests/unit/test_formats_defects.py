"""Every planted defect is refused by name, and repaired only when asked.

The defects are those that the ecosystem's acceptance lint knows (FORMATS.md §9), planted into a
capture that is otherwise accepted. ``WHERE`` is a record as the message names it.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_formats_chip_run import ChipRun, chip_program

from npusim.analysis import bubble_table, with_waits
from npusim.errors import FileFormatError
from npusim.formats import read_capture, write_capture

RECORDS, DEPS, NAMES = "chip_swimlane_records.json", "deps.json", "name_map_npusim.json"

Documents = dict[str, Any]
Change = Callable[[Documents], Any]


def drop_key(name: str, *path: Any) -> Change:
    def change(documents: Documents) -> None:
        value = documents[name]
        for step in path[:-1]:
            value = value[step]
        del value[path[-1]]

    return change


def put(name: str, *path: Any, to: Any) -> Change:
    def change(documents: Documents) -> None:
        value = documents[name]
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = to

    return change


def record_of(documents: Documents, kind: str) -> dict[str, Any]:
    streams = documents[RECORDS]["aicpu_scheduler_phases"]
    return next(p for stream in streams for p in stream if p["kind"] == kind)


def without_dummy_marker(documents: Documents) -> None:
    streams = documents[RECORDS]["aicpu_scheduler_phases"]
    streams[0] = [p for p in streams[0] if p["kind"] != "dummy_task"]


def received_early(documents: Documents) -> None:
    first, second = documents[RECORDS]["aicore_tasks"][:2]
    second[5] = second[3] - first[4] + 1
    documents[RECORDS]["aicpu_tasks"][1][2] = second[3] - second[5]


def consumer_first(documents: Documents) -> None:
    documents[DEPS]["edges"][0] |= {"pred": "19", "succ": "10"}


def cycle(documents: Documents) -> None:
    # Between tasks without rows, where no time could give it away.
    dummies = [
        {"task_id": str(i), "kernel_ids": [-1, -1, -1], "block_num": 1, "args": []}
        for i in (900, 901)
    ]
    documents[DEPS]["tasks"] += dummies
    pairs = (("900", "901"), ("901", "900"))
    documents[DEPS]["edges"] += [{"pred": p, "succ": s, "source": "explicit"} for p, s in pairs]
    records = documents[RECORDS]
    marker = record_of(documents, "dummy_task")
    records["aicpu_scheduler_phases"][0] += [marker | {"task_id": i} for i in (900, 901)]
    (submits,) = records["aicpu_orchestrator_phases"]
    last = submits[-1]
    submits += [
        {"submit_idx": i, "task_id": i, "start_cycles": last["end_cycles"] + i - 900}
        | {"end_cycles": last["end_cycles"] + i - 900}
        for i in (900, 901)
    ]


def overlapping_phases(documents: Documents) -> None:
    stream = documents[RECORDS]["aicpu_scheduler_phases"][0]
    first, second, *_ = (p for p in stream if p["kind"] == "dispatch")
    second["start_cycles"] = first["start_cycles"]


def in_rows(index: int, column: int, value: Any) -> Change:
    return put(RECORDS, "aicore_tasks", index, column, to=value)


def in_submits(index: int, key: str, value: Any) -> Change:
    return put(RECORDS, "aicpu_orchestrator_phases", 0, index, key, to=value)


DEFECTS: dict[str, tuple[Change, str]] = {
    "level 0": (put(RECORDS, "chip_swimlane_level", to=0), r"chip_swimlane_level is 0"),
    "level 5": (put(RECORDS, "chip_swimlane_level", to=5), r"chip_swimlane_level is 5"),
    "no clock": (drop_key(RECORDS, "metadata", "clock_freq_hz"), r"metadata.clock_freq_hz is None"),
    "clock 0": (put(RECORDS, "metadata", "clock_freq_hz", to=0), r"metadata.clock_freq_hz is 0"),
    "core type": (put(RECORDS, "metadata", "core_types", 2, to="gpu"), r"metadata.core_types\[2\]"),
    "no core types": (drop_key(RECORDS, "metadata", "core_types"), r"metadata.core_types is None"),
    "core count": (put(RECORDS, "metadata", "num_cores", to=7), r"metadata.num_cores is 7"),
    "no core count": (drop_key(RECORDS, "metadata", "num_cores"), r"metadata.num_cores is None"),
    "no rows": (put(RECORDS, "aicore_tasks", to=[]), r"aicore_tasks is \[\]"),
    "row width": (put(RECORDS, "aicore_tasks", 3, to=[1, 2, 3]), r"aicore_tasks\[3\] is \[1, 2, 3"),
    "row float": (in_rows(3, 3, 4.5), r"aicore_tasks\[3\].start is 4.5"),
    "row text": (in_rows(3, 3, "4"), r"aicore_tasks\[3\].start is '4'"),
    "core id": (in_rows(3, 0, 99), r"aicore_tasks\[3\].core_id is 99"),
    "join key twice": (in_rows(1, 2, 0), r"aicore_tasks\[1\].reg_task_id is 0"),
    "start 0": (in_rows(3, 3, 0), r"aicore_tasks\[3\].start is 0"),
    "end before start": (in_rows(3, 4, 1), r"aicore_tasks\[3\].end is 1"),
    "receive too early": (in_rows(3, 5, 1 << 40), r"aicore_tasks\[3\].receive_to_start is 1099"),
    "received during another": (received_early, r"aicore_tasks\[1\].receive is \d+"),
    "no scheduler row": (
        lambda d: d[RECORDS]["aicpu_tasks"].pop(),
        r"aicore_tasks\[31\].reg_task_id is 3",
    ),
    "scheduler row of nothing": (
        put(RECORDS, "aicpu_tasks", 3, 1, to=77),
        r"aicpu_tasks\[3\].reg_task_id is 77",
    ),
    "scheduler row twice": (
        lambda d: d[RECORDS]["aicpu_tasks"].append(d[RECORDS]["aicpu_tasks"][3]),
        r"aicpu_tasks\[32\].reg_task_id is \d",
    ),
    "dispatch 0": (
        put(RECORDS, "aicpu_tasks", 0, 2, to=0),
        r"aicore_tasks\[0\].reg_task_id is 0; expected a row .* above 0",
    ),
    "dispatch late": (put(RECORDS, "aicpu_tasks", 0, 2, to=10**11), r"aicore_tasks\[0\].dispatch"),
    "finish 0": (
        put(RECORDS, "aicpu_tasks", 0, 3, to=0),
        r"aicore_tasks\[0\].reg_task_id is 0; expected a row .* above 0",
    ),
    "finish early": (put(RECORDS, "aicpu_tasks", 0, 3, to=1), r"aicore_tasks\[0\].finish is 1"),
    "no phases": (drop_key(RECORDS, "aicpu_scheduler_phases"), r"aicpu_scheduler_phases"),
    "no threads": (
        drop_key(RECORDS, "metadata", "core_to_thread"),
        r"metadata.core_to_thread is None",
    ),
    "thread": (
        put(RECORDS, "metadata", "core_to_thread", 1, to=9),
        r"metadata.core_to_thread\[1\]",
    ),
    "phase kind": (
        lambda d: record_of(d, "complete").update(kind="tea"),
        r"aicpu_scheduler_phases\[\d\]\[\d+\].kind is 'tea'",
    ),
    "phase without turn": (
        lambda d: record_of(d, "complete").pop("loop_iter"),
        r"aicpu_scheduler_phases\[\d\]\[\d+\].loop_iter is None",
    ),
    "no pop counts": (
        lambda d: record_of(d, "dispatch").pop("pop_hit"),
        r"aicpu_scheduler_phases\[\d\]\[\d+\].pop_hit is None",
    ),
    "phase backwards": (
        lambda d: record_of(d, "dispatch").update(end_cycles=1),
        r"aicpu_scheduler_phases\[\d\]\[\d+\].end_cycles is 1",
    ),
    "marker without task": (
        lambda d: record_of(d, "dummy_task").pop("task_id"),
        r"aicpu_scheduler_phases\[\d\]\[\d+\].task_id is None",
    ),
    "queue depths": (
        lambda d: record_of(d, "dispatch").update(shared_at_end=[1, 2]),
        r"aicpu_scheduler_phases\[\d\]\[\d+\].shared_at_end is \[1, 2\]",
    ),
    "phases overlap": (overlapping_phases, r"aicpu_scheduler_phases\[0\]\[\d+\].start is \d+"),
    "never a turn": (
        lambda d: [p.update(loop_iter=0) for s in d[RECORDS]["aicpu_scheduler_phases"] for p in s],
        r"aicpu_scheduler_phases.loop_iter is 0",
    ),
    "completions": (
        lambda d: record_of(d, "complete").update(tasks_processed=9),
        r"aicpu_scheduler_phases.tasks_processed is \d+; expected .* 32",
    ),
    "no submits": (drop_key(RECORDS, "aicpu_orchestrator_phases"), r"aicpu_orchestrator_phases"),
    "submit backwards": (
        in_submits(2, "end_cycles", 5),
        r"aicpu_orchestrator_phases\[0\]\[2\].end_cycles is 5",
    ),
    "submitted twice": (
        in_submits(2, "task_id", 11),
        r"aicpu_orchestrator_phases\[0\]\[2\].task_id is 11",
    ),
    "submit order": (
        in_submits(2, "submit_idx", 0),
        r"aicpu_orchestrator_phases\[0\]\[2\].submit_idx is 0",
    ),
    "never submitted": (
        lambda d: d[RECORDS]["aicpu_orchestrator_phases"][0].pop(),
        r"aicore_tasks\[\d+\].task_token_raw is 19",
    ),
    "task twice": (put(DEPS, "tasks", 1, "task_id", to="10"), r"tasks\[1\].task_id is 10"),
    "no kernels": (drop_key(DEPS, "tasks", 1, "kernel_ids"), r"tasks\[1\].kernel_ids is None"),
    "kernels": (put(DEPS, "tasks", 1, "kernel_ids", to=[1]), r"tasks\[1\].kernel_ids is \[1\]"),
    "no blocks": (drop_key(DEPS, "tasks", 1, "block_num"), r"tasks\[1\].block_num is None"),
    "blocks 0": (put(DEPS, "tasks", 1, "block_num", to=0), r"tasks\[1\].block_num is 0"),
    "wrong blocks": (put(DEPS, "tasks", 1, "block_num", to=4), r"tasks\[1\].block_num is 4"),
    "early text": (put(DEPS, "tasks", 1, "early_dispatch", to="no"), r"tasks\[1\].early_dispatch"),
    "edge to itself": (put(DEPS, "edges", 0, "succ", to="10"), r"edges\[0\].succ is 10"),
    "edge end text": (put(DEPS, "edges", 0, "succ", to="r1t1"), r"edges\[0\].succ is 'r1t1'"),
    "edge of nobody": (put(DEPS, "edges", 0, "pred", to="77"), r"edges\[0\].pred is 77"),
    "no tasks": (put(DEPS, "tasks", to=[]), r"tasks is \[\]"),
    "unknown task ran": (
        lambda d: d[DEPS]["tasks"].pop(),
        r"aicore_tasks\[\d+\].task_token_raw is 19; expected the id of a task in deps.json",
    ),
    "dummy without marker": (without_dummy_marker, r"tasks\[2\].task_id is 12; expected a dummy"),
    "cycle": (cycle, r"edges\[\d+\].succ is 900; expected a task that task 901 does not depend"),
    "consumer first": (consumer_first, r"edges\[0\].succ is 10; expected a task that starts after"),
    "name missing": (
        drop_key(NAMES, "callable_id_to_name", "3"),
        r"tasks\[3\].kernel_ids is \[3\]; expected callables with a name in name_map_npusim",
    ),
    "name map level": (put(NAMES, "level", to=1), r"level is 1"),
    "host and device submit": (
        put(RECORDS, "metadata", "orchestrator_source", to="host"),
        r"metadata.orchestrator_source is 'host'",
    ),
}
BEYOND_REPAIR = {
    "level 0",
    "level 5",
    "no clock",
    "clock 0",
    "core type",
    "no core types",
    "no rows",
    "no threads",
    "host and device submit",
}
"""Where nothing that is left would be a capture."""


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    write_capture(tmp_path, ChipRun().build(), chip_program(), level=4)
    path = tmp_path / RECORDS
    document = json.loads(path.read_text())
    del document["l2_swimlane_level"]  # so that defects of the level are not two
    path.write_text(json.dumps(document))
    return tmp_path


def plant(capture: Path, change: Change) -> None:
    documents = {name: json.loads((capture / name).read_text()) for name in (RECORDS, DEPS, NAMES)}
    change(documents)
    for name, document in documents.items():
        (capture / name).write_text(json.dumps(document))


def test_the_capture_without_a_defect_is_read(capture: Path) -> None:
    assert read_capture(capture).info.parameters["missing_parts"] == []


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_refused_by_name(capture: Path, defect: str) -> None:
    change, where = DEFECTS[defect]
    plant(capture, change)
    with pytest.raises(FileFormatError, match=rf"^{capture}/\w+.json: {where}"):
        read_capture(capture)


@pytest.mark.parametrize("defect", sorted(set(DEFECTS) - BEYOND_REPAIR))
def test_a_planted_defect_is_repaired_on_demand(capture: Path, defect: str) -> None:
    plant(capture, DEFECTS[defect][0])
    trace = read_capture(capture, is_repairing=True)
    assert trace.info.parameters["repairs"]
    assert bubble_table(with_waits(trace)).rows


@pytest.mark.parametrize("defect", sorted(BEYOND_REPAIR))
def test_what_cannot_be_repaired_is_refused_all_the_same(capture: Path, defect: str) -> None:
    plant(capture, DEFECTS[defect][0])
    with pytest.raises(FileFormatError):
        read_capture(capture, is_repairing=True)


@pytest.mark.parametrize(
    ("level", "name", "value"),
    [(1, "aicpu_tasks", [[0, 0, 1, 9]]), (2, "aicpu_scheduler_phases", [[{}]])],
)
def test_a_level_has_no_more_than_its_streams(
    tmp_path: Path, level: int, name: str, value: Any
) -> None:
    write_capture(tmp_path, ChipRun().build(), None, level=level)
    plant(tmp_path, put(RECORDS, name, to=value))
    with pytest.raises(FileFormatError, match=rf"^.*: {name} is 'of level .*'; expected none at"):
        read_capture(tmp_path)
    assert len(read_capture(tmp_path, is_repairing=True).slices) == 32


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"metadata":', '"metadata":{},"metadata":', r"not JSON \(key 'metadata' twice in one obj"),
        ('"num_cores":6', '"num_cores":NaN', r"not JSON \(NaN is no JSON number\)"),
        ("]]}", "]]", r"not JSON \(Expecting"),
    ],
)
def test_broken_json_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    write_capture(tmp_path, ChipRun().build(), None, level=2)
    path = tmp_path / RECORDS
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    for is_repairing in (False, True):
        with pytest.raises(FileFormatError, match=rf"^{path}: {message}"):
            read_capture(tmp_path, is_repairing=is_repairing)


def test_ids_as_numbers_and_unknown_keys_are_no_defects(capture: Path) -> None:
    def change(documents: Documents) -> None:
        for task in documents[DEPS]["tasks"]:
            task["task_id"] = int(task["task_id"])
        documents[RECORDS]["metadata"]["baseline"] = {"any": "thing"}
        documents[RECORDS]["note"] = [1, 2]

    plant(capture, change)
    assert len(read_capture(capture).slices) == 32

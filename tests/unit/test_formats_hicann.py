import json
from pathlib import Path
from typing import Any

import pytest
from test_formats_chip_run import ChipRun

from npusim.errors import FileFormatError
from npusim.formats import read_capture, write_hicann
from tests.capture_builder import edit

RECORDS, TOPOLOGY = "tilefwk_L1_prof_data.json", "topo.json"


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    write_hicann(tmp_path, ChipRun().build())
    return tmp_path


def test_what_was_written_is_read(profile: Path) -> None:
    written, read = ChipRun().build(), read_capture(profile)
    assert read.info.parameters["layout"] == "hicann"
    assert read.info.counter_mhz == 50
    assert len(read.slices) == len(read.tasks) == len(written.slices)
    names = [written.tasks[task].name for task in written.slices["task"]]
    assert sorted(task.name for task in read.tasks) == sorted(names)
    lost = written.makespan_ps - read.makespan_ps
    assert abs(lost) < 2 * 20_000
    missing = read.info.parameters["missing_parts"]
    assert "no dispatch times below level 2: waits inferred from end to start" in missing


def test_every_kernel_waits_for_the_last_one_of_its_predecessor(profile: Path) -> None:
    written, read = ChipRun().build(), read_capture(profile)
    # q_proj (5 kernels) follows rms_norm; both qk_matmul follow q_proj through the dummy.
    q_proj = [i for i, task in enumerate(read.tasks) if task.name == "q_proj"]
    preds = {p for p, s, _ in read.edges.tolist() if s in q_proj}
    assert len(preds) == 1
    ends = {int(row["task"]): int(row["end_ps"]) for row in read.slices}
    rms_norm = [i for i, task in enumerate(read.tasks) if task.name == "rms_norm"]
    assert ends[preds.pop()] == max(ends[i] for i in rms_norm)
    qk = [i for i, task in enumerate(read.tasks) if task.name == "qk_matmul"]
    assert {read.tasks[p].name for p, s, _ in read.edges.tolist() if s in qk} == {"q_proj"}
    assert len(written.tasks) == 10


def test_the_table_of_a_device_is_read_too(profile: Path) -> None:
    entries = json.loads((profile / TOPOLOGY).read_text())
    (profile / TOPOLOGY).unlink()
    lines = ["seqNo,taskId,rootIndex,rootHash,opmagic,leafIndex,funcHash,coreType,psgId,wrapId,n"]
    for entry in entries:
        cells = [0, entry["taskId"], 0, 1, 2, 0, 3, 0, entry["psgId"], -1, 0, *entry["successors"]]
        lines.append(",".join(str(cell) for cell in cells))
    expected = read_capture_edges(profile, entries)
    (profile / "dyn_topo.txt").write_text("\n".join(lines) + "\n")
    read = read_capture(profile)
    assert {tuple(edge)[:2] for edge in read.edges.tolist()} == expected
    assert {task.name for task in read.tasks} >= {"psg_0", "psg_1"}


def read_capture_edges(profile: Path, entries: list[dict[str, Any]]) -> set[tuple[int, int]]:
    read = read_capture(profile)
    index = {task.task_id: i for i, task in enumerate(read.tasks)}
    return {(index[e["taskId"]], index[s]) for e in entries for s in e["successors"]}


def test_a_dependency_through_a_task_that_ran_nowhere_holds(profile: Path) -> None:
    entries = json.loads((profile / TOPOLOGY).read_text())
    first, second = entries[0]["taskId"], entries[-1]["taskId"]
    for entry in entries:
        entry["successors"] = []
    entries[0]["successors"] = [7777]
    entries.append({"taskId": 7777, "successors": [second], "psgId": -1})
    (profile / TOPOLOGY).write_text(json.dumps(entries))
    read = read_capture(profile)
    ids = [(read.tasks[p].task_id, read.tasks[s].task_id) for p, s, _ in read.edges.tolist()]
    assert ids == [(first, second)]


def test_without_a_topology_edges_and_names_are_missing(profile: Path) -> None:
    (profile / TOPOLOGY).unlink()
    edit_cores(profile, lambda cores: cores[0].pop("clockFreqMhz"))
    missing = read_capture(profile).info.parameters["missing_parts"]
    assert "topology file: edges and names are unknown" in missing
    assert "counter rate: not in the files, taken as 50 MHz" in missing


def edit_cores(profile: Path, change: Any) -> None:
    edit(profile / RECORDS, change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[1].update(coreType="GPU_1"), r"cores\[1\].coreType is 'GPU_1'; expected a n"),
        (lambda c: c[1].update(blockIdx=0), r"cores\[1\].blockIdx is 0; expected a core that was"),
        (lambda c: c[1].update(tasks=3), r"cores\[1\].tasks is 3; expected a list"),
        (
            lambda c: c[1]["tasks"][0].update(execEnd=1),
            r"cores\[1\].tasks\[0\].execEnd is 1; expected an int of at least",
        ),
        (
            lambda c: c[1]["tasks"][0].update(taskId=c[0]["tasks"][0]["taskId"]),
            r"tasks.taskId is \d+; expected an identity .* used once",
        ),
        (lambda c: c.clear(), r"cores is 'without tasks'; expected at least one task"),
        (lambda c: c[0].update(clockFreqMhz=0), r"cores\[0\].clockFreqMhz is 0; expected an int"),
    ],
)
def test_corrupt_profiles_are_refused(profile: Path, change: Any, message: str) -> None:
    edit_cores(profile, change)
    with pytest.raises(FileFormatError, match=rf"^{profile / RECORDS}: {message}"):
        read_capture(profile)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", r"the document is {}; expected a list"),
        ('[{"taskId": 1}]', r"\[0\].successors is None; expected a list"),
        ('[{"taskId": 1, "successors": ["x"]}]', r"\[0\].successors is 'x'; expected an id"),
        (
            '[{"taskId": 1, "successors": []}, {"taskId": 1, "successors": []}]',
            r"\[1\].taskId is 1; expected a task that was not listed before",
        ),
        (
            '[{"taskId": 1, "successors": [2]}, {"taskId": 2, "successors": [1]}]',
            r"edges\[\d\].succ is \d; expected a task that",
        ),
    ],
)
def test_corrupt_topologies_are_refused(profile: Path, text: str, message: str) -> None:
    (profile / TOPOLOGY).write_text(text)
    with pytest.raises(FileFormatError, match=rf"^{profile}/\w+.json: {message}"):
        read_capture(profile)


def test_several_topologies_are_refused(profile: Path) -> None:
    (profile / "dyn_topo.txt").write_text("")
    with pytest.raises(FileFormatError, match=r"topo\* is 'dyn_topo.txt, topo.json'; expected one"):
        read_capture(profile)


def test_the_same_run_gives_the_same_bytes(profile: Path, tmp_path: Path) -> None:
    write_hicann(tmp_path / "again", ChipRun().build())
    for name in (RECORDS, TOPOLOGY):
        assert (profile / name).read_bytes() == (tmp_path / "again" / name).read_bytes()

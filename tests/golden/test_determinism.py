"""Same input, two processes with different hash seeds: the same bytes in every file."""

import json

import pytest

from npusim.api import save_run
from tests.golden.runs import SCALE_KERNEL, scale_run, start_npusim, tree_bytes

pytestmark = pytest.mark.golden

RUN_FILES = {
    "bubbles.csv",
    "dfx_outputs/chip_swimlane_records.json",
    "dfx_outputs/deps.json",
    "dfx_outputs/name_map_npusim.json",
    "perfetto.json",
    "program.npz",
    "summary.json",
    "swimlane.png",
    "trace.npz",
}


def run_twice(tmp_path, arguments):
    processes = []
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        processes.append(start_npusim(arguments, tmp_path / seed, PYTHONHASHSEED=seed))
    printed = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    first, second = (tree_bytes(tmp_path / seed) for seed in ("1", "2"))
    assert first == second
    assert printed[0] == printed[1]
    return first, printed[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["prefill_sparse_attn", "--variant", "after", "--compress-ratio", "4"],
        [str(SCALE_KERNEL), "--deps", "exact", "-p", "a5"],
    ],
    ids=["reference kernel", "scale on a5"],
)
def test_a_run_is_the_same_in_every_process(tmp_path, arguments):
    files, printed = run_twice(tmp_path, ["run", *arguments, "-o", "out", "--json"])
    assert {name.removeprefix("out/") for name in files} == RUN_FILES
    assert json.loads(printed) == json.loads(files["out/summary.json"])
    assert json.loads(printed)["verified"] is True


def test_a_comparison_is_the_same_in_every_process(tmp_path):
    for name in ("a", "b"):
        save_run(scale_run(), tmp_path / name, has_picture=False)
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    files, _ = run_twice(tmp_path, ["compare", a, b, "-o", "out", "--json"])
    assert len(files) == 8

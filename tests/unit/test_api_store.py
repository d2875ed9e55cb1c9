"""Run directories: what is in them, and reading them back."""

import gzip
import json
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest

import npusim.api.store
from npusim.analysis import compare
from npusim.api import (
    ExportFormat,
    RunRequest,
    export_run,
    load_kernel,
    load_run_trace,
    run_kernel,
    save_run,
)
from npusim.api.comparison import save_comparison
from npusim.api.evidence import load_evidence
from npusim.errors import FileFormatError, OutputError
from npusim.program import load_program, save_program
from tests.golden.leaks import assert_no_leaks
from tests.golden.runs import SCALE_KERNEL, reference_run, scale_run, tree_bytes


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored") / "run"
    save_run(scale_run(), folder, has_picture=False)
    return folder


def assert_same_trace(one, other):
    assert (one.info, one.lanes, one.tasks) == (other.info, other.lanes, other.tasks)
    for name in ("slices", "waits", "phases", "edges"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_run_loads_back_without_loss(stored):
    assert_same_trace(load_run_trace(stored), scale_run().trace)
    assert_same_trace(load_run_trace(stored / "trace.npz"), scale_run().trace)


def test_the_recording_of_a_run_simulates_to_the_same_trace(stored):
    program = load_program(stored / "program.npz")
    trace = npusim.api.simulate_program(program, RunRequest())
    assert_no_leaks(program, trace)
    assert_same_trace(trace, scale_run().trace)


def test_the_capture_of_a_run_is_read_as_a_device_capture(stored):
    trace = load_run_trace(stored / "dfx_outputs")
    assert trace.info.source == "captured"
    assert len(trace.slices) == len(scale_run().trace.slices)
    assert load_run_trace(stored / "dfx_outputs" / "chip_swimlane_records.json").info == trace.info


def test_a_run_without_its_trace_is_read_from_its_capture(stored, tmp_path):
    (tmp_path / "dfx_outputs").mkdir()
    for path in (stored / "dfx_outputs").iterdir():
        (tmp_path / "dfx_outputs" / path.name).write_bytes(path.read_bytes())
    assert load_run_trace(tmp_path).info.source == "captured"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda program: {"kernel": "other"},
            r"program.npz: does not belong to trace.npz beside it: is of other with (\d+) tasks; "
            r"expected one of scale with \1 tasks; run the kernel again",
        ),
        (
            lambda program: {"tasks": program.tasks[:-1]},
            r"is of scale with \d+ tasks; expected one of scale with \d+ tasks",
        ),
        (
            lambda program: {
                "tasks": (
                    *program.tasks[:-1],
                    replace(program.tasks[-1], name="late"),
                )
            },
            r"task \d+ is late with \d+ blocks; expected \w+ with \d+; run",
        ),
    ],
)
def test_a_recording_of_another_run_is_refused(stored, tmp_path, change, message):
    run = tmp_path / "run"
    shutil.copytree(stored, run)
    program = load_program(run / "program.npz")
    save_program(replace(program, **change(program)), run / "program.npz")
    with pytest.raises(FileFormatError, match=message):
        load_evidence(run)
    with pytest.raises(FileFormatError, match=message):
        export_run(run, tmp_path / "out", ExportFormat.CAPTURE)
    assert load_evidence(run, has_recording=False).program is None


def test_writing_twice_gives_the_same_bytes(stored, tmp_path):
    save_run(scale_run(), tmp_path / "again", has_picture=False)
    assert tree_bytes(tmp_path / "again") == tree_bytes(stored)


def test_the_summary_file_is_the_summary(stored):
    assert json.loads((stored / "summary.json").read_text()) == scale_run().summary()


def test_level_0_leaves_no_capture(tmp_path):
    run = run_kernel(load_kernel(str(SCALE_KERNEL)).case("right"), RunRequest(swimlane_level=0))
    save_run(run, tmp_path / "run", has_picture=False)
    assert not (tmp_path / "run" / "dfx_outputs").exists()


def test_a_run_replaces_an_earlier_one(tmp_path):
    save_run(scale_run(), tmp_path / "run", has_picture=False)
    run = run_kernel(load_kernel(str(SCALE_KERNEL)).case("right"), RunRequest(swimlane_level=0))
    save_run(run, tmp_path / "run", has_picture=False)
    assert not (tmp_path / "run" / "dfx_outputs").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    "error", [RuntimeError("defect"), KeyboardInterrupt(), OSError(28, "full")]
)
def test_a_picture_that_fails_leaves_no_half_run(tmp_path, monkeypatch, error):
    def fail(*_args):
        raise error

    monkeypatch.setattr(npusim.api.store, "save_figure", fail)
    expected = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        save_run(scale_run(), tmp_path / "deep" / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_not_written_over_other_files(tmp_path):
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(OutputError, match=r"holds files but no .*, so it is not a run; expected"):
        save_run(scale_run(), tmp_path)
    assert (tmp_path / "summary.json").read_text() == "{}"


def test_a_comparison_is_written_whole(tmp_path, stored):
    trace = load_run_trace(stored)
    found = compare(trace, trace)
    save_comparison(trace, trace, found, tmp_path / "compared")
    assert sorted(path.name for path in (tmp_path / "compared").iterdir()) == [
        "compare.json",
        "compare.png",
        "compare_edges.csv",
        "compare_path.csv",
        "compare_reasons.csv",
        "compare_scopes.csv",
        "compare_tasks.csv",
        "compare_totals.csv",
    ]
    with pytest.raises(OutputError, match=r"holds .*, which is not part of a comparison; expected"):
        save_comparison(trace, trace, found, stored)


def test_a_missing_run_says_so(tmp_path):
    with pytest.raises(
        FileFormatError, match=r"^.*/nope: no such file or directory; expected a run"
    ):
        load_run_trace(tmp_path / "nope")


def test_a_folder_of_something_else_says_what_was_expected(tmp_path):
    with pytest.raises(
        FileFormatError, match=r"^.*: neither a run nor a capture; expected a direct"
    ):
        load_run_trace(tmp_path)


def cut(path):
    path.write_bytes(path.read_bytes()[:-200])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def empty(path):
    path.write_bytes(b"")


def foreign_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "not a trace")


def other_kind(path):
    path.write_bytes((path.parent / "program.npz").read_bytes())


def compressed_text(path):
    path.write_bytes(gzip.compress(b"hello"))


@pytest.mark.parametrize("damage", [cut, flip, empty, foreign_zip, other_kind, compressed_text])
def test_a_damaged_trace_is_refused(stored, tmp_path, damage):
    for name in ("summary.json", "program.npz", "trace.npz"):
        (tmp_path / name).write_bytes((stored / name).read_bytes())
    damage(tmp_path / "trace.npz")
    with pytest.raises(
        FileFormatError, match=r"^.*trace\.npz: .*; (write it again|expected)|^.*holds"
    ):
        load_run_trace(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"chip_swimlane_level": 4}', "NaN", "\0"])
def test_a_damaged_capture_is_refused(tmp_path, text):
    (tmp_path / "chip_swimlane_records.json").write_text(text)
    with pytest.raises(FileFormatError, match=r"^.*chip_swimlane_records\.json: .*; "):
        load_run_trace(tmp_path)


def test_the_reference_kernel_fits_in_a_few_megabytes(tmp_path):
    save_run(reference_run("after"), tmp_path / "run", has_picture=False)
    total = sum(len(content) for content in tree_bytes(tmp_path / "run").values())
    assert total < 6_000_000

"""A capture becomes a run, and a run becomes the files of other tools."""

import json
from pathlib import Path

import numpy as np
import pytest
from test_formats_chip_run import ChipRun, chip_program

from npusim.analysis import bubble_table, compare, stage_table
from npusim.analysis.hand_over import hand_over_table
from npusim.api import ExportFormat, ImportRequest, export_run, import_capture, load_run_trace
from npusim.api.store import load_run_program
from npusim.errors import FileFormatError, OutputError, UsageError
from npusim.formats import Layout, write_capture
from npusim.trace import Trace
from tests.capture_builder import edit

TRACES = Path(__file__).parents[2] / "traces"


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    write_capture(tmp_path / "capture", ChipRun().build(), chip_program(), level=4)
    return tmp_path / "capture"


def test_a_run_of_a_capture_has_all_but_the_recording(capture: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    trace = import_capture(capture, run)
    assert sorted(path.name for path in run.iterdir()) == [
        "bubbles.csv",
        "dfx_outputs",
        "perfetto.json",
        "summary.json",
        "swimlane.png",
        "trace.npz",
    ]
    for name in ("chip_swimlane_records.json", "deps.json", "name_map_npusim.json"):
        assert (run / "dfx_outputs" / name).read_bytes() == (capture / name).read_bytes()
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["source"], summary["cause_from"]) == ("captured", "inferred")
    assert (summary["layout"], summary["missing_parts"], summary["repairs"]) == ("d", [], [])
    again = load_run_trace(run)
    assert len(again.waits) == len(trace.waits) > 0
    assert bubble_table(again) == bubble_table(load_run_trace(capture))
    assert compare(again, load_run_trace(capture)).to_json()["makespan_us"]["delta"] == 0


def test_what_needs_a_recording_says_that_there_is_none(capture: Path, tmp_path: Path) -> None:
    import_capture(capture, tmp_path / "run", ImportRequest(has_picture=False))
    with pytest.raises(UsageError, match=r"has no program.npz, so it cannot be simulated again"):
        load_run_program(tmp_path / "run")


def test_an_import_replaces_an_earlier_run_only(capture: Path, tmp_path: Path) -> None:
    request = ImportRequest(has_picture=False)
    for _ in range(2):
        import_capture(capture, tmp_path / "run", request)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("")
    with pytest.raises(OutputError, match=r"other: holds notes.txt, which is not part of a run"):
        import_capture(capture, tmp_path / "other", request)


def test_an_import_never_replaces_what_it_reads(capture: Path, tmp_path: Path) -> None:
    request = ImportRequest(has_picture=False)
    with pytest.raises(OutputError, match=r"capture: is the capture itself; expected a directory"):
        import_capture(capture, capture, request)
    run = tmp_path / "run"
    import_capture(capture, run, request)
    with pytest.raises(OutputError, match=r"run: is the capture itself; .*; name another direc"):
        import_capture(run, tmp_path / "run" / ".." / "run", request)
    with pytest.raises(OutputError, match=r"run: holds the capture .*run/dfx_outputs; expected"):
        import_capture(run / "dfx_outputs", run, request)
    assert load_run_trace(run).info.source == "captured"


def test_an_import_never_replaces_a_recording(capture: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    import_capture(capture, run, ImportRequest(has_picture=False))
    (run / "program.npz").write_bytes(b"a recording")
    with pytest.raises(OutputError, match=r"run: holds program.npz, the recording of a run, which"):
        import_capture(capture, run, ImportRequest(has_picture=False))
    assert (run / "program.npz").read_bytes() == b"a recording"


def test_a_broken_capture_leaves_no_run_behind(capture: Path, tmp_path: Path) -> None:
    edit(capture / "deps.json", lambda d: d["tasks"][1].update(block_num=4))
    request = ImportRequest(has_picture=False)
    with pytest.raises(
        FileFormatError, match=r"tasks\[1\].block_num is 4; expected one that gives"
    ):
        import_capture(capture, tmp_path / "run", request)
    assert not (tmp_path / "run").exists()
    import_capture(capture, tmp_path / "run", ImportRequest(is_repairing=True, has_picture=False))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["repairs"] == ["block count wrong: kept as observed (1)"]


@pytest.mark.parametrize("layout", [Layout.B, Layout.C, Layout.D])
def test_a_capture_exported_again_is_the_same(
    capture: Path, tmp_path: Path, layout: Layout
) -> None:
    import_capture(capture, tmp_path / "run", ImportRequest(has_picture=False))
    export_run(tmp_path / "run", tmp_path / "out", ExportFormat.CAPTURE, layout=layout)
    first, second = load_run_trace(capture), load_run_trace(tmp_path / "out")
    assert second.info.swimlane_level == 4
    names = [name for name in first.slices.dtype.names if name != "receive_ps"]
    assert first.slices[names].tolist() == second.slices[names].tolist()
    assert first.tasks == second.tasks
    np.testing.assert_array_equal(first.phases, second.phases)


def test_the_exported_level_is_that_of_the_run(capture: Path, tmp_path: Path) -> None:
    write_capture(tmp_path / "low", ChipRun().build(), None, level=2)
    export_run(tmp_path / "low", tmp_path / "out", ExportFormat.CAPTURE)
    assert load_run_trace(tmp_path / "out").info.swimlane_level == 2
    export_run(tmp_path / "low", tmp_path / "out", ExportFormat.CAPTURE, level=1)
    assert load_run_trace(tmp_path / "out").info.swimlane_level == 1
    with pytest.raises(UsageError, match=r"level is 3 but the trace has no scheduler phases"):
        export_run(tmp_path / "low", tmp_path / "out", ExportFormat.CAPTURE, level=3)


@pytest.mark.parametrize("level", [1, 4])
def test_exported_tables_are_a_capture(tmp_path: Path, level: int) -> None:
    write_capture(tmp_path / "capture", ChipRun().build(), None, level=level)
    export_run(tmp_path / "capture", tmp_path / "csv", ExportFormat.CSV)
    first, second = load_run_trace(tmp_path / "capture"), load_run_trace(tmp_path / "csv")
    keys = ["start_ps", "lane", "end_ps", "dispatch_ps", "finish_ps"]
    assert np.sort(first.slices, order=keys)[keys].tolist() == (
        np.sort(second.slices, order=keys)[keys].tolist()
    )
    # The dummy has no row, so what followed it follows what it followed.
    ids = {(second.tasks[p].task_id, second.tasks[s].task_id) for p, s, _ in second.edges.tolist()}
    assert {(11, 13), (11, 14)} <= ids


@pytest.mark.parametrize("chip", [None, "a2a3"])
@pytest.mark.parametrize("export_format", [ExportFormat.CAPTURE, ExportFormat.HICANN])
@pytest.mark.parametrize("name", ["block_table", "moe_prologue"])
def test_a_capture_of_some_cores_survives_import_and_export(
    tmp_path: Path, name: str, export_format: ExportFormat, chip: str | None
) -> None:
    """Core ids of the first have gaps, those of the second begin at 1; files count from 0."""
    source = TRACES / name / f"{name}_tasks.csv"
    import_capture(source, tmp_path / "run", ImportRequest(chip=chip, has_picture=False))
    export_run(tmp_path / "run", tmp_path / "out", export_format)
    first, second = load_run_trace(tmp_path / "run"), load_run_trace(tmp_path / "out")
    assert _kernels(first) == _kernels(second)
    assert len(first.edges) == len(second.edges)
    if export_format is ExportFormat.CAPTURE:
        assert [lane.name for lane in first.lanes] == [lane.name for lane in second.lanes]
        assert len(first.phases) == len(second.phases)
        assert second.info.swimlane_level == first.info.swimlane_level
        keys = ["lane", "kind", "task"]
        assert np.sort(first.phases[keys]).tolist() == np.sort(second.phases[keys]).tolist()


SEVERAL_FILES = [ExportFormat.CSV, ExportFormat.HICANN, ExportFormat.CAPTURE]


@pytest.mark.parametrize("export_format", SEVERAL_FILES)
def test_an_export_replaces_an_earlier_one_only(
    capture: Path, tmp_path: Path, export_format: ExportFormat
) -> None:
    out = tmp_path / "out"
    export_run(capture, out, export_format)
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    export_run(capture, out, export_format)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    (out / "thesis.tex").write_text("mine")
    with pytest.raises(
        OutputError, match=r"out: holds thesis.tex, which is not part of a .* expor"
    ):
        export_run(capture, out, export_format)
    assert sorted(path.name for path in out.iterdir()) == sorted([*first, "thesis.tex"])
    with pytest.raises(OutputError, match=r": holds the run .*capture; expected another place"):
        export_run(capture, tmp_path, export_format)
    assert capture.is_dir()


def test_an_export_never_replaces_what_it_reads(capture: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in capture.iterdir()}
    with pytest.raises(OutputError, match=r"capture: is the run itself; expected another place"):
        export_run(capture, capture, ExportFormat.CAPTURE)
    assert {path.name: path.read_bytes() for path in capture.iterdir()} == before
    import_capture(capture, tmp_path / "run", ImportRequest(has_picture=False))
    trace = tmp_path / "run" / "trace.npz"
    content = trace.read_bytes()
    with pytest.raises(OutputError, match=r"trace.npz: is the run itself; .*; name another one"):
        export_run(trace, trace, ExportFormat.PERFETTO)
    with pytest.raises(OutputError, match=r"run: is the run itself"):
        export_run(tmp_path / "run", tmp_path / "run", ExportFormat.PERFETTO)
    assert trace.read_bytes() == content


def test_an_export_does_not_fill_the_current_directory(capture, tmp_path, monkeypatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(OutputError, match=r"^\.: is the current directory or above it"):
        export_run(capture, Path(), ExportFormat.CSV)
    assert not list((tmp_path / "empty").iterdir())


def _kernels(trace: Trace) -> list[tuple[str, str, int, int]]:
    begin_ps = trace.span_ps[0]
    return sorted(
        (
            trace.lanes[row["lane"]].name,
            trace.tasks[row["task"]].name,
            int(row["start_ps"]) - begin_ps,
            int(row["end_ps"]) - begin_ps,
        )
        for row in trace.slices
    )


def test_waits_of_a_capture_are_in_the_perfetto_file(capture: Path, tmp_path: Path) -> None:
    export_run(capture, tmp_path / "p.json", ExportFormat.PERFETTO)
    events = json.loads((tmp_path / "p.json").read_text())["traceEvents"]
    assert {e["name"] for e in events if e.get("cat") == "wait"} >= {"DEPENDENCY", "NO_WORK"}
    with pytest.raises(OutputError, match=r"is a directory; expected a file to write"):
        export_run(capture, tmp_path, ExportFormat.PERFETTO)


def test_the_delays_of_capture_a(tmp_path: Path) -> None:
    """CAPTURES.md §3, set A: every figure of the table."""
    import_capture(
        TRACES / "block_table" / "block_table_tasks.csv",
        tmp_path / "run",
        ImportRequest(chip="a2a3", has_picture=False),
    )
    rows = {
        row["quantity"]: row for row in hand_over_table(load_run_trace(tmp_path / "run")).to_json()
    }
    expected = {
        "dispatch_to_start": (32, 0.36, 0.64, 0.74, 1.00, 1.92),
        "end_to_seen": (32, 0.66, 1.78, 2.72, 6.14, 8.66),
        "seen_to_next_dispatch": (16, 1.08, 2.64, 2.94, 5.46, 11.92),
        "end_to_next_start": (16, 2.58, 4.94, 6.69, 11.36, 18.64),
    }
    for quantity, (count, *times) in expected.items():
        row = rows[quantity]
        found = [row[f"{name}_us"] for name in ("min", "p50", "mean", "p90", "max")]
        assert row["count"] == count
        assert found == pytest.approx(times, abs=0.005)


def test_the_second_wave_of_capture_a_is_not_blamed_on_a_predecessor(tmp_path: Path) -> None:
    run = tmp_path / "run"
    source = TRACES / "block_table" / "block_table_tasks.csv"
    import_capture(source, run, ImportRequest(chip="a2a3", has_picture=False))
    (row,) = [
        row
        for row in bubble_table(load_run_trace(run)).to_json()
        if row["core_type"] == "aic" and str(row["scope"]).startswith("paged_proj")
    ]
    assert row["dependency_us"] == 0


def test_the_stages_of_capture_b(tmp_path: Path) -> None:
    """CAPTURES.md §3, set B: every figure of the table."""
    source = TRACES / "moe_prologue" / "moe_prologue_tasks.csv"
    import_capture(source, tmp_path / "run", ImportRequest(has_picture=False))
    trace = load_run_trace(tmp_path / "run")
    assert trace.makespan_ps == 43_060_000
    rows = {row["stage"]: row for row in stage_table(trace).to_json()}
    expected = {
        "K2": (4, 7.29, 7.04, 7.50, None, 0.12, None),
        "K3": (10, 5.32, 4.74, 6.10, 7.70, 13.94, 6.24),
        "K8": (10, 9.89, 8.74, 10.86, 4.38, 16.20, 11.82),
        "K4": (2, 3.75, 3.56, 3.94, 21.50, 23.30, 1.80),
        "K5": (20, 3.00, 1.70, 4.40, 27.28, 28.62, 1.34),
        "K9": (16, 6.78, 4.58, 8.20, 27.54, 32.46, 4.92),
        "K6": (4, 4.35, 4.00, 4.66, 35.74, 38.26, 2.52),
    }
    names = ("mean", "min", "max", "preds_end", "first_start", "ready_to_first_start")
    for stage, (count, *times) in expected.items():
        row = rows[stage]
        assert row["kernels"] == count
        for name, time in zip(names, times, strict=True):
            value = row[f"{name}_us"]
            assert value is None if time is None else value == pytest.approx(time, abs=0.0051)

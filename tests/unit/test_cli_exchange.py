"""``npusim import`` and ``npusim export`` as a person types them."""

import json
from pathlib import Path

import pytest
from test_formats_chip_run import ChipRun, chip_program

from npusim.cli.main import run_command
from npusim.formats import write_capture
from tests.capture_builder import edit


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    write_capture(tmp_path / "capture", ChipRun().build(), chip_program(), level=2)
    return tmp_path / "capture"


def test_import_then_look(capture: Path, tmp_path: Path, capsys) -> None:
    run = str(tmp_path / "run")
    assert run_command(["import", str(capture), "-o", run, "--no-plot"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Bubbles by scope, demo basic on a2a3")
    assert "missing: no submits below level 4: submit times are unknown" in err
    for command in (["bubbles", run], ["compare", run, str(capture)], ["bubbles", run, "--stages"]):
        assert run_command(command) == 0
        assert capsys.readouterr().out
    assert run_command(["bubbles", run, "--delays", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["quantity"] == "dispatch_to_start"


def test_import_as_json_says_what_is_missing(capture: Path, tmp_path: Path, capsys) -> None:
    command = ["import", str(capture), "-o", str(tmp_path / "run"), "--no-plot", "--json"]
    assert run_command(command) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["missing_parts"][0] == "no scheduler phases below level 3: no scheduler lanes"


def test_import_repairs_only_when_asked(capture: Path, tmp_path: Path, capsys) -> None:
    edit(capture / "deps.json", lambda d: d["edges"][0].update(succ="10"))
    command = ["import", str(capture), "-o", str(tmp_path / "run"), "--no-plot"]
    assert run_command(command) == 2
    assert "edges[0].succ is 10; expected another task than pred" in capsys.readouterr().err
    assert run_command([*command, "--repair"]) == 0
    assert "repaired: edges: malformed, left out (1)" in capsys.readouterr().err


def test_import_of_nothing(tmp_path: Path, capsys) -> None:
    assert run_command(["import", str(tmp_path / "none"), "-o", str(tmp_path / "run")]) == 2
    assert "none: no such file" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("export_format", "files"),
    [
        ("csv", ["run_deps.csv", "run_tasks.csv"]),
        ("hicann", ["tilefwk_L1_prof_data.json", "topo.json"]),
        ("capture", ["chip_swimlane_records.json", "deps.json", "name_map_npusim.json"]),
    ],
)
def test_export_to_a_directory(
    capture: Path, tmp_path: Path, capsys, export_format: str, files: list[str]
) -> None:
    target = tmp_path / "out"
    command = ["export", str(capture), "--format", export_format, "-o", str(target)]
    assert run_command(command) == 0
    assert capsys.readouterr().out == f"{target}\n"
    assert sorted(path.name for path in target.iterdir()) == files


def test_export_has_a_name_for_the_output(capture: Path, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_command(["export", "capture"]) == 0
    assert capsys.readouterr().out == "perfetto.json\n"
    assert run_command(["export", "capture", "--format", "csv"]) == 0
    assert capsys.readouterr().out == "capture_csv\n"


def test_export_of_an_older_layout(capture: Path, tmp_path: Path, capsys) -> None:
    command = ["export", str(capture), "--format", "capture", "-o", str(tmp_path / "out")]
    assert run_command([*command, "--layout", "B", "--level", "1"]) == 0
    assert (tmp_path / "out" / "l2_swimlane_records.json").is_file()
    assert run_command([*command, "--layout", "a"]) == 2
    assert "--layout a: expected one of b, c, d" in capsys.readouterr().err
    assert run_command(["export", str(capture), "--layout", "c"]) == 2
    assert (
        "given with --format perfetto; expected them with capture only" in capsys.readouterr().err
    )


def test_one_table_at_a_time(capture: Path, capsys) -> None:
    assert run_command(["bubbles", str(capture), "--delays", "--stages"]) == 2
    assert "several given; expected one table; leave others out" in capsys.readouterr().err


def test_what_is_near_to_a_capture_is_refused_with_what_to_do(tmp_path, capsys):
    run, folder = tmp_path / "run", tmp_path / "folder"
    run.mkdir()
    (run / "trace.npz").touch()
    assert run_command(["import", str(run), "-o", str(tmp_path / "out")]) == 2
    assert f"{run}: is already a run; expected a capture; " in capsys.readouterr().err
    folder.mkdir()
    for name in ("a.csv", "b.csv", "deps_a.csv"):
        (folder / name).write_text("task\n")
    assert run_command(["import", str(folder), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "holds 2 captures under other names; expected one; name the file" in said
    assert said.endswith(f"for instance {folder / 'a.csv'}\n")

"""Scope statistics from the command line to the files, and from a capture back to files."""

import json
from pathlib import Path

import pytest

from npusim.api import load_run_trace
from npusim.cli.main import run_command
from npusim.formats import SCOPE_STATS_FILE
from npusim.formats.layout import RECORDS_FILES
from tests.golden.runs import SCALE_KERNEL

CAPTURE_DIR = "dfx_outputs"


def npusim(*arguments: object) -> None:
    assert run_command([str(argument) for argument in arguments]) == 0


def run_scale(directory: Path, *options: str) -> Path:
    """A run of the small kernel; returns its directory."""
    npusim("run", SCALE_KERNEL, "--no-plot", "--no-verify", "-o", directory, *options)
    return directory


def test_a_run_writes_them_where_asked_for(tmp_path: Path) -> None:
    plain, asked = run_scale(tmp_path / "a"), run_scale(tmp_path / "b", "--scope-stats")
    assert not (plain / CAPTURE_DIR / SCOPE_STATS_FILE).exists()
    head, first, *_ = (asked / CAPTURE_DIR / SCOPE_STATS_FILE).read_text().splitlines()
    assert json.loads(head)["total"] > 0
    assert json.loads(first)["phase"] == "begin"
    for name in ("summary.json", "bubbles.csv", f"{CAPTURE_DIR}/{RECORDS_FILES[0]}"):
        assert (plain / name).read_bytes() == (asked / name).read_bytes()
    events = json.loads((asked / "perfetto.json").read_text())["traceEvents"]
    assert {e["name"] for e in events if e["ph"] == "C"} >= {"ready queue", "ring 1 task slots"}


def test_they_need_no_swimlane(tmp_path: Path) -> None:
    run = run_scale(tmp_path / "run", "--scope-stats", "--swimlane-level", "0")
    files = [path for path in (run / CAPTURE_DIR).rglob("*") if path.is_file()]
    assert files == [run / CAPTURE_DIR / SCOPE_STATS_FILE]


def test_import_and_export_keep_them(tmp_path: Path) -> None:
    run = run_scale(tmp_path / "run", "--scope-stats")
    written = (run / CAPTURE_DIR / SCOPE_STATS_FILE).read_bytes()
    npusim("import", run / CAPTURE_DIR, "-o", tmp_path / "imported", "--no-plot")
    assert (tmp_path / "imported" / CAPTURE_DIR / SCOPE_STATS_FILE).read_bytes() == written
    for name in ("run", "imported"):
        npusim("export", tmp_path / name, "--format", "capture", "-o", tmp_path / f"of_{name}")
        assert (tmp_path / f"of_{name}" / SCOPE_STATS_FILE).read_bytes() == written
    assert load_run_trace(tmp_path / "of_run").rings.scopes


@pytest.mark.parametrize("policy", ["ideal", "serial_dispatcher", "host_build_graph"])
def test_a_policy_without_rings_has_none(policy: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", str(SCALE_KERNEL), "--scope-stats", "--policy", policy]
    assert run_command(arguments) == 2
    assert f"policy {policy}: has no rings that fill, so there are no" in capsys.readouterr().err

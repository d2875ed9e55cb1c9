"""``npusim report`` as a user runs it."""

import subprocess
import sys

import pytest

from npusim.api import save_run
from npusim.api.evidence import load_evidence
from npusim.api.report import report_run
from npusim.cli.main import run_command
from tests.golden.runs import scale_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "scale"
    save_run(scale_run(), folder, has_picture=False)
    return folder


def test_it_writes_one_page_and_prints_its_name(run, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert run_command(["report", str(run), str(run), "-o", str(page)]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{page}\n"
    assert captured.err == f"wrote {page}; open it in a browser, it needs no network\n"
    assert page.stat().st_size > 1_000_000


def test_a_run_knows_its_tensors_regions_and_needed_edges(run):
    found = report_run(load_evidence(run))
    assert found.name == "scale"
    lines = next(iter(found.arguments.values()))
    assert {line.partition(" ")[0] for line in lines} <= {"in", "out", "inout"}
    assert all("[" in line for line in lines)
    assert found.needed_edges is not None
    assert found.needed_edges.shape[1] == 2
    assert found.through is not None


def test_a_capture_has_neither_and_still_a_page(run, tmp_path, capsys):
    capture = run / "dfx_outputs"
    found = report_run(load_evidence(capture))
    assert (found.arguments, found.needed_edges, found.through) == ({}, None, None)
    page = tmp_path / "page.html"
    assert run_command(["report", str(capture), "-o", str(page)]) == 0
    assert page.is_file()
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "-o", "x.html"], "npusim: error: nowhere: no such file or directory; "),
        ([".", "-o", "x.html"], "npusim: error: .: neither a run nor a capture; expected"),
    ],
)
def test_what_is_no_run_is_refused_in_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert run_command(["report", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1


def test_another_suffix_is_refused(run, capsys):
    assert run_command(["report", str(run), "-o", "page.txt"]) == 2
    assert (
        "unknown report format '.txt'; expected a name ending in .html" in capsys.readouterr().err
    )


def test_other_commands_do_not_load_bokeh():
    """It takes half a second, which ``npusim kernels`` should not cost."""
    script = "import sys, npusim.cli.main; sys.exit('bokeh' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

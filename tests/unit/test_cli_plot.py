"""``npusim plot``: every picture, and what does not go together."""

import pytest

from npusim.api import save_run
from npusim.cli.main import run_command
from tests.golden.runs import scale_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "scale"
    save_run(scale_run(), folder, has_picture=False)
    return folder


@pytest.mark.parametrize(
    "options", [(), ("--waits",), ("--cores",), ("--critical-path",), ("--roofline",)]
)
def test_each_option_writes_its_picture(run, tmp_path, capsys, options):
    path = tmp_path / "picture.png"
    assert run_command(["plot", str(run), *options, "-o", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("options", [(), ("--cores",)])
def test_two_runs_go_into_one_picture(run, tmp_path, options):
    path = tmp_path / "picture.svg"
    assert run_command(["plot", str(run), str(run), *options, "-o", str(path)]) == 0
    assert path.stat().st_size


@pytest.mark.parametrize("option", ["--cores", "--critical-path", "--roofline"])
def test_pictures_are_the_same_bytes_every_time(run, tmp_path, option):
    paths = [tmp_path / name for name in ("one.svg", "two.svg")]
    for path in paths:
        assert run_command(["plot", str(run), option, "-o", str(path)]) == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "--waits", "--cores"], "--waits: given with --cores; expected one picture; "),
        (["a", "b", "--roofline"], "--roofline: given with two runs (a, b); expected one; "),
        (["a", "b", "--critical-path"], "--critical-path: given with two runs (a, b); "),
        (["a", "--task", "3"], "--task: given as 3 without --pipes; expected both; "),
    ],
)
def test_what_does_not_go_together_is_refused(capsys, arguments, message):
    assert run_command(["plot", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"npusim: error: {message}")


def test_a_capture_has_no_roofline(run, capsys):
    assert run_command(["plot", str(run / "dfx_outputs"), "--roofline"]) == 2
    assert "has no recording, and only that says what the tasks compute" in capsys.readouterr().err

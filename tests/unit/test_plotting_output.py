import os
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from npusim.errors import OutputError, UsageError
from npusim.plotting import compare_figure, save_figure, swimlane_figure, waits_figure
from tests.trace_builder import layered_trace

TRACE = layered_trace({"qk": "aic", "softmax": "aiv", "rope": "mix"}, blocks=6, aic=2, aiv=4)

SCRIPT = """
import sys
from npusim.plotting import save_figure, swimlane_figure
from tests.trace_builder import layered_trace
trace = layered_trace({"qk": "aic", "softmax": "aiv", "rope": "mix"}, blocks=6, aic=2, aiv=4)
for suffix in ("png", "svg", "pdf"):
    save_figure(swimlane_figure(trace), f"{sys.argv[1]}/other.{suffix}")
"""

MAGIC = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "PNG"])
def test_the_suffix_decides_the_format(tmp_path: Path, suffix: str) -> None:
    path = save_figure(Figure((1, 1)), tmp_path / f"figure.{suffix}")
    assert path.read_bytes().startswith(MAGIC[suffix.lower()])
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("draw", [swimlane_figure, waits_figure, lambda t: compare_figure(t, t)])
def test_drawing_twice_gives_the_same_bytes(tmp_path: Path, draw: object) -> None:
    assert callable(draw)
    first = save_figure(draw(TRACE), tmp_path / "first.svg")
    second = save_figure(draw(TRACE), tmp_path / "second.svg")
    assert first.read_bytes() == second.read_bytes()


def test_another_process_with_another_hash_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(root), "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", SCRIPT, tmp_path], env=environment, check=True)
    for suffix in MAGIC:
        here = save_figure(swimlane_figure(TRACE), tmp_path / f"here.{suffix}")
        assert here.read_bytes() == (tmp_path / f"other.{suffix}").read_bytes()


def test_resolution_scales_the_picture(tmp_path: Path) -> None:
    small = save_figure(swimlane_figure(TRACE), tmp_path / "small.png", dpi=40)
    large = save_figure(swimlane_figure(TRACE), tmp_path / "large.png", dpi=120)
    assert large.stat().st_size > small.stat().st_size


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^.*figure\.gif: unknown picture format '\.gif'; expect"):
        save_figure(Figure(), tmp_path / "figure.gif")


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        OutputError, match=r"^.*none/figure\.png: cannot write the picture, No such"
    ):
        save_figure(Figure(), tmp_path / "none" / "figure.png")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "figure.png"
    path.write_bytes(b"old")

    def fail(*_args: object, **_fields: object) -> None:
        raise OSError(28, "No space left on device")

    figure = Figure()
    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(OutputError, match=r"^.*cannot write the picture, No space left on device"):
        save_figure(figure, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_pyplot_is_never_loaded() -> None:
    code = "import sys, npusim.plotting; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

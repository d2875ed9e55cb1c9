"""What we write, judged by the ecosystem's own tools.

Set NPUSIM_SIMPLER to a checkout of hw-native-sys/simpler and NPUSIM_ACCEPT_TRACE to the script that
runs its tools on a capture and compares their counts with the records.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_formats_chip_run import ChipRun, chip_program

from npusim.formats import read_capture, write_capture

SIMPLER = os.environ.get("NPUSIM_SIMPLER")
SCRIPT = os.environ.get("NPUSIM_ACCEPT_TRACE")

pytestmark = pytest.mark.skipif(
    not (SIMPLER and SCRIPT),
    reason="NPUSIM_SIMPLER and NPUSIM_ACCEPT_TRACE do not name a checkout and the script",
)


def assert_accepted(capture: Path) -> None:
    assert SIMPLER
    assert SCRIPT
    run = subprocess.run(
        ["bash", SCRIPT, str(capture)],
        env=os.environ | {"UPSTREAM": SIMPLER, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("level", [1, 2, 3, 4])
@pytest.mark.parametrize("has_program", [True, False])
def test_upstream_accepts_a_capture(tmp_path: Path, level: int, has_program: bool) -> None:
    program = chip_program() if has_program else None
    write_capture(tmp_path, ChipRun().build(), program, level=level)
    assert_accepted(tmp_path)


@pytest.mark.parametrize("counter_mhz", [200, 1000])
def test_upstream_accepts_other_clocks(tmp_path: Path, counter_mhz: int) -> None:
    write_capture(tmp_path, ChipRun().build(counter_mhz), None, level=4)
    assert_accepted(tmp_path)


def test_upstream_accepts_what_we_read_and_wrote_again(tmp_path: Path) -> None:
    write_capture(tmp_path / "a", ChipRun().build(), chip_program(), level=4)
    write_capture(tmp_path / "b", read_capture(tmp_path / "a"), None, level=4)
    assert_accepted(tmp_path / "b")

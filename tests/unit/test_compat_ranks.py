"""Files that only have drivers of several ranks are known by their text."""

import pytest

from npusim.compat import CompatOptions, Reason, run_script
from npusim.compat.errors import MultiDeviceError
from npusim.compat.ranks import check_single_device
from npusim.compat.torch_bridge import has_torch

HEAD = """
import pypto.language as pl

@pl.jit.host(level=3)
def drive(x):
    pass

@pl.jit
def single(x):
    pass
"""


@pytest.fixture
def check(tmp_path):
    def run(tail: str) -> None:
        (tmp_path / "kernel.py").write_text(HEAD + tail)
        check_single_device(tmp_path / "kernel.py")

    return run


@pytest.mark.parametrize(
    "tail",
    [
        "run_jit(fn=drive)",
        "golden.run_jit(drive, [])",
        "run(program=drive)\nrun_jit(drive)",
        "entry = drive\nrun_jit(fn=entry)",
    ],
)
def test_a_file_of_drivers_is_refused(check, tail) -> None:
    with pytest.raises(MultiDeviceError, match=r"^drive is a pl.jit.host function: needs several"):
        check(tail)


@pytest.mark.parametrize(
    "tail",
    [
        "run_jit(fn=single)",
        "run_jit(fn=drive)\nrun_jit(fn=single)",
        "drive = single\nrun_jit(fn=drive)",
        "entry = drive\nentry = single\nrun_jit(fn=entry)",
        "for entry in (drive, single):\n    run_jit(fn=entry)",
        "entry = drive\nfor entry in ():\n    run_jit(fn=entry)",
        "run_jit(fn=make())",
        "subprocess.run(drive)",
        "run_jit()",
        "drive.compile()",
        "this is not Python",
    ],
)
def test_anything_else_is_left_to_the_harness(check, tail) -> None:
    check(tail)


@pytest.mark.skipif(not has_torch(), reason="kernel files need torch")
def test_a_file_of_drivers_makes_no_inputs(tmp_path) -> None:
    file = tmp_path / "kernel.py"
    file.write_text(HEAD + "raise ValueError('inputs made')\nrun_jit(fn=drive)\n")
    outcome = run_script(file, [], CompatOptions()).outcome
    assert outcome.reason is Reason.MULTI_DEVICE

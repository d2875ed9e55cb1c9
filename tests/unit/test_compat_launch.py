"""Kernels that a file launches itself, and drivers of several ranks."""

from pathlib import Path

import numpy as np
import pytest

import npusim.language as pl
from npusim.compat import CompatOptions, Reason, run_script
from npusim.compat.errors import MultiDeviceError
from npusim.compat.launch import SessionLauncher
from npusim.compat.session import Session
from npusim.compat.torch_bridge import has_torch
from npusim.errors import KernelError
from npusim.language.jit import launching

FILES = Path(__file__).parent / "compat_files"
needs_torch = pytest.mark.skipif(not has_torch(), reason="kernel files need torch")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYPTO_PROG_BUILD_DIR", raising=False)
    return tmp_path


def run(*arguments: str):
    return run_script(FILES / "jit_launch.py", arguments, CompatOptions())


@needs_torch
def test_a_file_may_compile_and_call_its_kernel(place) -> None:
    result = run()
    assert (result.exit_code, result.outcome.reason) == (0, Reason.PASSED)
    assert [(item.verified, item.figures["tasks"]) for item in result.records] == [(None, 2)] * 2
    assert all(item.figures["makespan_us"] > 0 for item in result.records)
    assert (result.records[0].directory / "dfx_outputs" / "deps.json").is_file()


@needs_torch
def test_lowering_runs_nothing(capsys) -> None:
    result = run("--lower")
    assert (result.exit_code, result.records) == (0, [])
    expected = "npusim: add_rows.lower: npusim lowers nothing, the kernel did not run\n"
    assert capsys.readouterr().err == expected


@needs_torch
def test_a_call_without_all_tensors_is_refused() -> None:
    result = run("--few")
    assert result.outcome.reason is Reason.USAGE
    assert result.outcome.message == (
        "add_rows: missing a required argument: 'out'; expected one argument per parameter of the "
        "kernel"
    )


@pl.jit.host
def driver(x):
    return x


@pl.jit
def double(x, out):
    with pl.at(level=pl.Level.CORE_GROUP):
        out[:, :] = pl.add(x, x)


@pytest.mark.parametrize("call", [driver, driver.compile, driver.lower])
def test_a_driver_of_several_ranks_is_refused(call) -> None:
    message = r"^driver is a pl.jit.host function: needs several ranks"
    with launching(SessionLauncher(Session())), pytest.raises(MultiDeviceError, match=message):
        call(np.zeros((2, 2)))


def test_a_kernel_is_not_compiled_without_a_launcher() -> None:
    message = r"^double.compile: npusim has no compiler; expected a recording"
    with pytest.raises(KernelError, match=message):
        double.compile()


def test_a_launcher_leaves_recordings_alone() -> None:
    x, out = np.ones((16, 16), np.float32), np.zeros((16, 16), np.float32)
    with launching(SessionLauncher(Session())):
        pl.record(double, {"x": x, "out": out}, outputs={"out"})
    np.testing.assert_array_equal(out, 2 * x)

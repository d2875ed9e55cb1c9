"""Kernel files of a pypto-lib checkout, unedited; NPUSIM_PYPTO_LIB names the checkout."""

import os
from pathlib import Path

import pytest

from npusim.compat import CompatOptions, Reason, run_script

pytest.importorskip("torch", reason="kernel files need torch")
CHECKOUT = os.environ.get("NPUSIM_PYPTO_LIB")
SEED = "models/deepseek/v4/prefill_sparse_attn.py"

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(not CHECKOUT, reason="NPUSIM_PYPTO_LIB names no checkout of pypto-lib"),
]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("PYPTO_PROG_BUILD_DIR", str(tmp_path))


def run(name: str, *arguments: str):
    path = Path(CHECKOUT or "") / name
    if not path.is_file():
        pytest.skip(f"this checkout has no {name}")
    return run_script(path, arguments, CompatOptions())


@pytest.mark.parametrize("ratio", [0, 4, 128])
def test_the_reference_kernel_passes_at_every_ratio(ratio: int) -> None:
    result = run(SEED, "-p", "a2a3sim", "--compress-ratio", str(ratio))
    assert result.outcome.reason is Reason.PASSED
    (record,) = result.records
    assert (record.figures["tasks"], record.figures["nodes"]) == (373, 310)


def examples() -> list[str]:
    root = Path(CHECKOUT or ".")
    folders = ("beginner", "intermediate", "advanced")
    found = [path for name in folders for path in sorted((root / "examples" / name).glob("*.py"))]
    return [str(path.relative_to(root)) for path in found] if CHECKOUT else []


@pytest.mark.parametrize("name", examples())
def test_the_examples_pass(name: str) -> None:
    result = run(name, "-p", "a2a3sim")
    assert result.outcome.reason in {Reason.PASSED, Reason.MULTI_DEVICE}, result.outcome

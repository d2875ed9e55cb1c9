"""Kernel files of a pypto-lib checkout, unedited; NPUSIM_PYPTO_LIB names the checkout.

A census of a checkout takes an hour, so it is not taken here: NPUSIM_PYPTO_CENSUS names the file
that ``npusim pypto --census CHECKOUT --json FILE`` wrote, and the tests judge that.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from npusim.compat import CompatOptions, Reason, run_script
from npusim.compat.census import Census
from npusim.compat.census_files import find_kernel_files
from npusim.compat.script import ScriptResult
from npusim.program import ScopeCounts, count_by_scope, load_program

pytest.importorskip("torch", reason="kernel files need torch")
CHECKOUT = os.environ.get("NPUSIM_PYPTO_LIB")
CENSUS = os.environ.get("NPUSIM_PYPTO_CENSUS")
SEED = "models/deepseek/v4/prefill_sparse_attn.py"
EXAMPLES_LIMIT_S = 120.0

# 793c1bee: what need not pass, and how it ends; DEVIATIONS.md rows V10 to V12.
FILES = 44
EXCEPTIONS = {
    "models/deepseek/v3_2/deepseek_v3_2_decode_front.py": {Reason.PASSED, Reason.TIMEOUT},
    "models/deepseek/v3_2/deepseek_v3_2_prefill_front_draft.py": {Reason.MEMORY},
    "models/qwen3/14b/decode_fwd.py": {Reason.PASSED, Reason.MEMORY},
}

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(not CHECKOUT, reason="NPUSIM_PYPTO_LIB names no checkout of pypto-lib"),
]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYPTO_PROG_BUILD_DIR", str(tmp_path))


def run(name: str, *arguments: str) -> ScriptResult:
    path = Path(CHECKOUT or "") / name
    if not path.is_file():
        pytest.skip(f"this checkout has no {name}")
    return run_script(path, arguments, CompatOptions())


def seed_has(flag: str) -> bool:
    """True if the reference kernel of this checkout has the command line option ``flag``."""
    path = Path(CHECKOUT or "") / SEED
    return path.is_file() and f'"{flag}"' in path.read_text(encoding="utf-8")


def counts_of(result: ScriptResult) -> list[ScopeCounts]:
    """Counts by scope of the only run of a file that passed."""
    assert result.outcome.reason is Reason.PASSED, result.outcome
    (record,) = result.records
    assert record.directory is not None
    return count_by_scope(load_program(record.directory / "program.npz"))


@pytest.mark.parametrize("ratio", [0, 4, 128])
def test_the_reference_kernel_counts_as_our_own(prefill_run: Callable, ratio: int) -> None:
    """Every scope: tasks, submits, bytes by path, MACs, operations and scalar reads are equal."""
    if not seed_has("--compress-ratio"):
        pytest.skip("this checkout is older than pull request 394")
    found = counts_of(run(SEED, "-p", "a2a3sim", "--compress-ratio", str(ratio)))
    assert found == count_by_scope(prefill_run("after", ratio).program)
    total = (sum(row.tasks for row in found), sum(row.nodes for row in found))
    assert total == (373, 310)


def test_its_parent_counts_as_our_own(prefill_run: Callable) -> None:
    """The file before pull request 394: no ratios, 16 sequences, and a flag to run the kernel."""
    if not seed_has("--run-kernel"):
        pytest.skip("this checkout is not the parent of pull request 394")
    found = counts_of(run(SEED, "-p", "a2a3sim", "--run-kernel"))
    assert found == count_by_scope(prefill_run("before", 0, 16).program)


def examples() -> list[str]:
    if not CHECKOUT:
        return []
    root = Path(CHECKOUT)
    names = [file.name for file in find_kernel_files(root)]
    return [name for name in names if name.startswith("examples/")]


def test_the_examples_pass_in_time() -> None:
    names, started = examples(), time.process_time()
    for name in names:
        result = run(name, "-p", "a2a3sim")
        assert result.outcome.reason in {Reason.PASSED, Reason.MULTI_DEVICE}, (name, result.outcome)
    assert names
    assert time.process_time() - started < EXAMPLES_LIMIT_S


def test_a_model_too_large_for_memory_passes_with_one_layer() -> None:
    """All 40 layers of qwen3-14b are 37 GiB of BF16; its own flag takes fewer."""
    result = run("models/qwen3/14b/decode_fwd.py", "-p", "a2a3", "--num-layers", "1")
    assert result.outcome.reason is Reason.PASSED, result.outcome


@pytest.mark.skipif(not CENSUS, reason="NPUSIM_PYPTO_CENSUS names no census of the checkout")
def test_the_census_leaves_out_only_what_is_known() -> None:
    files = find_kernel_files(Path(CHECKOUT or ""))
    if len(files) != FILES or not seed_has("--compress-ratio"):
        pytest.skip("the expectation is that of commit 793c1bee")
    census = msgspec.json.decode(Path(CENSUS or "").read_bytes(), type=Census)
    assert [(entry.file, entry.sha256) for entry in census.entries] == [
        (file.name, file.sha256) for file in files
    ]
    found = {entry.file: Reason(entry.reason) for entry in census.entries}
    surprises = {
        name: reason
        for name, reason in found.items()
        if reason not in EXCEPTIONS.get(name, {Reason.PASSED})
    }
    assert surprises == {}

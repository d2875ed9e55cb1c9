"""Runs that several test files look at; each is made once per process."""

import functools
import os
import subprocess
import sys
from pathlib import Path

from npusim.api import Run, load_kernel, run_kernel
from tests.golden.leaks import assert_no_leaks

ROOT = Path(__file__).resolve().parents[2]
SCALE_KERNEL = Path(__file__).with_name("scale_kernel.py")

_ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    # Two processes whose BLAS threads spin for the same two cores take ten times as long.
    "OPENBLAS_NUM_THREADS": "1",
}


@functools.cache
def reference_run(variant: str) -> Run:
    """The reference kernel with its default options, recorded, verified and simulated."""
    return _checked(run_kernel(load_kernel("prefill_sparse_attn").case(variant)))


@functools.cache
def scale_run() -> Run:
    """The small kernel of ``scale_kernel.py``."""
    return _checked(run_kernel(load_kernel(str(SCALE_KERNEL)).case("right")))


def _checked(run: Run) -> Run:
    assert_no_leaks(run.program, run.trace)
    return run


def start_npusim(arguments: list[str], folder: Path, **environment: str) -> subprocess.Popen[str]:
    """The program in a process of its own, with ``folder`` as its current directory."""
    return subprocess.Popen(
        [sys.executable, "-m", "npusim", *arguments],
        cwd=folder,
        env={**os.environ, **_ENVIRONMENT, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def tree_bytes(folder: Path) -> dict[str, bytes]:
    """The content of every file below ``folder``, by relative name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }

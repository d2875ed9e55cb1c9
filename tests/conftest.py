"""Fixtures of more than one test file. Recording the reference kernel takes seconds: once each."""

import functools
import os
from typing import TYPE_CHECKING

import pytest

pytest_plugins = ["tests.golden.plugin"]

if TYPE_CHECKING:
    from collections.abc import Callable

    from npusim.golden import KernelCase
    from tests.kernel_runner import Arrays, KernelRun

# One BLAS thread, set before numpy is loaded: two test workers with two threads each spin on each
# other's cores, which makes the reference kernel's tests ten times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_WEIGHTS = ("wo_a", "wo_b", "wo_b_scale")

# Imports are inside the fixtures, so that a test that needs no kernel does not load one.


@pytest.fixture(scope="session")
def prefill_inputs() -> "Callable[[KernelCase], Arrays]":
    """Makes the inputs of a case of the reference kernel; its weights, always equal, only once."""
    from prefill_sparse_attn import KERNEL  # noqa: PLC0415

    from npusim.golden import make_inputs  # noqa: PLC0415

    specs = KERNEL.case("after").specs
    weights = make_inputs([spec for spec in specs if spec.name in _WEIGHTS])

    def make(case: "KernelCase") -> "Arrays":
        others = make_inputs([spec for spec in case.specs if spec.name not in _WEIGHTS])
        return {spec.name: (others | weights)[spec.name] for spec in case.specs}

    return make


@pytest.fixture(scope="session")
def prefill_run(
    prefill_inputs: "Callable[[KernelCase], Arrays]",
) -> "Callable[..., KernelRun]":
    """Runs a variant of the reference kernel at full size, each once per session."""
    from prefill_sparse_attn import KERNEL  # noqa: PLC0415

    from tests.kernel_runner import run_case  # noqa: PLC0415

    @functools.cache
    def run(variant: str, ratio: int, batch: int = 1) -> "KernelRun":
        case = KERNEL.case(variant, options={"compress_ratio": ratio, "batch": batch})
        return run_case(case, prefill_inputs(case))

    return run

"""What tests of refusals share: a kernel raises a message, and leaves nothing behind."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError
from npusim.language.recorder import current

FILE = r"^(?:test_language_\w+|refusals)\.py:\d+"
SCOPE = FILE + r" \(scope op, task 0, block 0\): "
ORCHESTRATION = FILE + ": "


def vec(dtype: Any = np.float32) -> np.ndarray:
    return np.zeros((4, 8), dtype)


def refuse(kernel: Callable[..., Any], match: str, *arrays: np.ndarray) -> None:
    """``kernel`` raises that message, and nothing of the recording is left behind."""
    with pytest.raises(KernelError, match="(?m)" + match):  # notes follow on lines of their own
        pl.record(kernel, {f"x{i}": x for i, x in enumerate(arrays)})
    with pytest.raises(KernelError, match=r"^no recording is running"):
        current()


def in_scope(body: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(*handles: pl.Tensor) -> None:
        with pl.at(name_hint="op"):
            body(*handles)

    return kernel


def tile(*shape: int, dtype: pl.DType = pl.FP32) -> Any:
    return pl.full(shape, dtype, 1)

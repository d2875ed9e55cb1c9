"""Run a kernel and record it."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from npusim.errors import KernelError
from npusim.language.build import build_program
from npusim.language.dtypes import dtype_of
from npusim.language.recorder import Recorder, RecordOptions, activate
from npusim.program import Program, TensorRole


def record(
    kernel: Callable[..., Any],
    arguments: Mapping[str, Any],
    *,
    outputs: frozenset[str] | set[str] = frozenset(),
    options: RecordOptions | None = None,
) -> Program:
    """Run ``kernel`` on numpy arrays and return what it did; outputs are written in place.

    Args:
        kernel: A function of the DSL, called with the values of ``arguments`` by position.
        arguments: Arrays (C-contiguous, of a DSL type) become tensors in global memory under their
            names; Python numbers are passed as they are.
        outputs: Names of the arrays the kernel writes.
        options: Strictness, and the names that go into the Program.

    Returns:
        The recording. ``arguments`` hold the results.

    Raises:
        KernelError: If the kernel breaks a rule of the DSL, or an argument cannot be a tensor.
    """
    recorder = Recorder(options or RecordOptions())
    handles = [
        _bind(recorder, name, value, is_output=name in outputs) for name, value in arguments.items()
    ]
    with activate(recorder), np.errstate(all="ignore"):
        # inf and NaN are ordinary values on the device; the comparators judge them.
        kernel(*handles)
    return build_program(recorder)


def _bind(recorder: Recorder, name: str, value: Any, *, is_output: bool) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    if not value.flags.c_contiguous:
        msg = (
            f"argument {name}: strides {value.strides} of shape {list(value.shape)}; "
            "expected a C-contiguous array; pass numpy.ascontiguousarray of it"
        )
        raise KernelError(msg)
    role = TensorRole.OUTPUT if is_output else TensorRole.INPUT
    return recorder.add_tensor(value, dtype_of(value), name, role)

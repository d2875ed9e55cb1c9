"""Run a kernel and record it."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from npusim.errors import KernelError
from npusim.language.build import build_program
from npusim.language.convert import const
from npusim.language.dtypes import dtype_of
from npusim.language.failure import add_context
from npusim.language.recorder import Recorder, RecordOptions, activate
from npusim.language.timed import timed_view
from npusim.language.values import TensorType
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
            names; numbers are rounded to the type of a ``pl.Scalar[...]`` annotation.
        outputs: Names of the arrays the kernel writes.
        options: Strictness, and the names that go into the Program.

    Returns:
        The recording. ``arguments`` hold the results.

    Raises:
        KernelError: If the kernel breaks a rule of the DSL, an argument cannot be a tensor, or an
            output is not an argument. A note of any exception of the kernel says where it was.
    """
    recorder = Recorder(options or RecordOptions())
    kinds = _annotations(kernel, len(arguments))
    handles = [
        _bind(recorder, name, value, kind, is_output=name in outputs)
        for (name, value), kind in zip(arguments.items(), kinds, strict=True)
    ]
    missing = sorted(set(outputs) - set(arguments))
    if missing:
        msg = f"outputs {', '.join(missing)}; expected names of {', '.join(arguments) or 'nothing'}"
        raise KernelError(msg)
    with activate(recorder), np.errstate(all="ignore"):
        # inf and NaN are ordinary values on the device; the comparators judge them.
        try:
            kernel(*handles)
        except Exception as error:
            add_context(error, recorder)
            raise
    return build_program(recorder)


def _annotations(kernel: Callable[..., Any], count: int) -> list[TensorType | None]:
    """The DSL annotations of the first ``count`` parameters; ``None`` where there is none."""
    try:
        parameters = list(inspect.signature(kernel).parameters.values())[:count]
    except (TypeError, ValueError):
        parameters = []
    kinds = [
        item.annotation if isinstance(item.annotation, TensorType) else None for item in parameters
    ]
    return kinds + [None] * (count - len(kinds))


def _bind(
    recorder: Recorder, name: str, value: Any, kind: TensorType | None, *, is_output: bool
) -> Any:
    if not isinstance(value, np.ndarray):
        is_scalar = kind is not None and kind.kind == "Scalar"
        return const(value, kind.item) if is_scalar and kind is not None else value
    try:
        dtype = dtype_of(value)
    except KernelError as error:
        msg = f"argument {name}: {error}"
        raise KernelError(msg) from None
    if not value.flags.c_contiguous:
        msg = (
            f"argument {name}: strides {value.strides} of shape {list(value.shape)}; "
            "expected a C-contiguous array; pass numpy.ascontiguousarray of it"
        )
        raise KernelError(msg)
    recorder.check_memory(name, value.shape, dtype)
    role = TensorRole.OUTPUT if is_output else TensorRole.INPUT
    if kind is not None and kind.kind == "InOut":
        role = TensorRole.INOUT
    array = timed_view(value) if recorder.options.is_timed_only else value
    return recorder.add_tensor(array, dtype, name, role)

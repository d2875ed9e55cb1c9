"""What a kernel is called with: tensors and scalars, and the arrays made from them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from npusim.errors import KernelError
from npusim.golden.rounding import cast_array

InitValue = float | int | bool | npt.NDArray[Any] | Callable[[], npt.ArrayLike] | None


@dataclass(frozen=True, eq=False)
class TensorSpec:
    """One tensor argument.

    Attributes:
        name: Name of the argument, unique in its kernel.
        shape: Lengths of the axes in elements; any sequence, kept as a tuple.
        dtype: A numpy dtype, or a dtype of the DSL (anything whose ``numpy`` is a numpy dtype);
            kept as a numpy dtype.
        init_value: None for zeros, a number to fill with, an array of this shape, or a callable
            without arguments that makes the array; cast to ``dtype``, to nearest even.
        is_output: True where the kernel's result is compared with the golden.

    Raises:
        KernelError: If the dtype is not one, or a length is negative.
    """

    name: str
    shape: Sequence[int]
    dtype: Any
    init_value: InitValue = None
    is_output: bool = False

    def __post_init__(self) -> None:
        shape = tuple(int(length) for length in self.shape)
        if any(length < 0 for length in shape):
            msg = f"tensor {self.name}: shape is {shape}; expected lengths that are not negative"
            raise KernelError(msg)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "dtype", _numpy_dtype(f"tensor {self.name}", self.dtype))

    @property
    def nbytes(self) -> int:
        """Bytes of the whole tensor."""
        return math.prod(self.shape) * int(self.dtype.itemsize)


@dataclass(frozen=True, eq=False)
class ScalarSpec:
    """One scalar argument; ``dtype`` as for ``TensorSpec``.

    Raises:
        KernelError: If the dtype is not one or cannot hold the value.
    """

    name: str
    dtype: Any
    value: float | int | bool

    def __post_init__(self) -> None:
        where = f"scalar {self.name}"
        if not isinstance(self.value, bool | int | float | np.generic):
            msg = f"{where}: value is {self.value!r}; expected a number; give one"
            raise KernelError(msg)
        object.__setattr__(self, "dtype", _numpy_dtype(where, self.dtype))
        _fill(where, (), self.dtype, self.value)


def make_inputs(specs: Sequence[TensorSpec | ScalarSpec]) -> dict[str, npt.NDArray[Any]]:
    """Fresh arrays for all arguments, by name and in the order of ``specs``.

    Shapes: each tensor as specified; a scalar has no axes. The arrays are row-major, writable and
    share no memory with the specs, so a kernel may change them in place.

    Raises:
        KernelError: If a name occurs twice, or an initial value does not fit shape or dtype.
    """
    inputs: dict[str, npt.NDArray[Any]] = {}
    for spec in specs:
        if spec.name in inputs:
            msg = f"argument {spec.name}: specified twice; expected unique names; rename one"
            raise KernelError(msg)
        if isinstance(spec, ScalarSpec):
            inputs[spec.name] = _fill(f"scalar {spec.name}", (), spec.dtype, spec.value)
        else:
            inputs[spec.name] = _make_tensor(spec)
    return inputs


def _make_tensor(spec: TensorSpec) -> npt.NDArray[Any]:
    where = f"tensor {spec.name}"
    shape = tuple(spec.shape)
    value = spec.init_value() if callable(spec.init_value) else spec.init_value
    if value is None:
        return np.zeros(shape, spec.dtype)
    if isinstance(value, bool | int | float | np.generic):
        return _fill(where, shape, spec.dtype, value)
    array = cast_array(value, spec.dtype, where=where)
    if array.shape != shape:
        msg = (
            f"{where}: init_value has shape {array.shape}; expected {shape}; "
            "reshape the value or correct the spec"
        )
        raise KernelError(msg)
    return array


def _fill(
    where: str, shape: tuple[int, ...], dtype: np.dtype[Any], value: float | np.generic
) -> npt.NDArray[Any]:
    try:
        with np.errstate(invalid="raise", over="ignore"):
            return np.full(shape, value, dtype)
    except (OverflowError, ValueError, TypeError, FloatingPointError) as error:
        msg = f"{where}: value {value!r} does not fit {dtype} ({error}); change one of them"
        raise KernelError(msg) from error


def _numpy_dtype(where: str, dtype: Any) -> np.dtype[Any]:
    storage = getattr(dtype, "numpy", dtype)
    # np.dtype takes any class at all and makes it "object", hence the check of the kind.
    if isinstance(storage, np.dtype | type) and np.dtype(storage).kind != "O":
        return np.dtype(storage)
    msg = f"{where}: dtype is {dtype!r}; expected a numpy dtype or one of the DSL such as pl.BF16"
    raise KernelError(msg)

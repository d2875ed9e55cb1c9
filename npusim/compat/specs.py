"""``golden.TensorSpec`` and ``golden.ScalarSpec``: the arguments of a kernel, on torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from npusim.compat.memory import check_fits
from npusim.compat.torch_bridge import dtype_name, tensor_bytes, torch_module
from npusim.errors import UsageError

_FACTORIES = ("randn", "rand", "zeros", "ones")
"""torch functions that are called with the shape and type of the spec."""
_SCALAR_INTEGERS = ("int8", "int32", "int64", "uint8")
_SCALAR_FLOATS = ("float32", "float16", "bfloat16")
_STACKED = "stacked"


@dataclass
class TensorSpec:
    """A tensor argument.

    Attributes:
        name: Name, as the kernel's parameter.
        shape: Elements along each axis.
        dtype: torch type.
        init_value: None for zeros, a number to fill with, a tensor to convert, one of
            ``torch.randn/rand/zeros/ones``, or a function without arguments.
        is_output: Compared with the golden.
        resident: Where a multi-device run keeps it; accepted, without a meaning on one device.

    Raises:
        UsageError: If ``resident`` is not None, False, a worker number or ``"stacked"``.
    """

    name: str
    shape: Sequence[int]
    dtype: Any
    init_value: Any = None
    is_output: bool = False
    resident: int | str | bool | None = None

    def __post_init__(self) -> None:
        place = self.resident
        is_worker = isinstance(place, int) and not isinstance(place, bool) and place >= 0
        if not (place is None or place is False or place == _STACKED or is_worker):
            msg = (
                f"TensorSpec {self.name}: resident is {place!r}; expected None, False, "
                f'"{_STACKED}" or a worker number from 0 on'
            )
            raise UsageError(msg)

    @property
    def has_input(self) -> bool:
        """True where the kernel is given values: all but pure outputs."""
        return not self.is_output or self.init_value is not None

    def create_tensor(self) -> Any:
        """A contiguous torch tensor with the values of this spec.

        Raises:
            UsageError: If the initial value has another shape or cannot be used.
            MemoryLimitError: If the tensor does not fit.
        """
        what = f"tensor {self.name} {list(self.shape)} {dtype_name(self.dtype)}"
        check_fits(what, tensor_bytes(self.shape, self.dtype))
        tensor = self._initial(torch_module())
        if tuple(tensor.shape) != tuple(self.shape):
            msg = (
                f"{what}: init_value has shape {list(tensor.shape)}; expected the shape of the "
                "spec; correct one of them"
            )
            raise UsageError(msg)
        return tensor.contiguous()

    def _initial(self, torch: Any) -> Any:
        value = self.init_value
        if value is None:
            return torch.zeros(tuple(self.shape), dtype=self.dtype)
        if isinstance(value, int | float):
            return torch.full(tuple(self.shape), value, dtype=self.dtype)
        if isinstance(value, torch.Tensor):
            return value.to(dtype=self.dtype)
        if any(value is getattr(torch, name) for name in _FACTORIES):
            return value(tuple(self.shape), dtype=self.dtype)
        if callable(value):
            return torch.as_tensor(value(), dtype=self.dtype)
        msg = (
            f"TensorSpec {self.name}: init_value is a {type(value).__name__}; expected None, a "
            "number, a tensor or a function"
        )
        raise UsageError(msg)


@dataclass
class ScalarSpec:
    """A scalar argument; ``value`` becomes a 0-d tensor of ``dtype``.

    Raises:
        UsageError: If ``dtype`` is no scalar type or does not hold ``value``.
    """

    name: str
    dtype: Any
    value: Any

    def __post_init__(self) -> None:
        torch = torch_module()
        if not isinstance(self.value, torch.Tensor):
            self._check_number(torch)
            self.value = torch.tensor(self.value, dtype=self.dtype)
        elif self.value.ndim != 0 or self.value.dtype != self.dtype:
            self._fail(
                f"a tensor of shape {list(self.value.shape)} and type {self.value.dtype}",
                f"a 0-d tensor of {self.dtype}",
            )

    def to_python(self) -> int | float | bool:
        """The value as a Python number, rounded to ``dtype``."""
        number: int | float | bool = self.value.item()
        return number

    def _check_number(self, torch: Any) -> None:
        kind, value = dtype_name(self.dtype), self.value
        is_flag = isinstance(value, bool)
        if kind == "bool":
            if not is_flag:
                self._fail(repr(value), "True or False")
        elif kind in _SCALAR_INTEGERS:
            info = torch.iinfo(self.dtype)
            if is_flag or not isinstance(value, int) or not info.min <= value <= info.max:
                self._fail(repr(value), f"an integer from {info.min} to {info.max}")
        elif kind in _SCALAR_FLOATS:
            if is_flag or not isinstance(value, int | float):
                self._fail(repr(value), "a number")
        else:
            known = ", ".join((*_SCALAR_INTEGERS, "bool", *_SCALAR_FLOATS))
            self._fail(f"of type {kind}", f"one of {known}")

    def _fail(self, found: str, expected: str) -> None:
        msg = f"ScalarSpec {self.name}: value is {found}; expected {expected}"
        raise UsageError(msg)

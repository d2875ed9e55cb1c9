"""torch tensors as numpy arrays, without a copy. torch is typed as Any: it is an optional extra."""

import importlib
import importlib.util
import math
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy.typing as npt

from npusim.errors import UsageError

_BIT_VIEWS: dict[str, tuple[str, Any]] = {
    "bfloat16": ("int16", ml_dtypes.bfloat16),
    "float8_e4m3fn": ("uint8", ml_dtypes.float8_e4m3fn),
}
"""torch types that numpy lacks: the integer of their width, and the ml_dtypes type of the bits."""


def torch_module() -> Any:
    """The torch package.

    Raises:
        UsageError: If it is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        msg = "npusim pypto needs torch: pip install 'npusim[pypto]'"
        raise UsageError(msg) from None


def has_torch() -> bool:
    """True where the torch package can be found, without loading it."""
    return importlib.util.find_spec("torch") is not None


def dtype_name(dtype: Any) -> str:
    """``float32`` for ``torch.float32``."""
    return str(dtype).removeprefix("torch.")


def tensor_bytes(shape: Sequence[int], dtype: Any) -> int:
    """Bytes of a torch tensor of ``shape`` and ``dtype``."""
    return math.prod(shape) * int(dtype.itemsize)


def deferred_clone(tensor: Any) -> Any:
    """A clone of ``tensor`` that shares its memory until one of the two is written to.

    ``None`` where this torch, or this kind of memory, cannot defer the copy. The operation is
    torch's own but not public; a plain ``clone`` does the same with twice the memory.
    """
    lazy_clone = getattr(torch_module(), "_lazy_clone", None)
    if lazy_clone is None:
        return None
    try:
        return lazy_clone(tensor)
    except RuntimeError:  # memory that torch did not allocate
        return None


def numpy_view(name: str, tensor: Any) -> npt.NDArray[Any]:
    """The memory of ``tensor`` as a numpy array; writes to one are seen in the other.

    Shapes: any; same shape out. bfloat16 and float8_e4m3fn become the ``ml_dtypes`` types.

    Raises:
        UsageError: If ``tensor`` is not on the CPU, not contiguous, or of a type without an array.
    """
    if tensor.device.type != "cpu" or not tensor.is_contiguous():
        msg = (
            f"tensor {name}: on {tensor.device}, strides {tuple(tensor.stride())}; expected a "
            "contiguous tensor on the CPU"
        )
        raise UsageError(msg)
    detached = tensor.detach()
    bits = _BIT_VIEWS.get(dtype_name(tensor.dtype))
    try:
        if bits is None:
            array: npt.NDArray[Any] = detached.numpy()
            return array
        integer, storage = bits
        # A view of other bits needs at least one axis.
        flat = detached.reshape(-1).view(getattr(torch_module(), integer)).numpy()
        shaped: npt.NDArray[Any] = flat.view(storage).reshape(tuple(tensor.shape))
    except TypeError as error:
        msg = f"tensor {name}: type {tensor.dtype} has no numpy array ({error}); use another type"
        raise UsageError(msg) from None
    return shaped

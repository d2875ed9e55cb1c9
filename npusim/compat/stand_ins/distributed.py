"""``pypto.language.distributed``: enough for a multi-device file to be imported and refused.

Its annotations are evaluated when the file is loaded and must work; everything else only has a
meaning with several ranks and says so when it is called.
"""

from typing import Any, NoReturn

from npusim.compat.errors import multi_device
from npusim.language.values import TensorType


class DistributedTensor:
    """``pld.DistributedTensor[[M, N], pl.BF16]``: an annotation."""

    def __class_getitem__(cls, item: Any) -> TensorType:
        return TensorType(cls.__name__, item)


class NeedsRanks:
    """A name of ``pld`` that cannot be called: its attributes are as little callable."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> "NeedsRanks":
        if name.startswith("__"):
            raise AttributeError(name)
        return NeedsRanks(f"{self._name}.{name}")

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """Refuse.

        Raises:
            MultiDeviceError: Always.
        """
        raise multi_device(self._name)


def __getattr__(name: str) -> NeedsRanks:
    if name.startswith("__"):
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return NeedsRanks(f"pld.{name}")


__all__ = ["DistributedTensor", "NeedsRanks"]

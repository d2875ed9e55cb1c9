"""What can stop a kernel file that is not the file's own fault."""

from npusim.errors import KernelError


class MultiDeviceError(KernelError):
    """The kernel needs several ranks; npusim simulates one device."""


class MemoryLimitError(KernelError):
    """A tensor does not fit into the memory that is left."""


def multi_device(what: str) -> MultiDeviceError:
    """The error for a construct ``what`` that only exists on several devices."""
    return MultiDeviceError(
        f"{what}: needs several ranks; expected a single-device kernel, npusim simulates one "
        "device; run a single-device file of this model"
    )

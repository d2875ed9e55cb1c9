"""``pypto.backend``: names of compiler back ends, which are labels here."""

from enum import Enum


class BackendType(Enum):
    """The back ends that kernel files name."""

    Ascend910B = "a2a3"
    Ascend950 = "a5"
    CCE = "cce"
    """The name of the a2a3 back end before there was another."""


def set_backend_type(backend: BackendType) -> None:
    """Accepted: the chip follows the platform of ``runtime_cfg``."""
    del backend


__all__ = ["BackendType", "set_backend_type"]

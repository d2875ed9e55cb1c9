"""``pypto.ir`` and the modules below it that kernel files import."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NoReturn

from npusim.compat.errors import multi_device
from npusim.errors import UsageError


class OptimizationStrategy(Enum):
    """Pass pipelines of the compiler; none runs here."""

    Default = "default"
    DebugTileOptimization = "debug_tile_optimization"


@dataclass
class DistributedConfig:
    """Ranks of a multi-device run; kernel files make one before the harness refuses them."""

    device_ids: list[int] = field(default_factory=list)
    num_sub_workers: int = 0


class DistributedCompiledProgram:
    """A compiled multi-device program; there is never one here."""

    def __init__(self, *_: object, **__: object) -> None:
        raise multi_device("DistributedCompiledProgram")


class PassManager:
    """The compiler's passes."""

    @staticmethod
    def get_strategy(strategy: OptimizationStrategy) -> NoReturn:
        """Refuse: there is no compiler.

        Raises:
            UsageError: Always.
        """
        raise _no_compiler(f"PassManager.get_strategy({strategy})")


def compile(program: Any, **_: object) -> NoReturn:  # noqa: A001 - upstream's name
    """Refuse: there is no compiler.

    Raises:
        UsageError: Always.
    """
    name = getattr(program, "__name__", type(program).__name__)
    raise _no_compiler(f"pypto.ir.compile of {name}")


def _no_compiler(what: str) -> UsageError:
    return UsageError(
        f"{what}: npusim compiles nothing; expected golden.run or golden.run_jit, which run the "
        "kernel"
    )


__all__ = [
    "DistributedCompiledProgram",
    "DistributedConfig",
    "OptimizationStrategy",
    "PassManager",
    "compile",
]

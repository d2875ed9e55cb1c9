"""``pypto.runtime``: the run configuration, and the older entry that took one."""

import os
from collections.abc import Sequence
from typing import Any

from npusim.compat.harness import RunResult
from npusim.compat.harness import run as run_harness
from npusim.compat.runtime_config import RUNTIME_FIELDS
from npusim.compat.specs import TensorSpec
from npusim.errors import UsageError


class RunConfig:
    """A bag of settings, as upstream's: every keyword becomes an attribute."""

    def __init__(self, **settings: Any) -> None:
        vars(self).update(settings)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"RunConfig({settings})"


def run(
    program: Any,
    specs: Sequence[Any],
    golden: Any = None,
    config: RunConfig | None = None,
) -> RunResult:
    """The harness entry from before ``golden``: settings come in ``config``.

    Args:
        program: A ``@pl.program`` class.
        specs: A spec per parameter, in order.
        golden: Fills the outputs in place; without one nothing is compared.
        config: ``platform``, ``rtol``, ``atol`` and the flags of the runtime.
    """
    settings = vars(config) if config is not None else {}
    runtime_cfg = {name: settings[name] for name in RUNTIME_FIELDS if name in settings}
    return run_harness(
        program,
        specs,
        golden,
        runtime_cfg=runtime_cfg,
        rtol=settings.get("rtol", 1e-5),
        atol=settings.get("atol", 1e-5),
    )


def pto_isa_include_dir() -> str:
    """Where the instruction headers would be; only a label, nothing is compiled."""
    return os.environ.get("PTO_ISA_ROOT", "pto-isa/include")


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    msg = f"pypto.runtime.{name}: needs a device; expected golden.run or golden.run_jit"
    raise UsageError(msg)


__all__ = ["RunConfig", "TensorSpec", "pto_isa_include_dir", "run"]

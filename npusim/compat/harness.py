"""``golden.run`` and ``golden.run_jit`` with the keywords of both upstream eras."""

from typing import Any

from npusim.compat.entry import jit_entry, program_entry
from npusim.compat.flow import HarnessCall, RunResult, run_entry


def run(program: Any, *arguments: Any, **keywords: Any) -> RunResult:
    """Run a ``@pl.program`` class, or an instance of one, and compare its outputs with the golden.

    The arguments after the first are those of ``HarnessCall``.

    Returns:
        The verdict; a mismatch does not raise.

    Raises:
        NpuSimError: If the request is wrong, the kernel breaks a rule or does not fit in memory.
        TypeError: If an argument is unknown or missing.
    """
    call = HarnessCall(*arguments, **keywords)
    return run_entry(lambda: program_entry(program), call)


def run_jit(fn: Any, *arguments: Any, **keywords: Any) -> RunResult:
    """Run a ``@pl.jit`` function and compare its outputs with the golden.

    Arguments, result and errors are those of ``run``.
    """
    call = HarnessCall(*arguments, **keywords)
    return run_entry(lambda: jit_entry(fn), call)


__all__ = ["RunResult", "run", "run_jit"]

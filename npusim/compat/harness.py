"""``golden.run`` and ``golden.run_jit`` with the keywords of both upstream eras."""

from collections.abc import Mapping, Sequence
from typing import Any

from npusim.compat.arguments import Golden
from npusim.compat.comparators import Comparator
from npusim.compat.entry import jit_entry, program_entry
from npusim.compat.flow import HarnessCall, RunResult, run_entry


def run(  # noqa: PLR0913, PLR0917 - the signature is upstream's
    program: Any,
    specs: Sequence[Any],
    golden_fn: Golden | None = None,
    golden_data: str | None = None,
    compile_cfg: Mapping[str, Any] | None = None,
    runtime_cfg: Mapping[str, Any] | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-5,
    compare_fn: Mapping[str, Comparator] | None = None,
    compile_only: bool = False,
    runtime_dir: str | None = None,
    save_data: bool = False,
) -> RunResult:
    """Run a ``@pl.program`` class and compare its outputs with the golden.

    Args:
        program: The class, or an instance of it.
        specs: A spec per parameter, in order.
        golden_fn: Fills the outputs of a dictionary of clones in place.
        golden_data: Directory with ``in/NAME.pt`` and ``out/NAME.pt``, instead of ``golden_fn``.
        compile_cfg: Checked and otherwise left out of account: nothing is compiled.
        runtime_cfg: Platform, and what to write; see ``runtime_config``.
        rtol: Relative tolerance of outputs without a comparator.
        atol: Absolute tolerance of outputs without a comparator.
        compare_fn: Comparator by output name.
        compile_only: Check the request and stop.
        runtime_dir: Refused: there are no compiled kernels to reuse.
        save_data: Keep inputs and golden outputs under ``data/`` of the output directory.

    Returns:
        The verdict; a mismatch does not raise.

    Raises:
        NpuSimError: If the request is wrong, the kernel breaks a rule or does not fit in memory.
    """
    call = HarnessCall(
        specs=specs,
        golden_fn=golden_fn,
        golden_data=golden_data,
        compile_cfg=compile_cfg,
        runtime_cfg=runtime_cfg,
        rtol=rtol,
        atol=atol,
        compare_fn=compare_fn,
        compile_only=compile_only,
        runtime_dir=runtime_dir,
        save_data=save_data,
    )
    return run_entry(lambda: program_entry(program), call)


def run_jit(  # noqa: PLR0913, PLR0917 - the signature is upstream's
    fn: Any,
    specs: Sequence[Any],
    golden_fn: Golden | None = None,
    golden_data: str | None = None,
    compile_cfg: Mapping[str, Any] | None = None,
    runtime_cfg: Mapping[str, Any] | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-5,
    compare_fn: Mapping[str, Comparator] | None = None,
    compile_only: bool = False,
    runtime_dir: str | None = None,
    save_data: bool = False,
) -> RunResult:
    """Run a ``@pl.jit`` function and compare its outputs with the golden.

    Args, result and errors are those of ``run``, with ``fn`` for ``program``.
    """
    call = HarnessCall(
        specs=specs,
        golden_fn=golden_fn,
        golden_data=golden_data,
        compile_cfg=compile_cfg,
        runtime_cfg=runtime_cfg,
        rtol=rtol,
        atol=atol,
        compare_fn=compare_fn,
        compile_only=compile_only,
        runtime_dir=runtime_dir,
        save_data=save_data,
    )
    return run_entry(lambda: jit_entry(fn), call)


__all__ = ["RunResult", "run", "run_jit"]

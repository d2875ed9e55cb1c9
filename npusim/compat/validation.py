"""``golden.validate_golden``: every output against the golden, with the ``[RUN]`` lines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from npusim.compat.comparators import Comparator, Verdict, list_elements
from npusim.compat.torch_bridge import torch_module

_SHOWN = 20
_DEFAULT_LABEL = "allclose"


@dataclass(frozen=True, slots=True)
class OutputResult:
    """Verdict on one output."""

    name: str
    passed: bool
    comparator: str
    message: str


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What an output without a comparator of its own must keep to."""

    rtol: float
    atol: float


def judge_outputs(
    outputs: Mapping[str, Any],
    golden: Mapping[str, Any],
    tolerances: Tolerances,
    compare_fn: Mapping[str, Comparator],
    inputs: Mapping[str, Any],
) -> list[OutputResult]:
    """The verdict on each output, printed as upstream prints it.

    A comparator is called as ``fn(actual, expected, actual_outputs=, expected_outputs=, inputs=,
    rtol=, atol=)`` and returns whether it passed and a message; the default is torch.allclose.
    """
    results = []
    for name, tensor in outputs.items():
        actual, expected = tensor.cpu(), golden[name].cpu()
        function = compare_fn.get(name)
        if function is None:
            label = _DEFAULT_LABEL
            passed, message = _allclose(actual, expected, tolerances)
        else:
            label = getattr(function, "__name__", "custom")
            passed, message = function(
                actual,
                expected,
                actual_outputs=outputs,
                expected_outputs=golden,
                inputs=inputs,
                rtol=tolerances.rtol,
                atol=tolerances.atol,
            )
        results.append(OutputResult(name, bool(passed), label, str(message)))
        words, suffix = "PASS" if passed else "FAIL", f" ({label})" if function else ""
        line = f"'{name}' {words}  shape={tuple(actual.shape)} dtype={actual.dtype}{suffix}"
        print(f"[RUN]   {line}")  # noqa: T201 - the harness speaks on stdout, as upstream's
    return results


def validate_golden(
    outputs: Mapping[str, Any],
    golden: Mapping[str, Any],
    rtol: float = 1e-5,
    atol: float = 1e-5,
    compare_fn: Mapping[str, Comparator] | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> None:
    """Compare every output with the golden.

    Raises:
        AssertionError: If one does not match; the message lists them all.
    """
    results = judge_outputs(outputs, golden, Tolerances(rtol, atol), compare_fn or {}, inputs or {})
    message = failure_message(results)
    if message:
        raise AssertionError(message)


def failure_message(results: list[OutputResult]) -> str:
    """What did not match and how, or an empty text."""
    failed = [result for result in results if not result.passed]
    if not failed:
        return ""
    lines = [f"Output(s) does not match golden: {[result.name for result in failed]}"]
    for result in failed:
        lines += [f"  '{result.name}' FAIL ({result.comparator})", result.message]
    return "\n".join(lines)


def _allclose(actual: Any, expected: Any, tolerances: Tolerances) -> Verdict:
    torch = torch_module()
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        return False, (
            f"    {actual.dtype} of shape {list(actual.shape)}; the golden is {expected.dtype} of "
            f"shape {list(expected.shape)}"
        )
    is_close = torch.isclose(actual, expected, rtol=tolerances.rtol, atol=tolerances.atol)
    if is_close.all():
        return True, ""
    bad = int((~is_close).sum())
    return False, (
        f"    {bad} of {actual.numel()} elements are off, rtol={tolerances.rtol} "
        f"atol={tolerances.atol}\n" + list_elements(actual, expected, ~is_close, _SHOWN)
    )

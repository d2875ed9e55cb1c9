"""Verify what a kernel computed, and report it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from npusim.errors import KernelError
from npusim.golden.comparison import Array, Comparison, allclose
from npusim.golden.definition import Golden, KernelCase
from npusim.golden.rounding import cast_array

_DEFAULT = allclose(rtol=1e-5, atol=1e-5)


@dataclass(frozen=True, slots=True)
class OutputVerdict:
    """One output against the golden and, where the kernel has one, the faithful golden."""

    name: str
    golden: Comparison
    faithful: Comparison | None = None


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """All outputs of one run of a kernel."""

    kernel: str
    outputs: tuple[OutputVerdict, ...]

    COLUMNS = (
        "output",
        "against",
        "passed",
        "bad_elements",
        "allowed",
        "elements",
        "max_abs",
        "rel_l2",
        "bit_equal_frac",
    )
    """Names of the columns of ``rows``."""

    @property
    def passed(self) -> bool:
        """True if every output passes against the golden.

        The faithful golden has no say: it is sharper than what the kernel promises.
        """
        return all(output.golden.passed for output in self.outputs)

    @property
    def messages(self) -> tuple[str, ...]:
        """One line for each output that fails."""
        return tuple(
            f"{output.name}: {output.golden.message}"
            for output in self.outputs
            if not output.golden.passed
        )

    def rows(self) -> list[tuple[str | bool | int | float, ...]]:
        """Values for ``COLUMNS``, one row for each output and golden."""
        return [
            (output.name, against, *_figures(comparison).values())
            for output in self.outputs
            for against, comparison in (("golden", output.golden), ("faithful", output.faithful))
            if comparison is not None
        ]

    def to_json(self) -> dict[str, Any]:
        """JSON values: the verdict, and for each output its figures against each golden."""
        return {
            "kernel": self.kernel,
            "passed": self.passed,
            "outputs": {
                output.name: {
                    **_figures(output.golden),
                    "message": output.golden.message,
                    "faithful": None if output.faithful is None else _figures(output.faithful),
                }
                for output in self.outputs
            },
        }


def verify(
    case: KernelCase, inputs: Mapping[str, Array], outputs: Mapping[str, Array]
) -> VerificationReport:
    """Compare ``outputs`` with the golden of ``case``.

    Args:
        case: The kernel.
        inputs: Every argument by name, with the values from before the kernel ran. The goldens get
            copies, so these stay as they are.
        outputs: What the kernel left in each output, by name.

    Raises:
        KernelError: If an output is missing on either side or has another shape than specified.
    """
    expected = _expected(case, case.golden, inputs, which="golden")
    faithful = (
        _expected(case, case.faithful_golden, inputs, which="faithful golden")
        if case.faithful_golden is not None
        else None
    )
    verdicts = []
    for spec in case.outputs:
        if spec.name not in outputs:
            msg = f"kernel {case.name}: output {spec.name} was not handed over; expected its array"
            raise KernelError(msg)
        compare = case.compare.get(spec.name, _DEFAULT)
        actual = outputs[spec.name]
        verdicts.append(
            OutputVerdict(
                name=spec.name,
                golden=compare(actual, expected[spec.name]),
                faithful=None if faithful is None else compare(actual, faithful[spec.name]),
            )
        )
    return VerificationReport(kernel=case.name, outputs=tuple(verdicts))


def _expected(
    case: KernelCase, golden: Golden, inputs: Mapping[str, Array], *, which: str
) -> dict[str, Array]:
    computed = golden({name: array.copy() for name, array in inputs.items()})
    expected: dict[str, Array] = {}
    for spec in case.outputs:
        if spec.name not in computed:
            msg = (
                f"kernel {case.name}: its {which} returns {', '.join(computed) or 'nothing'}; "
                f"expected also {spec.name}; return every output by name"
            )
            raise KernelError(msg)
        # A golden may compute wider than the output; it is judged as the output would store it.
        where = f"kernel {case.name}: {which} of {spec.name}"
        expected[spec.name] = cast_array(computed[spec.name], spec.dtype, where=where)
    return expected


def _figures(comparison: Comparison) -> dict[str, bool | int | float]:
    return {
        "passed": comparison.passed,
        "bad_elements": comparison.bad_elements,
        "allowed": comparison.allowed_bad_elements,
        "elements": comparison.elements,
        "max_abs": comparison.max_abs,
        "rel_l2": comparison.rel_l2,
        "bit_equal_frac": comparison.bit_equal_frac,
    }

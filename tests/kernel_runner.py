"""Runs kernel cases for tests: inputs with changes, outputs apart from inputs, the recording."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

import npusim.language as pl
from npusim.golden import KernelCase, VerificationReport, verify
from npusim.program import Program

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class KernelRun:
    """One run: ``inputs`` as they were before it, ``outputs`` as it left them."""

    case: KernelCase
    inputs: Arrays
    outputs: Arrays
    program: Program

    def verify(self) -> VerificationReport:
        """The outputs against both goldens."""
        return verify(self.case, self.inputs, self.outputs)


def run_case(case: KernelCase, inputs: Mapping[str, Any], *, poison: bool = False) -> KernelRun:
    """Record ``case`` on ``inputs``, which keep their values."""
    names = {spec.name for spec in case.outputs}
    outputs = {name: inputs[name].copy() for name in names}
    arguments = {spec.name: outputs.get(spec.name, inputs[spec.name]) for spec in case.specs}
    options = pl.RecordOptions(poison=poison, kernel=case.name, variant=case.variant)
    program = pl.record(case.entry, arguments, outputs=names, options=options)
    return KernelRun(case, dict(inputs), outputs, program)

"""Inputs, expected outputs and the verdict of a kernel.

Owns tensor and scalar specs, seeded inputs, comparators, the definition of a kernel with its
variants and knobs, and the verification report. Refuses to know how a kernel is executed (it only
carries the callable), how long it takes and which chip it runs on.
"""

from npusim.golden.comparison import (
    Comparator,
    Comparison,
    allclose,
    ratio_allclose,
    ratio_reldiff,
)
from npusim.golden.definition import KernelCase, KernelDefinition, Knob
from npusim.golden.rounding import cast_array
from npusim.golden.specs import ScalarSpec, TensorSpec, make_inputs
from npusim.golden.uniform import uniform
from npusim.golden.verification import OutputVerdict, VerificationReport, verify

__all__ = [
    "Comparator",
    "Comparison",
    "KernelCase",
    "KernelDefinition",
    "Knob",
    "OutputVerdict",
    "ScalarSpec",
    "TensorSpec",
    "VerificationReport",
    "allclose",
    "cast_array",
    "make_inputs",
    "ratio_allclose",
    "ratio_reldiff",
    "uniform",
    "verify",
]

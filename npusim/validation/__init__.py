"""Predicted against measured: how wrong the simulator is, and where.

Owns the registry of reference points (``points.toml``: what a device measured, with its source, and
which kernel, chip and figure of the simulation to compare) and the statistics over them. Refuses to
know how a kernel is simulated, and to print. A point on which a constant of the chip was fitted is
counted apart: it shows that the fit holds, not that the model predicts.
"""

from npusim.validation.points import Group, Point, Registry, load_registry
from npusim.validation.predict import Predictor
from npusim.validation.report import GroupResult, PointResult, ValidationReport, validate
from npusim.validation.upstream import find_checkout

__all__ = [
    "Group",
    "GroupResult",
    "Point",
    "PointResult",
    "Predictor",
    "Registry",
    "ValidationReport",
    "find_checkout",
    "load_registry",
    "validate",
]

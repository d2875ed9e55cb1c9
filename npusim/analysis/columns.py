"""Columns and names that several tables share, so that they read alike everywhere."""

from collections.abc import Mapping
from typing import Any

from npusim.analysis.table import Column
from npusim.trace import Trace, WaitReason

_MOST_PARAMETERS = 4
"""In a title; the summary of a run has all of them."""
# Reasons that many traces never show. NO_WORK and, above all, UNKNOWN are always printed.
_RARE = {WaitReason.SUBMIT, WaitReason.QUEUE, WaitReason.SYNC, WaitReason.MEMORY}


def reason_key(reason: WaitReason) -> str:
    """The reason as it is written in tables, files and legends: ``dependency``, ``no_work``."""
    return reason.name.lower()


def reason_column(reason: WaitReason, unit: str = "us") -> Column:
    """The column of one reason, in ``us`` or ``%``."""
    suffix = "us" if unit == "us" else "percent"
    return Column(f"{reason_key(reason)}_{suffix}", unit, ".1f", reason in _RARE)


def us_column(name: str) -> Column:
    """A column of microseconds; ``name`` comes without the unit."""
    return Column(f"{name}_us", "us", ".1f")


def percent_column(name: str) -> Column:
    """A column of percent; ``name`` comes without the unit."""
    return Column(f"{name}_percent", "%", ".1f")


def count_column(name: str) -> Column:
    """A column of whole numbers."""
    return Column(name, "", "d")


def cause_from(trace: Trace) -> str:
    """``recorded`` or ``inferred``: where the reasons come from.

    A trace without waits has had its gaps turned into ``UNKNOWN`` by this package: inferred.
    """
    return trace.info.cause_from if len(trace.waits) else "inferred"


def changed_parameters(values: Mapping[str, Any]) -> list[str]:
    """Knobs and options of a run that are not the defaults of its variant: ``name=value``.

    Of many only the first, and how many more there are. Nothing of a run that does not say.
    """
    found: dict[str, Any] = {}
    for part in (values.get("changed_knobs"), values.get("changed_options")):
        if isinstance(part, dict):  # a capture may say anything
            found |= part
    words = [f"{name}={value}" for name, value in found.items()]
    more = len(words) - _MOST_PARAMETERS
    return [*words[:_MOST_PARAMETERS], f"{more} more"] if more > 0 else words


def run_name(trace: Trace) -> str:
    """Kernel, variant, what differs from its defaults, and chip of the run, for titles."""
    info = trace.info
    name = " ".join(filter(None, (info.kernel, info.variant))) or "unnamed kernel"
    name = ", ".join((name, *changed_parameters(info.parameters)))
    return f"{name} on {info.chip}" if info.chip else name

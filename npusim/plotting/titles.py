"""What every picture says about itself: kernel, variant, chip, parameters, version."""

from typing import Any

import npusim
from npusim.analysis.columns import changed_parameters
from npusim.trace import Trace
from npusim.units import ps_to_us

_MOST_CHARACTERS = 90  # of the parameters; more would run into the next thing on the page


def headline(trace: Trace) -> str:
    """Kernel, variant, what differs from its defaults, chip and makespan in one line."""
    info = trace.info
    name = " / ".join(filter(None, (info.kernel, info.variant))) or "unnamed kernel"
    name = ", ".join((name, *changed_parameters(info.parameters)))
    chip = f" on {info.chip}" if info.chip else ""
    return f"{name}{chip}: makespan {ps_to_us(trace.makespan_ps):,.1f} us"


def compared_headline(a: Trace, b: Trace) -> str:
    """Kernel, both makespans and their difference in one line."""
    a_us, b_us = ps_to_us(a.makespan_ps), ps_to_us(b.makespan_ps)
    names = list(dict.fromkeys(trace.info.kernel or "unnamed kernel" for trace in (a, b)))
    return f"{' and '.join(names)}: a {a_us:,.1f} us, b {b_us:,.1f} us ({b_us - a_us:+,.1f} us)"


def details(trace: Trace) -> str:
    """Origin, counts, key parameters and npusim version in one line."""
    blocks = sum(task.block_num for task in trace.tasks if not task.is_dummy)
    return "   ·   ".join(
        filter(
            None,
            (
                f"{trace.info.source}, waits {trace.info.cause_from}",
                f"{blocks:,} tasks in {len(trace.tasks):,} submits",
                parameters(trace.info.parameters),
                f"npusim {npusim.__version__}",
            ),
        )
    )


def parameters(values: dict[str, Any]) -> str:
    """Options, knobs set by hand and other scalars as ``name=value``, the first if there are many.

    The full list of knobs (``knobs``) is left to the run's summary.
    """
    scalars: dict[str, Any] = {}
    for part in (values.get("options"), values.get("changed_knobs"), values):
        if isinstance(part, dict):
            scalars |= {k: v for k, v in part.items() if isinstance(v, str | int | float)}
    shown: list[str] = []
    for name, value in scalars.items():
        if len(" ".join([*shown, f"{name}={value}"])) > _MOST_CHARACTERS:
            break
        shown.append(f"{name}={value}")
    left_out = len(scalars) - len(shown)
    if left_out:
        shown.append(f"+{left_out} more parameters" if shown else f"{left_out} parameters")
    return " ".join(shown)

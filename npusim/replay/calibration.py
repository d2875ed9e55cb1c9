"""Figures of the runtime read off a capture, in place of those of the chip file.

Runtimes differ by version more than chips do. A capture that holds times of its scheduler says what
dispatching cost when it was made::

    completion   a COMPLETE phase per kernel seen (median), without the walk to the first consumer
    preparation  a DISPATCH phase per block (median), without pop, fence and publication
    visibility   kernel end to completion seen: the shortest, as a poll cannot be earlier
    set-up       dispatch to kernel start (median), without the way to the core
    cold cores   the share of cores whose first kernel started as late as a cold core's

Only set-up and cold cores are fitted to a delay that a replay also predicts; how long a completion
waits, and when its successor starts, is still what the model makes of these costs.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from npusim.analysis.hand_over import hand_over
from npusim.errors import UsageError
from npusim.hardware.spec import ChipSpec, RuntimeSpec
from npusim.trace import NO_TIME, PhaseKind, Trace
from npusim.units import PS_PER_NS

_SETUP = {True: "core_setup_swimlane_ns", False: "core_setup_ns"}
"""Which figure is the set-up of a core, with and without the recorder."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A chip with figures of the runtime replaced.

    Attributes:
        chip: The chip.
        figures: What was replaced: name in ``RuntimeSpec``, value in its unit.
    """

    chip: ChipSpec
    figures: dict[str, float]


def calibrate(trace: Trace, chip: ChipSpec, *, is_observed: bool) -> Calibration:
    """``chip`` with every figure of the runtime that ``trace`` tells.

    Args:
        trace: A capture of swimlane level 2 or more.
        chip: The chip; figures that the capture does not tell, or that would not be positive, stay.
        is_observed: Whether the replay charges the cost of recording, so which set-up is meant.

    Raises:
        UsageError: If the capture tells none.
    """
    runtime = chip.runtime
    found = {
        "completion_ns": _completion_ns(trace, runtime),
        "prepare_block_ns": _prepare_ns(trace, runtime),
        "finish_visible_ns": _visible_ns(trace),
        _SETUP[is_observed]: _setup_ns(trace, runtime),
    }
    figures = {name: value for name, value in found.items() if value is not None and value > 0}
    if not figures:
        msg = (
            f"--fit: the capture of {trace.info.kernel} holds no dispatch or finish times and no "
            "scheduler phases; expected swimlane level 2 or more; leave --fit out"
        )
        raise UsageError(msg)
    if _SETUP[is_observed] in figures:
        figures["cold_core_frac"] = _cold_frac(trace, runtime, figures[_SETUP[is_observed]])
    fitted = dataclasses.replace(runtime, **figures)  # type: ignore[arg-type]
    return Calibration(dataclasses.replace(chip, runtime=fitted), figures)


def _completion_ns(trace: Trace, runtime: RuntimeSpec) -> float | None:
    phase_ns = _per_item_ns(trace, PhaseKind.COMPLETE)
    return None if phase_ns is None else phase_ns - runtime.resolve_first_ns


def _prepare_ns(trace: Trace, runtime: RuntimeSpec) -> float | None:
    phase_ns = _per_item_ns(trace, PhaseKind.DISPATCH)
    rest_ns = runtime.pop_batch_ns + runtime.fence_ns + runtime.publish_block_ns
    return None if phase_ns is None else phase_ns - rest_ns


def _visible_ns(trace: Trace) -> float | None:
    seen_ps = hand_over(trace).seen_ps
    return int(seen_ps.min()) / PS_PER_NS if len(seen_ps) else None


def _setup_ns(trace: Trace, runtime: RuntimeSpec) -> float | None:
    launch_ps = hand_over(trace).launch_ps
    if not len(launch_ps):
        return None
    return _median_ns(launch_ps) - runtime.store_visible_ns - runtime.publish_block_ns


def _cold_frac(trace: Trace, runtime: RuntimeSpec, setup_ns: float) -> float:
    """Share of the cores that ran whose first launch was as late as a cold core's at least."""
    slices = trace.slices[np.argsort(trace.slices["start_ps"], kind="stable")]
    _, first = np.unique(slices["lane"], return_index=True)
    firsts = slices[first][slices["dispatch_ps"][first] != NO_TIME]
    if not len(firsts):
        return 0.0
    launch_ns = (firsts["start_ps"] - firsts["dispatch_ps"]) / PS_PER_NS
    warm_ns = runtime.publish_block_ns + runtime.store_visible_ns + setup_ns
    return float(np.mean(launch_ns >= warm_ns + runtime.cold_min_ns))


def _per_item_ns(trace: Trace, kind: PhaseKind) -> float | None:
    """Median over the phases of a kind of their length per item, or None without any."""
    phases = trace.phases[(trace.phases["kind"] == kind) & (trace.phases["count"] > 0)]
    if not len(phases):
        return None
    return _median_ns((phases["end_ps"] - phases["start_ps"]) / phases["count"])


def _median_ns(values_ps: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> float:
    return float(np.median(values_ps)) / PS_PER_NS

"""Replay a capture by path: which chip, which policy, with or without the cost of recording."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from npusim.api.chip_choice import choose_chip
from npusim.api.evidence import run_settings
from npusim.api.replay_input import CaptureFiles, load_capture, task_table
from npusim.api.store import load_run_trace
from npusim.errors import UsageError
from npusim.hardware import ChipSpec
from npusim.replay import Replay, calibrate, fit_latency_ns, replay
from npusim.replay.fit import SERIAL_DISPATCHER, dispatch_pitch_ps
from npusim.simulator import SimulationOptions
from npusim.simulator.options import DEFAULT_POLICY
from npusim.trace import Trace
from npusim.units import PS_PER_NS

_DEVICE_POLICIES = ("tensormap_and_ringbuffer", "host_build_graph")
"""Policies that follow the figures of the runtime in the chip file."""


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """How a capture is scheduled anew.

    Attributes:
        policy: Name of a policy, see ``npusim.simulator.policies.policy_names``.
        parameters: Parameters of that policy.
        chip: Name of the chip; None for that of the capture, a2a3 if that names none.
        deps_file: Dependency table in CSV; it replaces the edges of the capture.
        phases_file: Phase table in CSV of the scheduler threads, beside a task table.
        is_observed: Charge the cost of recording the swimlane; None for as the capture was made.
        has_warm_up: Some cores start their first kernel late, as after the start of a device.
        fits: Take what the capture tells about its runtime from it: figures of the device runtime
            (``npusim.replay.calibration``), pitch and latency of ``serial_dispatcher``.
    """

    policy: str = DEFAULT_POLICY
    parameters: Mapping[str, float] = field(default_factory=dict)
    chip: str | None = None
    deps_file: Path | None = None
    phases_file: Path | None = None
    is_observed: bool | None = None
    has_warm_up: bool = True
    fits: bool = False


def replay_capture(path: Path, request: ReplayRequest | None = None) -> Replay:
    """Schedule the work of the run or capture at ``path`` anew.

    Raises:
        FileFormatError: If there is no such capture, or it cannot be read.
        UsageError: If there is no such policy, parameter or chip, or a phase table is
            given without a task table.
        TraceError: If the dependencies run in a circle, or the chip has too few cores.
    """
    request = request or ReplayRequest()
    chip = choose_chip(request.chip, named_chip(path) if request.chip is None else "")
    trace = load_capture(CaptureFiles(path, request.deps_file, request.phases_file), chip)
    options = _options(trace, request, run_settings(path))
    if not request.fits:
        return replay(trace, chip, options)
    chip, options, figures = _fitted(trace, chip, options)
    return dataclasses.replace(replay(trace, chip, options), fitted=figures)


def named_chip(path: Path) -> str:
    """The chip that the run or capture at ``path`` names; a task table in CSV names none."""
    return "" if task_table(path) is not None else load_run_trace(path).info.chip


def _options(
    trace: Trace, request: ReplayRequest, settings: Mapping[str, Any]
) -> SimulationOptions:
    """A capture was made with the recorder on; a simulated run says whether it was charged.

    A simulated run keeps its early dispatch and seed, where its parameters or summary hold them.
    """
    observer = request.is_observed
    is_captured = trace.info.source == "captured"
    given = {} if is_captured else {**settings, **trace.info.parameters}
    if observer is None:
        observer = is_captured or bool(trace.info.parameters.get("observer", False))
    return SimulationOptions(
        observer=observer,
        policy=request.policy,
        policy_parameters=dict(request.parameters),
        warm_up=request.has_warm_up,
        **{name: given[name] for name in _KEPT if name in given},
    )


_KEPT = ("early_dispatch", "seed")


def _fitted(
    trace: Trace, chip: ChipSpec, options: SimulationOptions
) -> tuple[ChipSpec, SimulationOptions, dict[str, float]]:
    """Chip and options with what the capture itself tells about the policy, and that as figures."""
    if options.policy in _DEVICE_POLICIES:
        calibration = calibrate(trace, chip, is_observed=options.is_observed)
        return calibration.chip, options, calibration.figures
    if options.policy != SERIAL_DISPATCHER:
        known = ", ".join((*_DEVICE_POLICIES, SERIAL_DISPATCHER))
        msg = (
            f"--fit: policy {options.policy} has nothing to fit; expected one of {known}; "
            "leave --fit out"
        )
        raise UsageError(msg)
    given = options.policy_parameters
    figures = {"pitch_ns": dispatch_pitch_ps(trace) / PS_PER_NS, **given}
    options = dataclasses.replace(options, policy_parameters=figures)
    if "latency_ns" not in given:
        figures = {**figures, "latency_ns": fit_latency_ns(trace, chip, options)}
    fitted = {name: value for name, value in figures.items() if name not in given}
    return chip, dataclasses.replace(options, policy_parameters=figures), fitted

"""One run of a kernel, end to end: inputs, recording, verification, simulation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import npusim
from npusim.analysis import summary
from npusim.dependencies import CompilerEra, DependencyMode, build_graph
from npusim.golden import KernelCase, VerificationReport, make_inputs, verify
from npusim.hardware import load_chip
from npusim.language import RecordOptions, record
from npusim.program import Program
from npusim.simulator import SimulationOptions, simulate
from npusim.trace import Trace

Progress = Callable[[str], None]
"""Called with a few words when a stage begins."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run besides the kernel itself."""

    chip: str = "a2a3"
    deps: DependencyMode = DependencyMode.TENSORMAP
    era: CompilerEra = CompilerEra.HEAD
    swimlane_level: int = 4
    is_observed: bool = False
    """Charge the cost of collecting the swimlane, as a device does."""
    is_verified: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What a run left: the recording, the simulated trace and the verdict."""

    program: Program
    trace: Trace
    report: VerificationReport | None
    request: RunRequest = field(default_factory=RunRequest)

    def summary(self) -> dict[str, Any]:
        """The run as one JSON object; the same run gives the same object.

        ``verified`` is null when the outputs were not checked. Element counts add up over the
        outputs; ``rel_l2_faithful`` is the worst of them, null without a faithful golden.
        """
        return {
            **summary(self.trace),
            "npusim_version": npusim.__version__,
            "parameters": self.program.parameters,
            "deps": str(self.request.deps),
            "compiler_era": str(self.request.era),
            "swimlane_level": self.request.swimlane_level,
            "is_observed": self.request.is_observed,
            **_verdict(self.report),
        }


def run_kernel(
    case: KernelCase, request: RunRequest | None = None, *, progress: Progress | None = None
) -> Run:
    """Run ``case``: make its inputs, record it, verify its outputs, simulate the chip.

    Args:
        case: The kernel with its constants, from ``KernelDefinition.case``.
        request: Chip, dependency mode, observers.
        progress: Told when a stage begins.

    Raises:
        NpuSimError: If the kernel breaks a rule, does not fit the chip, or deadlocks. A failed
            verification does not raise; it is in the report.
    """
    wanted = request or RunRequest()
    tell = progress or (lambda _: None)
    chip = load_chip(wanted.chip)  # a wrong name should fail before the work, not after
    tell("making inputs")
    inputs = make_inputs(case.specs)
    tell("recording")
    program, outputs = record_case(case, inputs)
    report = None
    if wanted.is_verified:
        tell("verifying")
        report = verify(case, inputs, outputs)
    tell(f"simulating {chip.name}")
    return Run(program, simulate_program(program, wanted), report, wanted)


def record_case(case: KernelCase, inputs: Mapping[str, Any]) -> tuple[Program, dict[str, Any]]:
    """Record ``case`` on ``inputs`` and return the program and its outputs; inputs stay as are.

    Raises:
        KernelError: If the kernel breaks a rule of the DSL.
    """
    names = {spec.name for spec in case.outputs}
    outputs = {name: inputs[name].copy() for name in names}
    arguments = {
        name: outputs.get(name, value if value.ndim else value.item())
        for name, value in inputs.items()
    }
    options = RecordOptions(kernel=case.name, variant=case.variant, parameters=case.parameters)
    return record(case.entry, arguments, outputs=names, options=options), outputs


def simulate_program(program: Program, request: RunRequest) -> Trace:
    """Simulate a recording on the chip, with the dependencies, that ``request`` asks for.

    Raises:
        NpuSimError: If the program does not fit the chip or deadlocks.
    """
    graph = build_graph(program, request.deps, request.era)
    options = SimulationOptions(
        swimlane_level=request.swimlane_level,
        observer=request.is_observed,
        deps_mode=str(request.deps),
    )
    return simulate(program, graph, load_chip(request.chip), options)


def _verdict(report: VerificationReport | None) -> dict[str, Any]:
    if report is None:
        return {"verified": None, "bad_elements": None, "elements": None, "rel_l2_faithful": None}
    faithful = [out.faithful.rel_l2 for out in report.outputs if out.faithful is not None]
    return {
        "verified": report.passed,
        "bad_elements": sum(out.golden.bad_elements for out in report.outputs),
        "elements": sum(out.golden.elements for out in report.outputs),
        "rel_l2_faithful": max(faithful) if faithful else None,
        "outputs": report.to_json()["outputs"],
    }

"""One run of a kernel, end to end: inputs, recording, verification, simulation."""

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import npusim
from npusim.analysis import summary
from npusim.api.inside import InsideRequest, look_inside
from npusim.dependencies import CompilerEra, DependencyMode, build_graph
from npusim.errors import KernelError, NpuSimError, UsageError
from npusim.golden import KernelCase, VerificationReport, make_inputs, verify
from npusim.hardware import load_chip
from npusim.language import RecordOptions, record
from npusim.program import Program
from npusim.simulator import RingSizes, SimulationOptions, simulate
from npusim.simulator.options import DEFAULT_POLICY
from npusim.simulator.policies import Policy, check_parameters, find_policy, list_policies
from npusim.simulator.ring_needs import check_program_heap
from npusim.trace import Trace
from npusim.trace.model import Records

Progress = Callable[[str], None]
"""Called with a few words when a stage begins."""


_LIBRARIES = sys.stdlib_module_names | {"npusim", "numpy", "ml_dtypes"}


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run besides the kernel itself.

    Raises:
        UsageError: If the swimlane level is not one of 0 to 4, the policy or one of its
            parameters is unknown, or rings are sized or watched for a policy that has none.
    """

    chip: str = "a2a3"
    deps: DependencyMode = DependencyMode.TENSORMAP
    era: CompilerEra = CompilerEra.HEAD
    swimlane_level: int = 4
    is_observed: bool = True
    """Charge the cost of collecting the swimlane and counters, as a device that does."""
    is_swimlane_charged: bool = True
    """Off where the observer collects counters only, whatever level the trace holds."""
    is_verified: bool = True
    inside: InsideRequest = field(default_factory=InsideRequest)
    policy: str = DEFAULT_POLICY
    """The runtime that schedules."""
    policy_parameters: Mapping[str, float] = field(default_factory=dict)
    has_early_dispatch: bool = True
    has_warm_up: bool = True
    """Some cores are late with their first kernel."""
    seed: int = 0
    """Decides which."""
    rings: RingSizes = field(default_factory=RingSizes)
    """Sizes of the rings, where they are not those of the chip."""
    has_scope_stats: bool = False
    """Record how full the rings are."""

    def __post_init__(self) -> None:
        self.simulation_options()  # they check themselves: a wrong level fails before the work
        policy = find_policy(self.policy)
        _check_is_for_runs(policy)
        check_parameters(policy, self.policy_parameters)
        if policy.has_rings:
            return
        if self.rings != RingSizes():
            msg = (
                f"policy {self.policy}: has no rings that fill, so their sizes mean nothing; "
                f"expected none; leave them out or choose {DEFAULT_POLICY}"
            )
            raise UsageError(msg)
        if self.has_scope_stats:
            msg = (
                f"policy {self.policy}: has no rings that fill, so there are no scope statistics; "
                f"expected none asked for; leave them out or choose {DEFAULT_POLICY}"
            )
            raise UsageError(msg)

    def simulation_options(self) -> SimulationOptions:
        """What this asks of the simulator."""
        return SimulationOptions(
            swimlane_level=self.swimlane_level,
            observer=self.is_observed,
            swimlane_charged=self.is_swimlane_charged,
            pmu=self.inside.pmu,
            deps_mode=str(self.deps),
            policy=self.policy,
            policy_parameters=self.policy_parameters,
            early_dispatch=self.has_early_dispatch,
            warm_up=self.has_warm_up,
            seed=self.seed,
            rings=self.rings,
            scope_stats=self.has_scope_stats,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What a run left: the recording, the simulated trace and the verdict."""

    program: Program
    trace: Trace
    report: VerificationReport | None
    request: RunRequest = field(default_factory=RunRequest)
    counters: Records | None = None
    """``COUNTER_DTYPE`` records, one per kernel and core, if the request asks for a PMU group."""

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
            **run_choices(self.request),
            **_verdict(self.report),
        }


def _check_is_for_runs(policy: Policy) -> None:
    if policy.is_replay_only:
        names = ", ".join(one.name for one in list_policies() if not one.is_replay_only)
        msg = (
            f"policy {policy.name}: only npusim replay has it, because it places kernels whose "
            f"durations are known; expected one of {names}; run with {DEFAULT_POLICY} and -o RUN, "
            f"then npusim replay RUN --policy {policy.name}"
        )
        raise UsageError(msg)


def run_choices(request: RunRequest) -> dict[str, Any]:
    """How a run was simulated, for its summary: what-if and advise simulate it so again."""
    return {
        "policy": request.policy,
        "early_dispatch": request.has_early_dispatch,
        "warm_up": request.has_warm_up,
        "seed": request.seed,
        "ring_sizes": {name: list(one) for name, one in asdict(request.rings).items()},
        "fidelity": str(request.inside.fidelity),
        "pmu": request.inside.pmu,
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
    wanted.inside.cores(chip)
    wanted.rings.of_ring(0, chip.runtime)  # refuses sizes that are not one per ring
    tell("making inputs")
    with _kernel_code(case, "the inputs"):
        inputs = make_inputs(case.specs)
    tell("recording")
    program, outputs = record_case(case, inputs)
    _check_rings(program, wanted)
    report = None
    if wanted.is_verified:
        tell("verifying")
        with _kernel_code(case, "the golden"):
            report = verify(case, inputs, outputs)
    tell(f"simulating {chip.name}")
    trace, counters = simulate_and_count(program, wanted)
    return Run(program, trace, report, wanted, counters)


def _check_rings(program: Program, request: RunRequest) -> None:
    """Find out before the minutes of a verification what would stop the simulation."""
    if find_policy(request.policy).has_rings:
        graph = build_graph(program, request.deps, request.era)
        check_program_heap(program, graph, load_chip(request.chip), request.rings)


def record_case(case: KernelCase, inputs: Mapping[str, Any]) -> tuple[Program, dict[str, Any]]:
    """Record ``case`` on ``inputs`` and return the program and its outputs; inputs stay as are.

    Raises:
        KernelError: If the kernel breaks a rule of the DSL.
    """
    names = {spec.name for spec in case.outputs}
    arguments = {
        # Copies of all, not of the outputs only: a kernel may also write tensors that nobody
        # compares, and the golden must see them as they were.
        name: value.copy() if value.ndim else value.item()
        for name, value in inputs.items()
    }
    options = RecordOptions(kernel=case.name, variant=case.variant, parameters=case.parameters)
    with _kernel_code(case, "the code"):
        program = record(case.entry, arguments, outputs=names, options=options)
    return program, {name: arguments[name] for name in names}


def simulate_program(program: Program, request: RunRequest) -> Trace:
    """Simulate a recording on the chip, with the dependencies, that ``request`` asks for.

    Raises:
        NpuSimError: If the program does not fit the chip or deadlocks.
    """
    return simulate_and_count(program, request)[0]


def simulate_and_count(program: Program, request: RunRequest) -> tuple[Trace, Records | None]:
    """``simulate_program``, and the ``COUNTER_DTYPE`` records if it asks for a PMU group."""
    chip = load_chip(request.chip)
    graph = build_graph(program, request.deps, request.era)
    trace = simulate(program, graph, chip, request.simulation_options())
    return look_inside(trace, program, chip, request.inside)


@contextmanager
def _kernel_code(case: KernelCase, what: str) -> Iterator[None]:
    """Turn an exception of the code in a kernel file into an error that names its line."""
    try:
        yield
    except NpuSimError:
        raise
    except Exception as error:
        msg = (
            f"{_kernel_site(error)}: {what} of kernel {case.name} failed with "
            f"{type(error).__name__}: {error}; expected it to run; correct that line"
        )
        raise KernelError(msg) from error


def _kernel_site(error: Exception) -> str:
    """File and line of the innermost frame that belongs to the user, not to a library."""
    site = "kernel"
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__", "")).split(".")[0] not in _LIBRARIES:
            site = f"{Path(frame.f_code.co_filename).name}:{line}"
    return site


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

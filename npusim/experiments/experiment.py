"""A run that can be changed and simulated again: the work, its kernels, the chip, the options."""

from dataclasses import dataclass, replace

from npusim.api.evidence import Evidence
from npusim.dependencies import CompilerEra, DependencyMode, build_graph
from npusim.errors import UsageError
from npusim.experiments.kernel_profiles import ComposedProfile, FixedProfile, Profile
from npusim.hardware import ChipSpec
from npusim.program import Program
from npusim.replay import replay_work
from npusim.simulator import RingSizes, SimulationOptions
from npusim.simulator.catalog import ProfileCatalog
from npusim.simulator.kernels import MachineKernels
from npusim.simulator.program_work import work_of_program
from npusim.simulator.runtime import run_policy
from npusim.simulator.work import RuntimeWork
from npusim.trace import Trace


@dataclass(frozen=True, eq=False)
class Experiment:
    """Frozen: a change makes a new one.

    Attributes:
        name: How messages call the run.
        work: Tasks, edges, counts, runtime scopes.
        profiles: (blocks,) kernels in task order.
        free_sharers: Streams up to which nobody notices that the memory is shared.
        chip: What it runs on.
        options: How it is simulated.
        program: The recording, None for a capture.
        era: Direction rule of the dependencies.
    """

    name: str
    work: RuntimeWork
    profiles: tuple[Profile, ...]
    free_sharers: float
    chip: ChipSpec
    options: SimulationOptions
    program: Program | None
    era: CompilerEra

    def run(self) -> Trace:
        """Simulate it.

        Raises:
            DeadlockError: If the change makes the run hang.
        """
        kernels = MachineKernels(self.profiles, self.free_sharers)  # type: ignore[arg-type]
        return run_policy(self.work, self.chip, self.options, kernels)

    def require_program(self, purpose: str) -> Program:
        """The recording.

        Raises:
            UsageError: If there is none.
        """
        if self.program is None:
            msg = (
                f"{self.name}: {purpose} needs the recording of the kernel, which a capture does "
                "not have; expected a run that npusim run wrote; leave the change out"
            )
            raise UsageError(msg)
        return self.program

    def with_edges(self, mode: DependencyMode) -> "Experiment":
        """The same kernels with the dependencies of another mode."""
        program = self.require_program(f"dependency mode {mode}")
        graph = build_graph(program, mode, self.era)
        if len(graph.lookups) != self.work.task_count:
            msg = (
                f"dependency mode {mode}: the tasks were merged or split before; expected the "
                "tasks of the recording; put it first"
            )
            raise UsageError(msg)
        work = replace(self.work, edges=graph.edges, sources=graph.sources)
        return replace(self, work=work, options=replace(self.options, deps_mode=str(mode)))

    def with_machine(self, chip: ChipSpec) -> "Experiment":
        """The same tasks on a chip with another memory: kernels are timed anew.

        Raises:
            UsageError: If there is no recording, or the kernels are no longer those of it: timing
                them anew would lose what was changed before.
        """
        program = self.require_program("another memory")
        if len(self.profiles) != len(program.blocks):
            msg = (
                "bandwidth: the tasks were merged or split before; expected the tasks of the "
                "recording; put it first"
            )
            raise UsageError(msg)
        if any(isinstance(one, ComposedProfile) for one in self.profiles):
            msg = (
                "bandwidth: kernels were scaled before; expected the kernels of the recording; "
                "put it first"
            )
            raise UsageError(msg)
        profiles, free = _profiles(program, chip)
        return replace(self, profiles=profiles, free_sharers=free, chip=chip)


def baseline(evidence: Evidence, chip: ChipSpec) -> Experiment:
    """The run of ``evidence`` as it was simulated, or as the model replays a capture.

    Raises:
        NpuSimError: If it cannot be simulated on ``chip``.
    """
    options = _options(evidence)
    if evidence.program is not None:
        made = program_experiment(evidence.program, chip, options, evidence.era)
        return replace(made, name=evidence.name)
    work = replace(replay_work(evidence.trace, chip), captured=None)
    durations = () if work.durations_ps is None else work.durations_ps.tolist()
    fixed = {one: FixedProfile(one) for one in set(durations)}
    profiles = tuple(fixed[one] for one in durations)
    return Experiment(
        evidence.name, work, profiles, 1.0, chip, options, program=None, era=evidence.era
    )


def program_experiment(
    program: Program, chip: ChipSpec, options: SimulationOptions, era: CompilerEra
) -> Experiment:
    """A recording, ready to be simulated on ``chip``.

    Raises:
        NpuSimError: If it cannot be simulated on ``chip``.
    """
    graph = build_graph(program, DependencyMode(options.deps_mode), era)
    work = work_of_program(program, graph, chip)
    profiles, free = _profiles(program, chip)
    return Experiment(program.kernel, work, profiles, free, chip, options, program, era)


def _profiles(program: Program, chip: ChipSpec) -> tuple[tuple[Profile, ...], float]:
    catalog = ProfileCatalog(program, chip, memoise=True)
    found = tuple(catalog.profile(block) for block in range(len(program.blocks)))
    return found, catalog.ladder.free


def _options(evidence: Evidence) -> SimulationOptions:
    """The choices that a run was made with; of a capture, that its recorder was on."""
    info = evidence.trace.info
    if info.source != "simulated":
        return SimulationOptions(observer=info.swimlane_level > 0)
    given = {**evidence.settings, **info.parameters}
    prefix = "policy_"
    parameters = {
        name.removeprefix(prefix): value
        for name, value in info.parameters.items()
        if name.startswith(prefix)
    }
    known = {name: given[name] for name in _KEPT if name in given}
    sizes = {name: tuple(one) for name, one in given.get("ring_sizes", {}).items()}
    return SimulationOptions(policy_parameters=parameters, rings=RingSizes(**sizes), **known)


_KEPT = (
    "deps_mode",
    "observer",
    "swimlane_charged",
    "pmu",
    "policy",
    "early_dispatch",
    "warm_up",
    "seed",
)

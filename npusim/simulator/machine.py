"""The cores of a device as the runtime sees them: who owns them and what they run."""

from dataclasses import dataclass

from npusim.hardware.spec import TopologySpec
from npusim.program import CoreType


@dataclass(slots=True, eq=False)
class Run:
    """One block on one core, from the queue to the completion seen."""

    task: int
    block: int
    """Number of the block within its task."""
    core: "Core"
    popped_ps: int
    dispatch_ps: int = 0
    receive_ps: int = 0
    start_ps: int = 0
    end_ps: int = 0
    finish_ps: int = 0
    stall_ps: int = 0


@dataclass(slots=True, eq=False)
class Core:
    """One AIC or AIV. Idle while ``run`` is None; owned by one scheduler thread."""

    core_id: int
    """Number on the device, also the index of its lane: AIC first, then AIV."""
    core_type: CoreType
    cluster: int
    slot: int
    """0 for the AIC of a cluster, 1 for its first AIV, and so on."""
    thread: int
    index_in_type: int
    run: Run | None = None
    finish_visible_ps: int | None = None
    """When the completion of ``run`` can be read; None while the kernel runs."""
    receives_from_ps: int = 0
    """The core is busy with its own records until then."""

    @property
    def lane_name(self) -> str:
        """``AIC[3]`` or ``AIV[7]``; the index counts within the type."""
        return f"{self.core_type.name}[{self.index_in_type}]"


def build_cores(topology: TopologySpec) -> list[Core]:
    """All cores in order of their number.

    Cluster i is AIC i and the AIVs that follow; it belongs to scheduler thread i modulo the
    threads (HARDWARE.md section 1).
    """
    threads = topology.scheduler_thread_count
    cores = [
        Core(index, CoreType.AIC, index, 0, index % threads, index)
        for index in range(topology.aic_count)
    ]
    for index in range(topology.aiv_count):
        cluster, lane = divmod(index, topology.aiv_per_cluster)
        core_id = topology.aic_count + index
        cores.append(
            Core(
                core_id,
                CoreType.AIV,
                cluster,
                1 + lane,
                cluster % threads,
                index,
            )
        )
    return cores


def cores_of_thread(cores: list[Core], thread: int) -> list[Core]:
    """The cores a thread owns, in the order of its polls: cluster by cluster, AIC first."""
    own = [core for core in cores if core.thread == thread]
    return sorted(own, key=lambda core: (core.cluster, core.slot))

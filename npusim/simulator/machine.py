"""The cores of a device as the runtime sees them: who owns them and what they hold.

A core has two slots. The running one holds a block that executes or is about to; the pending one a
block that follows it, so that the core need not wait for its scheduler::

    running  |====== block 3 ======|
    pending        | staged: 7     |-switch-|====== block 7, now running ======|
"""

from npusim.hardware.spec import TopologySpec
from npusim.program import CoreType
from npusim.simulator.task_state import TaskState
from npusim.trace import NO_TIME

NEVER_PS = 1 << 62
"""Later than anything: a time that is not known yet."""


class Run:
    """One block on one core, from the queue to the completion seen."""

    __slots__ = (
        "ack_ps",
        "block",
        "core",
        "dispatch_ps",
        "end_ps",
        "finish_ps",
        "is_gated",
        "is_staged",
        "mates",
        "popped_ps",
        "published_ps",
        "receive_ps",
        "stall_ps",
        "start_ps",
        "state",
    )

    def __init__(self, state: TaskState, block: int, core: "Core", popped_ps: int) -> None:
        self.state = state
        self.block = block
        """Number of the block within its task."""
        self.core = core
        self.popped_ps = popped_ps
        self.mates: tuple[Run, ...] = ()
        """The parts of a MIX block, this one included; empty for a block on one core."""
        self.is_gated = False
        """Waits on its core for the doorbell."""
        self.is_staged = False
        """Dispatched early: it waits, or has waited, behind a gate."""
        self.published_ps = 0
        """When the core can see it: the register, or the doorbell, plus the way to the core."""
        self.dispatch_ps = 0
        self.receive_ps = 0
        self.ack_ps = NEVER_PS
        """When the core acknowledges it; its kernel starts then, or when all mates are there."""
        self.start_ps = NEVER_PS
        self.end_ps = NEVER_PS
        self.finish_ps = NO_TIME
        self.stall_ps = 0


class Core:
    """One AIC or AIV, owned by one scheduler thread."""

    __slots__ = (
        "bit",
        "cluster",
        "cold_ps",
        "core_id",
        "core_type",
        "free_ps",
        "index_in_type",
        "is_acked",
        "pending",
        "running",
        "slot",
        "thread",
    )

    def __init__(
        self,
        core_id: int,
        core_type: CoreType,
        cluster: int,
        slot: int,
        thread: int,
        index_in_type: int,
        bit: int = 0,
    ) -> None:
        self.core_id = core_id
        """Number on the device, also the index of its lane: AIC first, then AIV."""
        self.core_type = core_type
        self.cluster = cluster
        self.slot = slot
        """0 for the AIC of a cluster, 1 for its first AIV, and so on."""
        self.thread = thread
        self.index_in_type = index_in_type
        self.bit = bit
        """Position in the masks of its thread: clusters in order, within one by slot."""
        self.running: Run | None = None
        self.pending: Run | None = None
        self.is_acked = False
        """The thread has read the ACK of the running block; the pending slot may be filled."""
        self.free_ps = 0
        """When the kernel so far and its records are over; ``NEVER_PS`` if that is not known."""
        self.cold_ps = 0
        """How much later the next kernel starts; zero after the first."""

    @property
    def lane_name(self) -> str:
        """``AIC[3]`` or ``AIV[7]``; the index counts within the type."""
        return f"{self.core_type.name}[{self.index_in_type}]"


def build_cores(topology: TopologySpec, threads: int | None = None) -> list[Core]:
    """All cores in order of their number.

    Cluster i is AIC i and the AIVs that follow; it belongs to scheduler thread i modulo the
    threads (HARDWARE.md section 1), of which there are ``threads`` or as many as the chip says.
    """
    threads = topology.scheduler_thread_count if threads is None else threads
    width = 1 + topology.aiv_per_cluster
    cores = [
        Core(index, CoreType.AIC, index, 0, index % threads, index, index // threads * width)
        for index in range(topology.aic_count)
    ]
    for index in range(topology.aiv_count):
        cluster, lane = divmod(index, topology.aiv_per_cluster)
        cores.append(
            Core(
                topology.aic_count + index,
                CoreType.AIV,
                cluster,
                1 + lane,
                cluster % threads,
                index,
                cluster // threads * width + 1 + lane,
            )
        )
    return cores


def cores_of_thread(cores: list[Core], thread: int) -> list[Core]:
    """The cores a thread owns, in the order of its polls: cluster by cluster, AIC first."""
    return sorted((core for core in cores if core.thread == thread), key=lambda core: core.bit)

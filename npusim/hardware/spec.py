"""Frozen chip descriptions. Every figure comes from ``chips/<name>.toml`` with its source.

The field names are the TOML keys: table ``[memory.l2_capacity_bytes]`` fills
``ChipSpec.memory.l2_capacity_bytes``. What a figure means and how it was obtained is written in the
TOML next to it; here stands only what the model does with it.
"""

import math
from dataclasses import dataclass, fields

from npusim.errors import HardwareSpecError

VECTOR_COST_KEYS = (
    "binary",
    "mul",
    "unary_scalar",
    "scalar_operand",
    "exp",
    "log",
    "sqrt",
    "rsqrt",
    "recip",
    "div",
    "div_scalar",
    "cast",
    "compare",
    "select",
    "dup",
    "copy",
    "row_max",
    "row_sum",
    "row_min",
    "row_argmax",
    "col_sum",
    "col_max",
    "col_min",
    "row_expand",
    "row_expand_binary",
    "row_expand_div",
    "row_expand_expdif",
    "col_expand_binary",
    "col_expand_div",
    "col_expand_expdif",
    "gather",
    "gather_index",
    "scatter",
    "transpose",
    "sort32",
    "mrgsort",
    "fmod",
    "trig",
)
"""The vector classes a chip must describe: the cost keys that the op table may name."""


def _check_figures(spec: object, *, zero_allowed: frozenset[str] = frozenset()) -> None:
    for item in fields(spec):  # type: ignore[arg-type]
        value = getattr(spec, item.name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        is_allowed = value > 0 or (value == 0 and item.name in zero_allowed)
        if not (is_allowed and math.isfinite(value)):
            expected = "zero or more" if item.name in zero_allowed else "a positive figure"
            msg = (
                f"{type(spec).__name__}.{item.name}: is {value}; expected {expected}; "
                "correct it in the chip file"
            )
            raise HardwareSpecError(msg)


@dataclass(frozen=True, slots=True)
class TopologySpec:
    """Cores, clusters and AICPU threads of one runtime device."""

    cluster_count: int
    aiv_per_cluster: int
    scheduler_thread_count: int
    orchestrator_thread_count: int

    def __post_init__(self) -> None:
        _check_figures(self)

    @property
    def aic_count(self) -> int:
        """Cube cores: one per cluster."""
        return self.cluster_count

    @property
    def aiv_count(self) -> int:
        """Vector cores."""
        return self.cluster_count * self.aiv_per_cluster


@dataclass(frozen=True, slots=True)
class ClockSpec:
    """Clock rates of the AI cores and of the counter that stamps records."""

    core_mhz: int
    counter_mhz: int
    """Rate of the system counter that stamps swimlane records."""

    def __post_init__(self) -> None:
        _check_figures(self)


@dataclass(frozen=True, slots=True)
class BufferSpec:
    """Capacities of the on-chip buffers of one core, and their alignment.

    L1, L0A, L0B and L0C belong to an AIC, UB to an AIV.

    Raises:
        HardwareSpecError: If a figure is not positive, or more UB is usable than exists.
    """

    l1_capacity_bytes: int
    l0a_capacity_bytes: int
    l0b_capacity_bytes: int
    l0c_capacity_bytes: int
    ub_capacity_bytes: int
    ub_usable_bytes: int
    """What the compiler may allocate; the rest is reserved."""
    alignment_bytes: int

    def __post_init__(self) -> None:
        _check_figures(self)
        if self.ub_usable_bytes > self.ub_capacity_bytes:
            msg = (
                f"BufferSpec.ub_usable_bytes: is {self.ub_usable_bytes}; expected at most "
                f"ub_capacity_bytes, {self.ub_capacity_bytes}; correct one in the chip file"
            )
            raise HardwareSpecError(msg)


@dataclass(frozen=True, slots=True)
class MemorySpec:
    """Global memory: L2, HBM and what one core can pull or push.

    A row costs ``ceil(row_bytes / gm_granularity_bytes) * gm_granularity_bytes``. The chip serves
    reads at ``1 / (h / l2_bytes_per_us + (1 - h) / hbm_bytes_per_us)`` in total, h the fraction of
    hits; writes go to L2 at ``l2_write_bytes_per_us`` beside them, and what L2 has to write back
    takes its time of HBM.
    """

    l2_capacity_bytes: int
    l2_line_bytes: int
    gm_granularity_bytes: int
    """A row of a transfer moves a whole multiple of this."""
    l2_bytes_per_us: float
    """All cores reading what is in L2."""
    l2_write_bytes_per_us: float
    """All cores writing."""
    hbm_bytes_per_us: float
    core_read_bytes_per_cycle: float
    core_write_bytes_per_cycle: float
    """UB or L1 to global memory, on MTE3."""
    fix_write_bytes_per_cycle: float
    """L0C to global memory, on FIX; bytes as stored."""
    aic_read_latency_ns: float
    """Start of a load on an AIC, into L1, to its first data, if they are in L2."""
    aiv_read_latency_ns: float
    """Start of a load on an AIV, into UB, to its first data, if they are in L2."""
    hbm_read_latency_ns: float
    """How much later the first data are there if they come from HBM."""
    write_latency_ns: float
    aic_read_startup_ns: float
    """Time on MTE2 of a load into L1 beside that of its bytes."""
    aiv_read_startup_ns: float
    """The same of loads into UB."""
    aic_read_interval_ns: float
    """From the start of a load into L1 to that of the next at least, however small they are."""
    mte3_write_interval_ns: float
    """From the start of a store on MTE3 to that of the next, however small they are."""

    def __post_init__(self) -> None:
        _check_figures(self)


@dataclass(frozen=True, slots=True)
class CubeSpec:
    """MMAD, the L1 to L0 loads and the L0C drain (FIXP).

    An MMAD takes ``head + passes * ceil(m / fractal_rows) * ceil(n / fractal_cols) *
    ceil(k * bytes / fractal_k_bytes)`` cycles; ``passes`` is ``fp32_passes`` for fp32, else 1.
    A drain of an (m, n) accumulator of 4-byte elements takes ``fixed + m * (max(row_floor, 4 * n /
    bytes_per_cycle) + penalty * (odd(ceil(n / 8)) - 1))``; odd(x) is x without factors of two.
    """

    fractal_rows: int
    fractal_cols: int
    fractal_k_bytes: int
    mmad_head_cycles: float
    """Head of an MMAD that finds the cube idle."""
    mmad_streamed_head_cycles: float
    """Head of an MMAD that follows another without a pause."""
    fp32_passes: int
    l1_to_l0a_bytes_per_cycle: float
    l1_to_l0b_bytes_per_cycle: float
    l1_to_l0_startup_cycles: float
    fixp_fixed_cycles: float
    fixp_row_floor_cycles: float
    fixp_bytes_per_cycle: float
    fixp_penalty_cycles: float
    fixp_narrow_row_bytes: int
    """Rows shorter than this cost FIX ``fixp_narrow_row_ns`` each on their way to global memory."""
    fixp_narrow_row_ns: float

    def __post_init__(self) -> None:
        _check_figures(self)


@dataclass(frozen=True, slots=True)
class VectorClassSpec:
    """Cycles of one class of vector instruction; figures that do not apply are zero.

    Elementwise classes: ``slope * repeats + fixed``, repeats over the whole operand.
    Classes that walk rows (reductions, ``row_expand``, index gather): ``rows * (per_row +
    per_row_repeat * R) + fixed + fixed_per_repeat * R``, R the repeats of one row.
    The slope of a class is zero in one of the two forms, so the sum of both is always right.
    """

    slope_cycles_per_repeat: float = 0.0
    half_slope_cycles_per_repeat: float = 0.0
    """The slope for operands of at most two bytes, where it is another; else zero."""
    fixed_cycles: float = 0.0
    per_row_cycles: float = 0.0
    per_row_repeat_cycles: float = 0.0
    per_row_partial_cycles: float = 0.0
    """Added for a row that ends within a repeat after its first: one more instruction."""
    fixed_per_repeat_cycles: float = 0.0
    is_row_wise: bool = False
    """Every row begins a repeat of its own; else a tile is one run of elements."""

    def __post_init__(self) -> None:
        _check_figures(self, zero_allowed=frozenset(item.name for item in fields(self)))


@dataclass(frozen=True, slots=True)
class VectorSpec:
    """The vector unit: bytes per repeat and one class per cost key of the op table.

    Raises:
        HardwareSpecError: If a figure is out of range or a class of ``VECTOR_COST_KEYS`` missing.
    """

    repeat_bytes: int
    block_bytes: int
    """What a vector instruction steps by; a tile row begins at a multiple of it."""
    partial_repeat_cycles: float
    """Added when the operand is not a whole number of repeats (count mode)."""
    classes: dict[str, VectorClassSpec]

    def __post_init__(self) -> None:
        _check_figures(self, zero_allowed=frozenset({"partial_repeat_cycles"}))
        missing = [key for key in VECTOR_COST_KEYS if key not in self.classes]
        if missing:
            msg = (
                f"VectorSpec.classes: lacks {', '.join(missing)}; expected one class for each of "
                f"{', '.join(VECTOR_COST_KEYS)}; add them"
            )
            raise HardwareSpecError(msg)

    def class_for(self, cost_key: str) -> VectorClassSpec:
        """The class that prices operations with ``cost_key``.

        Raises:
            HardwareSpecError: If the chip has no such class.
        """
        try:
            return self.classes[cost_key]
        except KeyError as error:
            msg = (
                f"VectorSpec.classes: no class for cost key {cost_key!r}; expected one of "
                f"{', '.join(sorted(self.classes))}; correct the cost key in the op table"
            )
            raise HardwareSpecError(msg) from error


@dataclass(frozen=True, slots=True)
class ScalarSpec:
    """The scalar unit: instruction issue and reads of global memory through its D-cache."""

    issue_cycles: float
    """Scalar work to put one instruction into the queue of a pipe."""
    dcache_line_bytes: int
    gm_read_miss_ns: float
    gm_read_next_line_ns: float
    """A miss of the line after one that is in the D-cache: a scan finds it on its way."""
    gm_read_hit_cycles: float

    def __post_init__(self) -> None:
        _check_figures(self)


@dataclass(frozen=True, slots=True)
class SyncSpec:
    """Cube to vector hand-over inside a MIX task."""

    handshake_ns: float
    """A flag between the cores, after which one sees what the other wrote."""
    is_cross_core_through_gm: bool
    """True where tiles between AIC and AIV travel through global memory (a2a3)."""

    def __post_init__(self) -> None:
        _check_figures(self)


@dataclass(frozen=True, slots=True)
class RuntimeSpec:
    """AICPU costs and limits of the ``tensormap_and_ringbuffer`` runtime.

    Orchestrator: ``submit_fixed + per_tensor * tensors + per_lookup * lookups + per_insert *
    inserts + per_edge * edges + submit_user_code`` per task. A scheduler thread polls its running
    cores one after another, resolves what ended, then pops, prepares and publishes blocks.
    """

    submit_fixed_ns: float
    submit_per_tensor_ns: float
    submit_per_lookup_ns: float
    submit_per_insert_ns: float
    submit_per_edge_ns: float
    submit_user_code_ns: float
    """The kernel's own orchestration code between two submits."""
    scope_end_per_task_ns: float
    """Letting go of one task at the end of its scope."""
    poll_per_core_ns: float
    poll_base_ns: float
    completion_ns: float
    """Handling of one FIN, whether or not it ends the task."""
    resolve_first_ns: float
    """Added when the FIN ends the task: the walk over its consumers, the first included."""
    resolve_per_consumer_ns: float
    """Each consumer after the first."""
    pop_batch_ns: float
    dummy_batch_count: int
    """Dummies that one look at the queues completes at most."""
    prepare_block_ns: float
    stage_block_ns: float
    """``prepare_block_ns`` of a block that is dispatched early."""
    fence_ns: float
    publish_block_ns: float
    store_visible_ns: float
    """A published block to the core that polls for it."""
    finish_visible_ns: float
    """End on the core to the earliest poll that sees it, that load of COND included."""
    core_setup_ns: float
    """Receive to start on a warm core, swimlane collection off."""
    core_setup_swimlane_ns: float
    """Receive to start on a warm core while the swimlane is collected."""
    core_switch_ns: float
    """End of a kernel until its core takes the block staged behind it, collection off."""
    record_swimlane_ns: float
    """The same while the swimlane is collected: write-back of the record of the kernel."""
    gate_to_start_ns: float
    """Doorbell seen to start, for a block that was dispatched early and waits on its core."""
    cold_core_frac: float
    """Share of the cores whose first kernel starts late."""
    cold_min_ns: float
    """How much later it starts than on a warm core, at least ..."""
    cold_max_ns: float
    """... and at most."""
    standalone_launch_ns: float
    """What a kernel launched by the host, without this runtime, takes besides its cores' work."""
    core_slot_count: int
    """Blocks that one core holds: the running one and those staged behind it."""
    ring_count: int
    """Rings of task slots; a task uses ring ``min(scope depth, ring_count - 1)``."""
    ring_slot_count: int
    """Task slots of one ring."""
    ring_heap_bytes: int
    """Output heap of one ring."""
    ring_dependency_count: int
    """Entries of the dependency lists of one ring, one for each new edge."""
    early_queue_count: int
    """Candidates of early dispatch per shape."""
    output_alignment_bytes: int
    """Outputs are placed in the heap at multiples of this."""
    serial_pitch_ns: float
    """The serial dispatcher of the captures: from one dispatch to the next."""
    serial_latency_ns: float
    """The same: end of a kernel until the dispatcher knows."""

    def __post_init__(self) -> None:
        _check_figures(self, zero_allowed=frozenset({"cold_core_frac", "core_switch_ns"}))
        if self.cold_core_frac > 1 or self.cold_min_ns > self.cold_max_ns:
            msg = (
                f"RuntimeSpec.cold_*: is {self.cold_core_frac} of the cores, {self.cold_min_ns} to "
                f"{self.cold_max_ns} ns; expected a share up to 1 and a minimum up to the maximum; "
                "correct it in the chip file"
            )
            raise HardwareSpecError(msg)


@dataclass(frozen=True, slots=True)
class OlderBuildSpec:
    """What an older build of the runtime needs where it differs, for measurements of its time."""

    prepare_block_ns: float

    def __post_init__(self) -> None:
        _check_figures(self)


@dataclass(frozen=True, slots=True)
class ChipSpec:
    """One runtime device: a die of an A2/A3, both dies of an A5."""

    name: str
    title: str
    """The part as its maker calls it."""
    topology: TopologySpec
    clock: ClockSpec
    buffer: BufferSpec
    memory: MemorySpec
    cube: CubeSpec
    vector: VectorSpec
    scalar: ScalarSpec
    sync: SyncSpec
    runtime: RuntimeSpec
    build_2026_06: OlderBuildSpec
    """The runtime of June 2026."""

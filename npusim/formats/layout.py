"""Names and codes of the chip swimlane files, shared by their writers and their readers.

Source: the file formats of hw-native-sys/simpler up to commit 6ebaf7715 (2026-08-22).
"""

from enum import StrEnum

from npusim.trace import EdgeSource, PhaseKind


class Layout(StrEnum):
    """How a records file is laid out; the letter is our name for it, the dates are upstream's."""

    P = "p"
    """Before 2026-05-31: joined, in µs, edges in the tasks."""
    A = "a"
    """From 2026-05-31: joined, in µs."""
    B = "b"
    """From 2026-06-04: raw ticks, rows without receive time."""
    C = "c"
    """From 2026-06-22: raw ticks."""
    D = "d"
    """From 2026-08-04: as C, with the file and the level key renamed."""
    E = "e"
    """Later: scheduler streams, runs told apart by epoch."""


RECORDS_FILES = (
    "chip_swimlane_records.json", "l2_swimlane_records.json", "l2_perf_records.json",
)  # fmt: skip
"""Newest first; it wins where a directory holds several."""
LEVEL_KEYS = ("chip_swimlane_level", "l2_swimlane_level", "l2_perf_level", "version")
RECORDS_FILE_OF = {
    Layout.B: RECORDS_FILES[1],
    Layout.C: RECORDS_FILES[1],
    Layout.D: RECORDS_FILES[0],
}
"""Records file of the layouts that npusim writes."""
LEVEL_KEYS_OF = {
    Layout.B: LEVEL_KEYS[1:2],
    Layout.C: LEVEL_KEYS[1:2],
    Layout.D: LEVEL_KEYS[:2],
}
"""With both keys a layout D document serves the tools of layout C too, under their file name."""
MERGED_GLOB = "merged_swimlane*.json"
OUTPUTS_DIR = "dfx_outputs"
RANK_GLOB = "rank*/d*"
"""One folder per device and dispatch below ``dfx_outputs`` where there are several."""
DEPS_FILE = "deps.json"
NAME_MAP_FILE = "name_map_npusim.json"
"""Something after ``name_map_``: the viewers of mid 2026 look for ``name_map_*.json`` only."""
NAME_MAP_GLOB = "name_map*.json"

DEFAULT_RUNTIME = "tensormap_and_ringbuffer"
"""The runtime that npusim models; later upstream readers require the field."""

HZ_PER_MHZ = 1_000_000
CHIPS_BY_COUNTER_MHZ = {50: "a2a3", 1000: "a5"}
"""Chip by the rate of its counter, which is all that a capture of a device says of its chip.

The rates of the chip files, which this package does not read: a test holds both together.
"""
DEFAULT_COUNTER_MHZ = min(CHIPS_BY_COUNTER_MHZ)
"""Of a capture that names neither rate nor chip: every published one is of that counter."""

TIME_ORIGIN_TICKS = 4_000_000_000
"""Counter value that the writer gives to simulated time 0.

A tick of 0 means "missing" in these files, so nothing may happen at 0; real counters have run for
hours when a kernel starts, and readers subtract the smallest tick.
"""
TIME_ORIGIN_KEY = "time_origin_ticks"
"""Metadata key of the tick of time 0. Without it a reader takes the smallest tick."""

ROW_BLOCKS_KEY = "row_blocks"
"""Metadata key of the block of each row of ``aicore_tasks``, which the rows themselves lack."""

CORE_TYPES = ("aic", "aiv")
AIV_PER_CLUSTER = 2
"""Cluster i is AIC i with AIV 2i and 2i+1, counted by core id within each type."""

SLOT_COUNT = 3
"""Sub-slots of a dispatch and entries of ``kernel_ids``: AIC, AIV0, AIV1."""
SLOTS_BY_CORE_TYPE = {"aic": (0,), "aiv": (1,), "mix": (0, 1, 2)}
SLOT_SUFFIX = ("_aic", "_aiv", "_aiv")
"""What a MIX kernel's name gets per sub-slot; upstream reports fold the suffixes."""

SCHEDULER_STREAM = "aicpu_scheduler_phases"
ORCHESTRATOR_STREAM = "aicpu_orchestrator_phases"
HOST_STREAM = "host_orchestrator_phases"
"""Keys of the phases: scheduler threads, submits on the device, submits on the host."""
SCHEDULER_KINDS = {
    PhaseKind.COMPLETE: "complete",
    PhaseKind.DISPATCH: "dispatch",
    PhaseKind.RESOLVE: "resolve",
    PhaseKind.DUMMY: "dummy",
    PhaseKind.EARLY_DISPATCH: "early_dispatch",
    PhaseKind.DRAIN: "drain",
    PhaseKind.RELEASE: "release",
}
SCHEDULER_KINDS_OF_B = SCHEDULER_KINDS | {
    PhaseKind.EARLY_DISPATCH: SCHEDULER_KINDS[PhaseKind.DISPATCH],
    PhaseKind.DRAIN: SCHEDULER_KINDS[PhaseKind.DISPATCH],
}
"""Layout B is older than these kinds; its tools hang the arrows of what they publish nowhere."""
DUMMY_MARKER = "dummy_task"
"""Zero-width record that names the dummy a scheduler thread completed."""
DUMMY_NAME_KEY = "name"
"""Extra key of a dummy in ``deps.json``: it runs no callable that the name map could name."""
PREDICATED_KEY = "predicated"
COHORT_KEY = "sync_start"
"""Extra keys of a task in ``deps.json``, true where the task has that flag."""
SKIP_MARKER = "predicated_skip"
"""Zero-width record that names a task whose predicate was false: it ran on no core."""
LEFT_OUT_OUTER_KINDS = frozenset({"async_poll", "graph_prepare", "wire", "idle"})
"""Scheduler records that a trace has no phase for, one at a time on their thread."""
LEFT_OUT_INNER_KINDS = frozenset(
    {"drain_prepare", "drain_publish", "poll", "fanout", "scan", "prestage"}
)
"""Scheduler records that a trace has no phase for, and that lie inside others."""

EDGE_SOURCES = {
    EdgeSource.REGION: "tensormap",
    EdgeSource.TENSORMAP: "tensormap",
    EdgeSource.CREATOR: "creator",
    EdgeSource.EXPLICIT: "explicit",
}
EDGE_FLAGS = {
    EdgeSource.REGION: ("wait",),
    EdgeSource.TENSORMAP: ("wait",),
    EdgeSource.CREATOR: ("wait", "retain"),
    EdgeSource.EXPLICIT: ("wait", "retain"),
}
EXACT_RULE = "region"
"""Extra edge key ``rule``: the device knows no exact regions and calls such edges tensormap."""

"""Names and codes of the chip swimlane files, shared by their writer and their reader.

Source: the file formats of hw-native-sys/simpler at commit 6ebaf7715 (2026-08-22). Layout C calls
the records file ``l2_swimlane_records.json``, layout D ``chip_swimlane_records.json``; the fields
are the same, and a document with both level keys serves the readers of both.
"""

from npusim.trace import EdgeSource, PhaseKind

RECORDS_FILES = ("chip_swimlane_records.json", "l2_swimlane_records.json")
"""Layout D first; it wins where a directory holds both."""
LEVEL_KEYS = ("chip_swimlane_level", "l2_swimlane_level")
DEPS_FILE = "deps.json"
NAME_MAP_FILE = "name_map_npusim.json"
"""Something after ``name_map_``: the viewers of mid 2026 look for ``name_map_*.json`` only."""
NAME_MAP_GLOB = "name_map*.json"

DEFAULT_RUNTIME = "tensormap_and_ringbuffer"
"""The runtime that npusim models; later upstream readers require the field."""

HZ_PER_MHZ = 1_000_000

TIME_ORIGIN_TICKS = 4_000_000_000
"""Counter value that the writer gives to simulated time 0.

A tick of 0 means "missing" in these files, so nothing may happen at 0; real counters have run for
hours when a kernel starts, and readers subtract the smallest tick.
"""
TIME_ORIGIN_KEY = "time_origin_ticks"
"""Metadata key of the tick of time 0. Without it a reader takes the smallest tick."""

CORE_TYPES = ("aic", "aiv")
AIV_PER_CLUSTER = 2
"""Cluster i is AIC i with AIV 2i and 2i+1, counted by core id within each type."""

SLOT_COUNT = 3
"""Sub-slots of a dispatch and entries of ``kernel_ids``: AIC, AIV0, AIV1."""
SLOTS_BY_CORE_TYPE = {"aic": (0,), "aiv": (1,), "mix": (0, 1, 2)}
SLOT_SUFFIX = ("_aic", "_aiv", "_aiv")
"""What a MIX kernel's name gets per sub-slot; upstream reports fold the suffixes."""

SCHEDULER_KINDS = {
    PhaseKind.COMPLETE: "complete",
    PhaseKind.DISPATCH: "dispatch",
    PhaseKind.RESOLVE: "resolve",
    PhaseKind.DUMMY: "dummy",
    PhaseKind.EARLY_DISPATCH: "early_dispatch",
    PhaseKind.DRAIN: "drain",
    PhaseKind.RELEASE: "release",
}
DUMMY_MARKER = "dummy_task"
"""Zero-width record that names the dummy a scheduler thread completed."""
DUMMY_NAME_KEY = "name"
"""Extra key of a dummy in ``deps.json``: it runs no callable that the name map could name."""
UNMODELLED_KINDS = frozenset(
    {
        "async_poll", "graph_prepare", "wire", "drain_prepare", "drain_publish", "predicated_skip",
        "poll", "fanout", "scan", "prestage", "idle",
    }
)  # fmt: skip
"""Scheduler records of some upstream version that a trace has no phase for."""

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

"""Names in the pair of files of hicann/pypto's device profile, shared by writer and reader.

Source: tools/profiling/draw_swim_lane.py of hicann/pypto at commit 883e7dfb (2026-08-22). The
records are a list of cores with the tasks that each ran; the topology lists each task with its
successors. A task is one kernel on one core, with the identity ``seqNo << 32 | taskId``.
"""

HICANN_RECORDS = "tilefwk_L1_prof_data.json"
HICANN_TOPOLOGY = "topo.json"
"""A plain list; a name with ``dyn`` in it would be taken for the table that a device writes."""
TOPOLOGY_GLOB = "*topo*"
SEQUENCE_SHIFT = 32
CLOCK_KEY = "clockFreqMhz"
"""Extra key of the first core: the files do not name the rate of their counter."""
TABLE_COLUMNS = (
    "seqNo", "taskId", "rootIndex", "rootHash", "opmagic", "leafIndex", "funcHash", "coreType",
    "psgId", "wrapId", "staticSuccCount",
)  # fmt: skip
"""Columns of ``dyn_topo.txt`` before the successors."""

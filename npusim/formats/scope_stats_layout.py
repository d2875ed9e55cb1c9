"""Names of ``scope_stats.jsonl``, shared by its writer and its reader.

Line 1 describes the run, every other line is one sample at the begin or the end of a scope.
Source: hw-native-sys/simpler, ``docs/dfx/scope-stats.md`` at commit 6ebaf7715 (2026-08-22).
"""

from npusim.trace import RingEvent

SCOPE_STATS_FILE = "scope_stats/scope_stats.jsonl"
"""Below the directory of the records."""
VERSION = 6
FIRST_WITH_WHOLE_HEAP = 6
"""Version from which on heap counters do not start anew where the heap does (2026-06-17)."""

PHASES = {RingEvent.BEGIN: "begin", RingEvent.END: "end"}
TENSORMAP_KEY = "tensormap"
SAMPLE_KEYS = {
    "task_window_start": "slots_freed",
    "task_window_end": "slots_taken",
    "heap_start": "heap_freed_bytes",
    "heap_end": "heap_taken_bytes",
    "dep_pool_start": "dependencies_freed",
    "dep_pool_end": "dependencies_taken",
    TENSORMAP_KEY: "tensormap_entries",
}
"""Key of a sample -> column of a trace."""
LIMIT_KEYS = {
    "task_window_max": "slots",
    "heap_max": "heap_bytes",
    "dep_pool_max": "dependencies",
}
"""Key of the first line, one number per ring -> field of ``RingLimits``."""
TENSORMAP_LIMIT_KEY = "tensormap_max"
LEFT_OUT_KEY = "left_out"
"""Extra key of the first line: the keys that no sample has."""
TICK_KEY = "cycles"
"""Extra key of a sample: counter value of its moment, which a device does not write."""

DROPPED_PARAMETER = "scope_stats_dropped"
FATAL_PARAMETER = "scope_stats_fatal"
"""Parameters of a trace that keep what the first line says of a capture."""

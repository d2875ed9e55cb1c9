"""The ecosystem's files: chip captures in and out, Perfetto, CSV and summaries out.

Owns every foreign layout and the strictness with which it is read. Refuses to know the simulator,
hardware figures and pictures. Writers are deterministic: the same input gives the same bytes.
"""

from npusim.formats.capture_reader import capture_files, is_capture, read_capture
from npusim.formats.capture_writer import WRITTEN_LAYOUTS, write_capture
from npusim.formats.csv_capture import companion, is_csv_capture, read_csv_capture
from npusim.formats.csv_edges import edge_records
from npusim.formats.csv_lanes import CoreCounts
from npusim.formats.csv_writer import write_csv_pair
from npusim.formats.hicann_writer import write_hicann
from npusim.formats.layout import Layout
from npusim.formats.perfetto import write_perfetto
from npusim.formats.pmu import PMU_FILE, write_pmu
from npusim.formats.pmu_layout import DEFAULT_GROUP, PMU_GROUPS, check_group
from npusim.formats.scope_stats_layout import SCOPE_STATS_FILE
from npusim.formats.scope_stats_writer import write_scope_stats
from npusim.formats.summary import SLICE_COLUMNS, write_csv, write_slices_csv, write_summary

__all__ = [
    "DEFAULT_GROUP",
    "PMU_FILE",
    "PMU_GROUPS",
    "SCOPE_STATS_FILE",
    "SLICE_COLUMNS",
    "WRITTEN_LAYOUTS",
    "CoreCounts",
    "Layout",
    "capture_files",
    "check_group",
    "companion",
    "edge_records",
    "is_capture",
    "is_csv_capture",
    "read_capture",
    "read_csv_capture",
    "write_capture",
    "write_csv",
    "write_csv_pair",
    "write_hicann",
    "write_perfetto",
    "write_pmu",
    "write_scope_stats",
    "write_slices_csv",
    "write_summary",
]

"""The ecosystem's files: chip captures in and out, Perfetto, CSV and summaries out.

Owns every foreign layout and the strictness with which it is read. Refuses to know the simulator,
hardware figures and pictures. Writers are deterministic: the same input gives the same bytes.
"""

from npusim.formats.capture_reader import is_capture, read_capture
from npusim.formats.capture_writer import write_capture
from npusim.formats.perfetto import write_perfetto
from npusim.formats.pmu import PMU_FILE, write_pmu
from npusim.formats.pmu_layout import DEFAULT_GROUP, PMU_GROUPS, check_group
from npusim.formats.summary import SLICE_COLUMNS, write_csv, write_slices_csv, write_summary

__all__ = [
    "DEFAULT_GROUP",
    "PMU_FILE",
    "PMU_GROUPS",
    "SLICE_COLUMNS",
    "check_group",
    "is_capture",
    "read_capture",
    "write_capture",
    "write_csv",
    "write_perfetto",
    "write_pmu",
    "write_slices_csv",
    "write_summary",
]

"""Find out what a path holds and read it as a trace: any capture that the ecosystem writes.

Only the records are required. What else is missing costs what it would have told, and
``info.parameters["missing_parts"]`` lists it by name. What contradicts itself is refused, or
repaired on demand; ``info.parameters["repairs"]`` then says how.
"""

from pathlib import Path
from typing import Any

from npusim.errors import FileFormatError
from npusim.formats.capture_parts import CaptureParts
from npusim.formats.capture_trace import build_trace
from npusim.formats.csv_capture import companion, is_csv_capture, read_csv_capture
from npusim.formats.csv_lanes import CoreCounts
from npusim.formats.document import read_json
from npusim.formats.fields import Place
from npusim.formats.hicann_layout import HICANN_RECORDS, TOPOLOGY_GLOB
from npusim.formats.hicann_reader import read_hicann
from npusim.formats.inspector import Inspector
from npusim.formats.joined_layout import read_joined
from npusim.formats.layout import (
    DEFAULT_COUNTER_MHZ,
    DEPS_FILE,
    LEVEL_KEYS,
    MERGED_GLOB,
    NAME_MAP_GLOB,
    OUTPUTS_DIR,
    RANK_GLOB,
    RECORDS_FILES,
)
from npusim.formats.merged_reader import read_merged
from npusim.formats.perfetto import is_own_perfetto
from npusim.formats.raw_layout import read_raw
from npusim.formats.scope_stats_layout import SCOPE_STATS_FILE
from npusim.trace import Trace

_SNIFF_BYTES = 1 << 16
_MARKS = (*LEVEL_KEYS[:3], "aicore_tasks", "Worker View", "AICore View", "blockIdx")
_CSV_GLOBS = ("*_tasks.csv", "*_tasks.csv.gz")


def is_capture(path: Path) -> bool:
    """True if ``path`` is a directory with records, or looks like a records file itself.

    What a directory above them holds (``dfx_outputs``, ranks) is not looked at.
    """
    if path.is_dir():
        globs = (*RECORDS_FILES, MERGED_GLOB, HICANN_RECORDS, *_CSV_GLOBS)
        return any(found.is_file() for glob in globs for found in path.glob(glob))
    if is_csv_capture(path):
        return True
    if path.suffix != ".json" or not path.is_file():
        return False
    with path.open("rb") as handle:
        head = handle.read(_SNIFF_BYTES)
    return any(f'"{mark}"'.encode() in head for mark in _MARKS)


def read_capture(
    path: Path,
    *,
    is_repairing: bool = False,
    dependencies: Path | None = None,
    chip: str = "unknown",
    cores: CoreCounts | None = None,
    counter_mhz: int = DEFAULT_COUNTER_MHZ,
) -> Trace:
    """The capture at ``path``: a directory, or a records file with its siblings.

    Records of layouts P and A to E, merged traces of either pid table, the pair of files of
    hicann/pypto, and tables in CSV (``NAME_tasks.csv``, ``_deps.csv``, ``_phases.csv``) are read.
    Times are picoseconds from the origin that the capture names, else from its smallest tick, which
    moves with the swimlane level. ``waits`` is empty: the analysis infers them. Rows do not name
    their block, so blocks are numbered in dispatch order. Edges of hidden allocations, which have
    no task, are left out.

    Args:
        path: Where the capture is.
        is_repairing: Leave out what contradicts the rest instead of refusing the capture; CSV files
            are refused all the same.
        dependencies: Of CSV files, the dependency table, where its name does not say so.
        chip: Of CSV files, the chip, which they do not name.
        cores: Of CSV files, how many cores it has, for those that ran nothing.
        counter_mhz: Of CSV files, the rate of its counter.

    Raises:
        FileFormatError: If a file is missing, corrupt, foreign, or inconsistent.
    """
    records = _records_at(path)
    if is_csv_capture(records):
        return read_csv_capture(
            records,
            dependencies or companion(records, "deps"),
            phases=companion(records, "phases"),
            chip=chip,
            cores=cores,
            counter_mhz=counter_mhz,
        )
    if dependencies is not None:
        expected = "none: only a CSV capture has its dependencies in a file of any name"
        Place(records).fail("dependency file", str(dependencies), expected, "leave it out")
    inspector = Inspector(is_repairing)
    return build_trace(_read_parts(read_json(records), Place(records), inspector), inspector)


def _records_in(directory: Path) -> Path | None:
    """The records in ``directory``: raw ones before merged ones before those of other tools.

    Raises:
        FileFormatError: If it holds several merged traces or task tables, and nothing better.
    """
    for name in RECORDS_FILES:
        if (directory / name).is_file():
            return directory / name
    for globs in ((MERGED_GLOB,), (HICANN_RECORDS,), _CSV_GLOBS):
        paths = (path for glob in globs for path in directory.glob(glob))
        found = sorted(path for path in paths if path.is_file())
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            msg = f"{directory}: holds {names}; expected one of them; name the file"
            raise FileFormatError(msg)
        if found:
            return found[0]
    return None


def capture_files(path: Path) -> list[Path]:
    """The files that ``read_capture`` reads at ``path``, records first, for keeping a copy.

    Raises:
        FileFormatError: If there is no capture.
    """
    records = _records_at(path)
    if is_csv_capture(records):
        others = (companion(records, kind) for kind in ("deps", "phases"))
        return [records, *(path for path in others if path is not None)]
    folder = records.parent
    globs = (TOPOLOGY_GLOB,) if records.name == HICANN_RECORDS else (DEPS_FILE, NAME_MAP_GLOB)
    globs = (*globs, SCOPE_STATS_FILE)
    beside = {file for glob in globs for file in folder.glob(glob) if file.is_file()}
    return [records, *sorted(beside - {records})]


def _records_at(path: Path) -> Path:
    if not path.is_dir():
        return path
    records = _records_in(path) or _records_in(path / OUTPUTS_DIR)
    if records is not None:
        return records
    ranks = sorted(
        found.parent.relative_to(path).as_posix()
        for name in RECORDS_FILES
        for found in path.glob(f"**/{RANK_GLOB}/{name}")
    )
    if ranks:
        msg = f"{path}: holds the captures {', '.join(ranks)}; expected one; name its directory"
    else:
        expected = ", ".join((*RECORDS_FILES, MERGED_GLOB, HICANN_RECORDS, *_CSV_GLOBS))
        msg = f"{path}: no capture in this directory; expected one of {expected}"
    raise FileFormatError(msg)


def _read_parts(document: Any, place: Place, inspector: Inspector) -> CaptureParts:
    if isinstance(document, list):
        return read_hicann(document, place, inspector)
    if not isinstance(document, dict):
        place.fail("the document", document, "an object or a list of cores")
    if "traceEvents" in document and is_own_perfetto(document):
        msg = (
            f"{place.path}: a picture of a run that npusim drew for a viewer; expected the run "
            "itself; name its directory, or write its capture files with npusim export RUN "
            "--format capture"
        )
        raise FileFormatError(msg)
    if "traceEvents" in document:
        return read_merged(document, place, inspector)
    if "aicore_tasks" in document:
        return read_raw(document, place, inspector)
    if "tasks" in document and any(key in document for key in LEVEL_KEYS):
        return read_joined(document, place, inspector)
    msg = (
        f"{place.path}: not a swimlane records file; expected one of the keys "
        f"{', '.join(LEVEL_KEYS)} with aicore_tasks or tasks, traceEvents, or a list of cores"
    )
    raise FileFormatError(msg)

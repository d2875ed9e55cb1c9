"""Try every self-runnable kernel file of a checkout; resumable."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from npusim.compat.census_files import KernelFile, find_kernel_files
from npusim.compat.census_job import Entry, Limits, try_file
from npusim.compat.memory import available_bytes
from npusim.compat.options import CompatOptions
from npusim.compat.outcome import Reason
from npusim.errors import FileFormatError, OutputError

FORMAT = 1
COLUMNS = (
    "file",
    "result",
    "tasks",
    "ops",
    "makespan (us)",
    "wall (s)",
    "memory (MiB)",
    "why",
)
_MIB = 2**20
Progress = Callable[[str], None]


class Census(msgspec.Struct, frozen=True):
    """The file of a census."""

    format: int
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class CensusRequest:
    """What to try, and how."""

    directory: Path
    jobs: int = 1
    timeout_s: float = 600.0
    json_path: Path | None = None
    """Kept up to date after each file; files in it with the same content are not tried again."""
    retries: bool = False
    """Try those again that did not pass: npusim may have learned something."""
    options: CompatOptions = field(default_factory=CompatOptions)


def take_census(request: CensusRequest, tell: Progress) -> list[Entry]:
    """Try every file of the checkout and return the rows, in the order of the files.

    Raises:
        UsageError: If the directory holds no kernel file.
        FileFormatError: If the JSON file is not that of a census.
        OutputError: If it cannot be written.
    """
    files = find_kernel_files(request.directory)
    done = _finished(request.json_path, files)
    if request.retries:
        done = {name: entry for name, entry in done.items() if entry.reason == Reason.PASSED}
    waiting = [file for file in files if file.name not in done]
    tell(f"{len(files)} files, {len(done)} done already, {request.jobs} at a time")
    options = _with_memory_limit(request)
    limits = Limits(request.timeout_s, max(1, (os.cpu_count() or 1) // request.jobs))
    with ThreadPoolExecutor(request.jobs) as pool:
        futures = [pool.submit(try_file, file, options, limits) for file in waiting]
        try:
            for future in as_completed(futures):
                entry = future.result()
                done[entry.file] = entry
                _save(request.json_path, files, done)
                tell(f"[{len(done)}/{len(files)}] {describe(entry)}")
        except BaseException:
            pool.shutdown(cancel_futures=True)  # Ctrl-C: finish what runs, start nothing more
            raise
    return [done[file.name] for file in files]


def describe(entry: Entry) -> str:
    """One line about a row."""
    why = f": {entry.message}" if entry.message else ""
    return f"{entry.file}: {entry.reason}, {entry.wall_s:.1f} s{why}"[:300]


def is_fine(entry: Entry) -> bool:
    """True where nothing is left to do: it passes, is not for one device, or fails anywhere."""
    return entry.reason in {Reason.PASSED, Reason.MULTI_DEVICE, Reason.FILE_ERROR}


def census_rows(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """The rows of ``COLUMNS`` as text; ``-`` where a file did not get that far."""
    return [
        (
            entry.file,
            entry.reason,
            _text(entry.tasks),
            _text(entry.ops),
            "-" if entry.makespan_us is None else f"{entry.makespan_us:.1f}",
            f"{entry.wall_s:.1f}",
            _text(entry.peak_memory_bytes and entry.peak_memory_bytes // _MIB),
            entry.message or (f"not simulated: {entry.simulation_error}"
                              if entry.simulation_error else ""),
        )
        for entry in entries
    ]  # fmt: skip


def count_reasons(entries: Sequence[Entry]) -> dict[str, int]:
    """Number of files by reason; reasons that did not come up are left out."""
    counts = {reason.value: 0 for reason in Reason}
    for entry in entries:
        counts[entry.reason] += 1
    return {reason: count for reason, count in counts.items() if count}


def _text(value: int | None) -> str:
    return "-" if value is None else str(value)


def _with_memory_limit(request: CensusRequest) -> CompatOptions:
    """The options with a memory limit: an equal share of what is free, unless one was given."""
    if request.options.max_memory_bytes is not None or not available_bytes():
        return request.options
    return replace(request.options, max_memory_bytes=available_bytes() // request.jobs)


def _finished(path: Path | None, files: Sequence[KernelFile]) -> dict[str, Entry]:
    if path is None or not path.exists():
        return {}
    try:
        census = msgspec.json.decode(path.read_bytes(), type=Census)
    except (OSError, msgspec.DecodeError) as error:
        msg = f"{path}: not a census ({error}); expected a file that --json wrote, or none"
        raise FileFormatError(msg) from None
    if census.format != FORMAT:
        msg = f"{path}: census of format {census.format}; expected {FORMAT}; choose another file"
        raise FileFormatError(msg)
    digests = {file.name: file.sha256 for file in files}
    return {
        entry.file: entry for entry in census.entries if digests.get(entry.file) == entry.sha256
    }


def _save(path: Path | None, files: Sequence[KernelFile], done: dict[str, Entry]) -> None:
    if path is None:
        return
    entries = [done[file.name] for file in files if file.name in done]
    encoded = msgspec.json.format(msgspec.json.encode(Census(FORMAT, entries)), indent=1)
    staging = path.with_name(f".{path.name}.part")
    try:
        staging.write_bytes(encoded + b"\n")
        staging.replace(path)  # in one step: an interrupted census stays readable
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror}); choose another file"
        raise OutputError(msg) from None

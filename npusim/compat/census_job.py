"""Try one kernel file in a process of its own, within a time and a memory limit."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from npusim.compat.census_files import KernelFile
from npusim.compat.options import CompatOptions
from npusim.compat.outcome import Reason
from npusim.compat.output import BUILD_DIR_VARIABLE
from npusim.compat.worker import Answer, Job
from npusim.units import KIB

_SIMULATOR_PLATFORM = ["-p", "a2a3sim"]
_LAST_WORDS = 300
"""Characters of stderr that explain a process without an answer."""
_TORCH_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_TILE_THREADS = {"OPENBLAS_NUM_THREADS": "1"}
"""numpy multiplies tiles: a second thread gains nothing on them and spins on a busy machine."""


class Entry(msgspec.Struct, frozen=True):
    """A row of the census."""

    file: str
    sha256: str
    reason: str
    message: str
    arguments: list[str]
    tasks: int | None
    """Of all harness calls of the file together, as are the next three."""
    submits: int | None
    ops: int | None
    makespan_us: float | None
    simulation_error: str | None
    wall_s: float
    peak_memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may use."""

    timeout_s: float
    threads: int
    """Of torch, for goldens."""


def try_file(file: KernelFile, options: CompatOptions, limits: Limits) -> Entry:
    """Run ``file`` on ``a2a3sim``, or on its default platform if its arguments refuse that."""
    entry = _run(file, _SIMULATOR_PLATFORM, options, limits)
    if entry.reason == Reason.USAGE and entry.tasks is None:
        entry = _run(file, [], options, limits)
    return entry


def _run(file: KernelFile, arguments: list[str], options: CompatOptions, limits: Limits) -> Entry:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="npusim-census-") as scratch:
        place = Path(scratch)
        job = Job(
            file=str(file.path.resolve()),
            arguments=arguments,
            answer=str(place / "answer.json"),
            deps=options.deps.value,
            chip=options.chip,
            is_simulated=options.is_simulated,
            max_memory_bytes=options.max_memory_bytes,
        )
        answer = _await(job, place, limits)
    figures = [run for run in answer.runs if run.get("tasks") is not None]
    refusals = [run["simulation_error"] for run in answer.runs if run.get("simulation_error")]
    makespans = [run["makespan_us"] for run in figures if "makespan_us" in run]
    return Entry(
        file=file.name,
        sha256=file.sha256,
        reason=answer.reason,
        message=answer.message,
        arguments=arguments,
        tasks=sum(run["tasks"] for run in figures) if figures else None,
        submits=sum(run["nodes"] for run in figures) if figures else None,
        ops=sum(run["ops"] for run in figures) if figures else None,
        makespan_us=sum(makespans) if makespans else None,
        simulation_error=refusals[0] if refusals else None,
        wall_s=round(time.monotonic() - started, 2),
        peak_memory_bytes=answer.peak_memory_bytes or None,
    )


def _await(job: Job, place: Path, limits: Limits) -> Answer:
    """The answer of a worker process, or one made up from how it ended."""
    order = place / "job.json"
    order.write_bytes(msgspec.json.encode(job))
    threads = {**dict.fromkeys(_TORCH_THREADS, str(limits.threads)), **_TILE_THREADS}
    environment = {**os.environ, **threads, BUILD_DIR_VARIABLE: str(place / "build_output")}
    with (place / "stderr").open("w+b") as talk:
        process = subprocess.Popen(
            [sys.executable, "-m", "npusim.compat.worker", str(order)],
            cwd=place,
            env=environment,
            stdin=subprocess.PIPE,  # held open: the worker ends with this process
            stdout=subprocess.DEVNULL,
            stderr=talk,
            start_new_session=True,
        )
        peak = None
        try:
            process.wait(limits.timeout_s)
        except subprocess.TimeoutExpired:
            peak = _peak_of(process.pid)
            return Answer(Reason.TIMEOUT.value, f"over {limits.timeout_s:g} s", [], peak or 0)
        finally:
            _end(process)
        if Path(job.answer).is_file():
            return msgspec.json.decode(Path(job.answer).read_bytes(), type=Answer)
        talk.seek(0)
        words = talk.read().decode(errors="replace").split()
    reason = Reason.MEMORY if process.returncode == -signal.SIGKILL else Reason.CRASH
    message = " ".join(words)[-_LAST_WORDS:]
    return Answer(reason.value, f"exit {process.returncode}: {message}", [], 0)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the worker and what it started, where it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # its own group: see start_new_session
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _peak_of(pid: int) -> int | None:
    status = Path(f"/proc/{pid}/status")
    match = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.M) if status.exists() else None
    return int(match[1]) * KIB if match else None

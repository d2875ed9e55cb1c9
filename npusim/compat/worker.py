"""One file of a census, in a process of its own: ``python -m npusim.compat.worker JOB.json``.

The job names the file, its arguments, the options and where the answer goes. The answer is written
whatever the file does, short of ending the process. Standard input is a pipe that the parent holds
open: when it closes, the parent is gone, and so is the worker.
"""

import os
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from npusim.compat.memory import peak_bytes
from npusim.compat.options import CompatOptions
from npusim.compat.outcome import outcome_of_error
from npusim.compat.script import report, run_script
from npusim.dependencies import DependencyMode
from npusim.errors import NpuSimError

FAILED = 1


class Job(msgspec.Struct, frozen=True):
    """What the parent process asks for."""

    file: str
    arguments: list[str]
    answer: str
    """Path of the answer."""
    deps: str
    chip: str | None
    is_simulated: bool
    max_memory_bytes: int | None


class Answer(msgspec.Struct, frozen=True):
    """What became of the file."""

    reason: str
    message: str
    runs: list[dict[str, Any]]
    peak_memory_bytes: int


def main(arguments: list[str]) -> int:
    """Run the job in the file ``arguments[0]`` and write its answer; 0 if the file passed."""
    job = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Job)
    options = CompatOptions(
        deps=DependencyMode(job.deps),
        chip=job.chip,
        is_simulated=job.is_simulated,
        keeps_files=False,
        max_memory_bytes=job.max_memory_bytes,
    )
    code, runs = FAILED, []
    try:
        result = run_script(Path(job.file), job.arguments, options)
    except NpuSimError as error:
        outcome = outcome_of_error(error)
    else:
        report(result, Path(job.file).name)
        outcome, code = result.outcome, result.exit_code
        runs = [record.to_json() for record in result.records]
    answer = Answer(outcome.reason.value, outcome.message, runs, peak_bytes())
    Path(job.answer).write_bytes(msgspec.json.encode(answer))
    return code


def end_with_parent() -> None:
    """End this process when its standard input closes; the kernel file reads nothing from it.

    A census that is killed cannot end its workers, and they may hold gigabytes for an hour.
    """
    leash, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_wait_for_end, args=(leash,), daemon=True).start()


def _wait_for_end(leash: int) -> None:
    os.read(leash, 1)  # nothing is ever written, so this returns at the end of the pipe
    os._exit(FAILED)  # not sys.exit, which would end this thread alone


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(sys.argv[1:]))

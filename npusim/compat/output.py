"""Files of one harness call, where upstream's tools look for them (DSL_REFERENCE.md section 7.4).

BASE/NAME_YYYYmmdd_HHMMSS/        BASE is ./build_output, or $PYPTO_PROG_BUILD_DIR
    summary.json program.npz trace.npz      npusim's own: npusim bubbles, plot, compare read them
    dfx_outputs/                            what runtime_cfg asked for
    data/in, data/out                       with save_data=True
"""

import os
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from npusim.compat.runtime_config import RuntimeConfig
from npusim.errors import OutputError
from npusim.formats import (
    PMU_FILE,
    write_capture,
    write_perfetto,
    write_pmu,
    write_scope_stats,
    write_summary,
)
from npusim.formats.layout import DEPS_FILE, NAME_MAP_FILE
from npusim.program import Program, save_program
from npusim.trace import Trace, save_trace
from npusim.trace.model import Records

BUILD_DIR_VARIABLE = "PYPTO_PROG_BUILD_DIR"
CAPTURE_DIR = "dfx_outputs"
_FULL_LEVEL = 4


def make_work_directory(name: str) -> Path:
    """A new directory for one run of ``name``.

    Raises:
        OutputError: If it cannot be made.
    """
    base = Path(os.environ.get(BUILD_DIR_VARIABLE) or Path.cwd() / "build_output")
    stamp = datetime.now().astimezone().strftime("%Y%m%d_%H%M%S")
    try:
        base.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1000):  # two runs within a second get their own directories
            directory = base / (f"{name}_{stamp}" if attempt == 1 else f"{name}_{stamp}_{attempt}")
            try:
                directory.mkdir()
            except FileExistsError:
                continue
            return directory
    except OSError as error:
        msg = f"{base}: cannot be written ({error.strerror}); set {BUILD_DIR_VARIABLE}"
        raise OutputError(msg) from None
    msg = f"{base}: a thousand runs of {name} began in one second; remove some"
    raise OutputError(msg)


def write_recording(directory: Path, program: Program) -> None:
    """Write the recording into ``directory``; it can be simulated again without the kernel.

    Raises:
        OutputError: If the file cannot be written.
    """
    save_program(program, directory / "program.npz")


def write_run(
    directory: Path,
    program: Program,
    trace: Trace,
    counters: Records | None,
    config: RuntimeConfig,
) -> None:
    """Write the trace and what ``config`` asks for into ``directory``.

    ``counters`` are ``COUNTER_DTYPE`` records, None where ``config`` asks for none.

    Raises:
        OutputError: If a file cannot be written.
    """
    save_trace(trace, directory / "trace.npz")
    capture = directory / CAPTURE_DIR
    if config.swimlane_level:
        write_capture(capture, trace, program, level=config.swimlane_level)
        if config.is_on_board:
            write_perfetto(capture / f"merged_swimlane_{directory.name}.json", trace)
    elif config.has_dependencies:
        _write_dependencies(capture, trace, program)
    if counters is not None:
        capture.mkdir(exist_ok=True)
        write_pmu(capture / PMU_FILE, trace, counters, group=config.pmu)
    write_scope_stats(capture, trace)


def write_run_summary(directory: Path, figures: dict[str, Any]) -> None:
    """Write ``summary.json``, which marks ``directory`` as a run.

    Raises:
        OutputError: If it cannot be written.
    """
    write_summary(directory / "summary.json", figures)


def _write_dependencies(capture: Path, trace: Trace, program: Program) -> None:
    """``deps.json`` and the names of its callables, without swimlane records."""
    with tempfile.TemporaryDirectory() as scratch:
        write_capture(Path(scratch), trace, program, level=_FULL_LEVEL)
        capture.mkdir(parents=True, exist_ok=True)
        for name in (DEPS_FILE, NAME_MAP_FILE):
            shutil.copyfile(Path(scratch) / name, capture / name)

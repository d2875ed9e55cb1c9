"""Run an entry on its arguments, and simulate what it recorded."""

from typing import Any, Protocol

from npusim.analysis import summary
from npusim.api import InsideRequest, RunRequest
from npusim.api.run import run_choices, simulate_and_count
from npusim.compat.entry import Entry
from npusim.compat.memory import allocation_error
from npusim.compat.output import write_recording, write_run
from npusim.compat.runtime_config import RuntimeConfig
from npusim.compat.session import RunRecord, Session
from npusim.errors import NpuSimError, OutputError
from npusim.hardware import load_chip
from npusim.language import RecordOptions, record
from npusim.program import Program


class KernelArguments(Protocol):
    """What a kernel is called with."""

    @property
    def output_names(self) -> set[str]:
        """Names of the tensors that it writes."""

    def for_kernel(self) -> dict[str, Any]:
        """Arrays and numbers by parameter name, in order."""


def new_record(entry: Entry, config: RuntimeConfig, session: Session) -> RunRecord:
    """What is known before the run; a wrong chip should fail before the work, not after."""
    return RunRecord(
        kernel=entry.name,
        platform=config.platform,
        chip=load_chip(session.options.chip or config.chip).name,
        deps=str(session.options.deps),
        era=str(config.era),
    )


def record_entry(entry: Entry, arguments: KernelArguments, config: RuntimeConfig) -> Program:
    """Record the kernel; its outputs are in the tensors of ``arguments`` afterwards.

    Raises:
        KernelError: If the kernel breaks a rule of the DSL.
        MemoryLimitError: If a tensor of the kernel does not fit.
    """
    # Upstream kernels rely on the device clipping tiles at the edge of a tensor.
    options = RecordOptions(
        kernel=entry.name, parameters={"platform": config.platform}, clips_bounds=True
    )
    try:
        return record(
            entry.function,
            arguments.for_kernel(),
            outputs=arguments.output_names,
            options=options,
        )
    except MemoryError as error:
        raise allocation_error(error) from error


def count_program(program: Program) -> dict[str, Any]:
    """What was recorded, in numbers: ``tasks`` are blocks, ``nodes`` are submits."""
    return {
        "tasks": sum(task.block_num for task in program.tasks if not task.is_dummy),
        "nodes": len(program.tasks),
        "ops": len(program.ops),
    }


def simulate_recording(
    program: Program, config: RuntimeConfig, session: Session, run: RunRecord
) -> None:
    """Simulate ``program``, write its files, and put the figures into ``run``.

    A kernel that the chip model refuses (a buffer that overflows, a deadlock) is still verified:
    the refusal is part of the report, not a failure of the kernel file's own check.

    Raises:
        OutputError: If the files cannot be written.
    """
    directory = run.directory if session.options.keeps_files else None
    if directory is not None:
        write_recording(directory, program)  # first: it outlives a refusal of the simulator
    request = RunRequest(
        chip=run.chip,
        deps=session.options.deps,
        era=config.era,
        is_observed=config.swimlane_level > 0 or config.pmu > 0,
        is_swimlane_charged=config.swimlane_level > 0,
        inside=InsideRequest(pmu=config.pmu),
        rings=config.rings,
        has_scope_stats=config.has_scope_stats,
    )
    try:
        trace, counters = simulate_and_count(program, request)
        run.figures.update(summary(trace) | run_choices(request))
        if directory is not None:
            write_run(directory, program, trace, counters, config)
    except OutputError:
        raise
    except NpuSimError as error:
        run.simulation_error = " ".join(str(error).split())

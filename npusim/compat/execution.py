"""Run an entry on its arguments, and simulate what it recorded."""

from typing import Any

from npusim.analysis import summary
from npusim.api import RunRequest
from npusim.api.run import simulate_program
from npusim.compat.arguments import Arguments
from npusim.compat.entry import Entry
from npusim.compat.memory import allocation_error
from npusim.compat.output import write_run
from npusim.compat.runtime_config import RuntimeConfig
from npusim.compat.session import RunRecord, Session
from npusim.errors import NpuSimError, OutputError
from npusim.language import RecordOptions, record
from npusim.program import Program


def record_entry(entry: Entry, arguments: Arguments, config: RuntimeConfig) -> Program:
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
    request = RunRequest(chip=run.chip, deps=session.options.deps, era=config.era)
    try:
        trace = simulate_program(program, request)
        run.figures.update(summary(trace))
        if run.directory is not None:
            write_run(run.directory, program, trace, config)
    except OutputError:
        raise
    except NpuSimError as error:
        run.simulation_error = " ".join(str(error).split())

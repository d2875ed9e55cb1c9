"""Save and load a Program, so that it can be simulated again without its kernel."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from npusim.archive import read_archive, write_archive
from npusim.errors import FileFormatError, NpuSimError
from npusim.program.model import OpKind, OrchestrationEvent, Program, Task, TensorInfo

if TYPE_CHECKING:
    import numpy.typing as npt

_KIND = "program"
_VERSION = 1
_ARRAYS = ("ops", "tiles", "accesses", "blocks")


class _Header(msgspec.Struct):
    npusim: str
    version: int
    kernel: str
    variant: str
    parameters: dict[str, Any]
    tensors: tuple[TensorInfo, ...]
    tasks: tuple[Task, ...]
    events: tuple[OrchestrationEvent, ...]
    op_kinds: tuple[OpKind, ...]
    dtypes: tuple[str, ...]
    dtype_bytes: tuple[int, ...]
    sites: tuple[str, ...]


def save_program(program: Program, path: Path) -> None:
    """Write ``program`` to ``path``; the bytes depend on the program alone.

    Raises:
        OutputError: If the file cannot be written.
    """
    header = {
        "kernel": program.kernel,
        "variant": program.variant,
        "parameters": program.parameters,
        "tensors": [asdict(item) for item in program.tensors],
        "tasks": [asdict(item) for item in program.tasks],
        "events": [asdict(item) for item in program.events],
        "op_kinds": [asdict(item) for item in program.op_kinds],
        "dtypes": program.dtypes,
        "dtype_bytes": program.dtype_bytes,
        "sites": program.sites,
    }
    arrays = {name: getattr(program, name) for name in _ARRAYS}
    write_archive(path, kind=_KIND, version=_VERSION, header=header, arrays=arrays)


def load_program(path: Path) -> Program:
    """The program that ``save_program`` wrote to ``path``.

    Raises:
        FileFormatError: If the file is missing, corrupt, foreign or inconsistent.
    """
    header, arrays = read_archive(path, kind=_KIND, version=_VERSION)
    try:
        parsed = msgspec.convert(header, _Header)
        columns: dict[str, npt.NDArray[Any]] = {name: arrays[name] for name in _ARRAYS}
        return Program(
            kernel=parsed.kernel,
            variant=parsed.variant,
            parameters=parsed.parameters,
            tensors=parsed.tensors,
            tasks=parsed.tasks,
            events=parsed.events,
            op_kinds=parsed.op_kinds,
            dtypes=parsed.dtypes,
            dtype_bytes=parsed.dtype_bytes,
            sites=parsed.sites,
            **columns,
        )
    except (msgspec.ValidationError, KeyError, NpuSimError) as error:
        msg = f"{path}: not a valid npusim program ({error}); write it again with npusim run"
        raise FileFormatError(msg) from error

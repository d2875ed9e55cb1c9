"""Save and load a Trace without loss."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from npusim.archive import read_archive, write_archive
from npusim.errors import FileFormatError, TraceError
from npusim.trace.model import Lane, Trace, TraceInfo, TraceTask
from npusim.trace.rings import RingLimits, RingScope, RingUse

if TYPE_CHECKING:
    import numpy.typing as npt

_KIND = "trace"
_VERSION = 3  # 1 had no instructions on pipe lanes, 2 no rings and buffers
_RING_SAMPLES = "ring_samples"
_ARRAYS = ("slices", "waits", "phases", "edges", "op_slices", "buffer_levels")


class _Rings(msgspec.Struct):
    limits: tuple[RingLimits, ...]
    scopes: tuple[RingScope, ...]
    tensormap_limit: int


class _Header(msgspec.Struct):
    npusim: str
    version: int
    info: TraceInfo
    lanes: tuple[Lane, ...]
    tasks: tuple[TraceTask, ...]
    op_names: tuple[str, ...]
    op_sites: tuple[str, ...]
    rings: _Rings


def save_trace(trace: Trace, path: Path) -> None:
    """Write ``trace`` to ``path``; the bytes depend on the trace alone.

    Raises:
        OutputError: If the file cannot be written.
    """
    header = {
        "info": asdict(trace.info),
        "lanes": [asdict(item) for item in trace.lanes],
        "tasks": [asdict(item) for item in trace.tasks],
        "op_names": trace.op_names,
        "op_sites": trace.op_sites,
        "rings": {
            "limits": [asdict(item) for item in trace.rings.limits],
            "scopes": [asdict(item) for item in trace.rings.scopes],
            "tensormap_limit": trace.rings.tensormap_limit,
        },
    }
    arrays = {name: getattr(trace, name) for name in _ARRAYS}
    arrays[_RING_SAMPLES] = trace.rings.samples
    write_archive(path, kind=_KIND, version=_VERSION, header=header, arrays=arrays)


def load_trace(path: Path) -> Trace:
    """The trace that ``save_trace`` wrote to ``path``.

    Raises:
        FileFormatError: If the file is missing, corrupt, foreign or breaks an invariant.
    """
    header, arrays = read_archive(path, kind=_KIND, version=_VERSION)
    try:
        parsed = msgspec.convert(header, _Header)
        columns: dict[str, npt.NDArray[Any]] = {name: arrays[name] for name in _ARRAYS}
        return Trace(
            info=parsed.info,
            lanes=parsed.lanes,
            tasks=parsed.tasks,
            op_names=parsed.op_names,
            op_sites=parsed.op_sites,
            rings=RingUse(
                parsed.rings.limits,
                parsed.rings.scopes,
                arrays[_RING_SAMPLES],
                parsed.rings.tensormap_limit,
            ),
            **columns,
        )
    except (msgspec.ValidationError, KeyError, TraceError) as error:
        msg = f"{path}: not a valid npusim trace ({error}); write it again with npusim run"
        raise FileFormatError(msg) from error

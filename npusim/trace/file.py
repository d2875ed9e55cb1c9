"""Save and load a Trace without loss.

Layout 3 added rings, levels of on-chip buffers, and which tasks have a predicate or start together.
A trace without any of them is written in layout 2, which says all of it.
"""

import itertools
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from npusim.archive import read_archive, write_archive
from npusim.errors import FileFormatError, TraceError
from npusim.trace.buffers import no_buffer_levels
from npusim.trace.model import Lane, Trace, TraceInfo, TraceTask
from npusim.trace.rings import NO_COUNT, RingLimits, RingScope, RingUse, no_ring_samples

if TYPE_CHECKING:
    import numpy.typing as npt

_KIND = "trace"
_VERSION = 3
_PLAIN_VERSION = 2  # 1 had no instructions on pipe lanes
_NEW_FLAGS = ("is_predicated", "is_cohort")
_BUFFER_LEVELS = "buffer_levels"
_RING_SAMPLES = "ring_samples"
_ARRAYS = ("slices", "waits", "phases", "edges", "op_slices")


class _Rings(msgspec.Struct):
    limits: tuple[RingLimits, ...] = ()
    scopes: tuple[RingScope, ...] = ()
    tensormap_limit: int = NO_COUNT


class _Header(msgspec.Struct):
    npusim: str
    version: int
    info: TraceInfo
    lanes: tuple[Lane, ...]
    tasks: tuple[TraceTask, ...]
    op_names: tuple[str, ...]
    op_sites: tuple[str, ...]
    rings: _Rings = msgspec.field(default_factory=_Rings)


def save_trace(trace: Trace, path: Path) -> None:
    """Write ``trace`` to ``path``; the bytes depend on the trace alone.

    Raises:
        OutputError: If the file cannot be written.
    """
    header: dict[str, Any] = {
        "info": asdict(trace.info),
        "lanes": [asdict(item) for item in trace.lanes],
        "tasks": [asdict(item) for item in trace.tasks],
        "op_names": trace.op_names,
        "op_sites": trace.op_sites,
    }
    arrays = {name: getattr(trace, name) for name in _ARRAYS}
    version = _PLAIN_VERSION if _is_plain(trace) else _VERSION
    if version == _VERSION:
        rings = trace.rings
        header["rings"] = {
            "limits": [asdict(item) for item in rings.limits],
            "scopes": [asdict(item) for item in rings.scopes],
            "tensormap_limit": rings.tensormap_limit,
        }
        arrays |= {_BUFFER_LEVELS: trace.buffer_levels, _RING_SAMPLES: rings.samples}
    else:
        for task, name in itertools.product(header["tasks"], _NEW_FLAGS):
            del task[name]
    write_archive(path, kind=_KIND, version=version, header=header, arrays=arrays)


def _is_plain(trace: Trace) -> bool:
    """True where layout 2 can hold the trace."""
    has_flags = any(getattr(task, name) for task in trace.tasks for name in _NEW_FLAGS)
    return not (trace.rings.limits or len(trace.buffer_levels) or has_flags)


def load_trace(path: Path) -> Trace:
    """The trace that ``save_trace`` wrote to ``path``.

    Raises:
        FileFormatError: If the file is missing, corrupt, foreign or breaks an invariant.
    """
    header, arrays = read_archive(path, kind=_KIND, version=_VERSION, older=(_PLAIN_VERSION,))
    try:
        parsed = msgspec.convert(header, _Header)
        columns: dict[str, npt.NDArray[Any]] = {name: arrays[name] for name in _ARRAYS}
        return Trace(
            info=parsed.info,
            lanes=parsed.lanes,
            tasks=parsed.tasks,
            op_names=parsed.op_names,
            op_sites=parsed.op_sites,
            buffer_levels=arrays.get(_BUFFER_LEVELS, no_buffer_levels()),
            rings=RingUse(
                parsed.rings.limits,
                parsed.rings.scopes,
                arrays.get(_RING_SAMPLES, no_ring_samples()),
                parsed.rings.tensormap_limit,
            ),
            **columns,
        )
    except (msgspec.ValidationError, KeyError, TraceError) as error:
        msg = f"{path}: not a valid npusim trace ({error}); write it again with npusim run"
        raise FileFormatError(msg) from error

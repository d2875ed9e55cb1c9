"""What an exception in a kernel is told about the place where it happened.

The exception keeps its type, message and traceback; a note adds the source line, the scope, the
loops around it with their indices, and the shapes and types of the tensors and tiles at hand.
"""

import dis
import itertools
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

from npusim.language.recorder import Recorder
from npusim.language.values import Tensor, Tile

_MOST_VALUES = 12
_STORES = ("STORE_FAST", "STORE_DEREF", "STORE_NAME")


def add_context(error: BaseException, recorder: Recorder) -> None:
    """Add the place of ``error`` in the kernel to its notes."""
    frames = _kernel_frames(error.__traceback__)
    if not frames:
        return
    frame, line = frames[-1]
    parts = [f"in {Path(frame.f_code.co_filename).name}:{line}"]
    if recorder.failed is not None:
        parts.append(recorder.failed.where())
    loops = [text for one, at_line in frames for text in _loop_indices(one, at_line)]
    if loops:
        parts.append(f"loops {', '.join(loops)}")
    values = _values(frame)
    if values:
        parts.append(f"with {', '.join(values)}")
    error.add_note("npusim: " + "; ".join(parts))


def _kernel_frames(traceback: TracebackType | None) -> list[tuple[FrameType, int]]:
    """The frames of the kernel and their lines, outermost first."""
    frames = []
    while traceback is not None:
        package = str(traceback.tb_frame.f_globals.get("__package__") or "")
        if package.partition(".")[0] not in {"npusim", "numpy", "ml_dtypes"}:
            frames.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames


def _loop_indices(frame: FrameType, line: int) -> list[str]:
    """``name=value`` of the variables of the for loops around ``line``."""
    values = frame.f_locals
    return [
        f"{name}={values[name]}"
        for name, first, last in _loop_variables(frame.f_code)
        if first <= line <= last and isinstance(values.get(name), int)
    ]


def _loop_variables(code: CodeType) -> list[tuple[str, int, int]]:
    """Each loop variable of ``code`` and the first and last line of its loop."""
    instructions = list(dis.get_instructions(code))
    lines: dict[int, int] = {}
    current = code.co_firstlineno
    for item in instructions:
        current = item.starts_line or current
        lines[item.offset] = current
    found = []
    for item, after in itertools.pairwise(instructions):
        if item.opname == "FOR_ITER" and after.opname in _STORES:
            end = int(item.argval)
            inside = [line for offset, line in lines.items() if item.offset <= offset < end]
            found.append((str(after.argval), min(inside), max(inside)))
    return found


def _values(frame: FrameType) -> list[str]:
    """Tensors and tiles among the variables of ``frame``, the latest first."""
    found = [
        f"{name}: {_describe(value)}"
        for name, value in frame.f_locals.items()
        if isinstance(value, Tensor | Tile)
    ]
    return found[::-1][:_MOST_VALUES]


def _describe(value: Any) -> str:
    if isinstance(value, Tile) and value.valid is not None:
        return f"{value!r} valid {list(value.valid)}"
    return repr(value)

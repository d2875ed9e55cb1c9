"""Loops. Plain Python loops over integers that tell the recorder where they are.

Outside scopes a loop replicates tasks, and its kind decides directions of arguments; inside a scope
``pl.pipeline`` rotates the buffers of the tiles made in its body.
"""

import builtins
from collections.abc import Iterator

from npusim.errors import KernelError
from npusim.language.recorder import Loop, Recorder, current


def range_(start: int, stop: int | None = None, step: int = 1) -> Iterator[int]:
    """``pl.range``: sequential iterations."""
    return _loop("range", _bounds(start, stop, step), 1)


def parallel(
    start: int, stop: int | None = None, step: int = 1, chunk: int | None = None
) -> Iterator[int]:
    """``pl.parallel``: independent iterations, submitted in order."""
    del chunk  # a hint that changes the task structure only under pl.auto_chunk
    return _loop("parallel", _bounds(start, stop, step), 1)


def unroll(start: int, stop: int | None = None, step: int = 1) -> Iterator[int]:
    """``pl.unroll``: iterations the compiler writes out."""
    return _loop("unroll", _bounds(start, stop, step), 1)


def pipeline(
    start: int, stop: int | None = None, step: int = 1, *, stage: int = 2
) -> Iterator[int]:
    """``pl.pipeline``: sequential iterations whose tiles rotate through ``stage`` buffers.

    Raises:
        KernelError: If ``stage`` is not from 1 to 255.
    """
    if not 1 <= stage <= 255:
        msg = f"{current().where()}: pl.pipeline stage is {stage}; expected 1 to 255"
        raise KernelError(msg)
    return _loop("pipeline", _bounds(start, stop, step), stage)


def _bounds(start: int, stop: int | None, step: int) -> builtins.range:
    low, high = (0, start) if stop is None else (start, stop)
    if step == 0:
        msg = f"{current().where()}: loop step is 0; expected another step"
        raise KernelError(msg)
    return builtins.range(low, high, step)


def _loop(kind: str, values: builtins.range, stages: int) -> Iterator[int]:
    recorder = current()
    if recorder.block is None:
        return _orchestration_loop(recorder, kind, values)
    return _scope_loop(recorder, values, stages)


def _orchestration_loop(recorder: Recorder, kind: str, values: builtins.range) -> Iterator[int]:
    loop = Loop(recorder.loop_count, kind)
    recorder.loop_count += 1
    recorder.loops.append(loop)
    try:
        for iteration, value in enumerate(values):
            loop.iteration = iteration
            yield value
    finally:
        recorder.loops.remove(loop)


def _scope_loop(recorder: Recorder, values: builtins.range, stages: int) -> Iterator[int]:
    block = recorder.block
    if block is None:
        msg = "a scope loop needs an open scope"
        raise KernelError(msg)
    outer = (block.stages, block.slot)
    block.loop_depth += 1
    try:
        if stages == 1:
            yield from values
        else:
            block.stages = stages
            for iteration, value in enumerate(values):
                block.slot = iteration % stages
                yield value
    finally:
        block.loop_depth -= 1
        block.stages, block.slot = outer

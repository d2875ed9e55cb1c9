"""Loops. Plain Python loops over integers that tell the recorder where they are.

Outside scopes a loop replicates tasks, and its kind decides directions of arguments; inside a scope
``pl.pipeline`` rotates the buffers of the tiles made in its body. With ``init_values`` a loop
carries values from one iteration to the next (``pl.yield_``).
"""

import builtins
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from npusim.errors import KernelError
from npusim.language.block import Block
from npusim.language.carry import with_carry
from npusim.language.recorder import Loop, Recorder, current

Values = Sequence[Any] | None


def range_(
    start: int, stop: int | None = None, step: int = 1, *, init_values: Values = None
) -> Iterator[Any]:
    """``pl.range``: sequential iterations."""
    return with_carry(_loop("range", _bounds(start, stop, step), 1), init_values)


def parallel(
    start: int,
    stop: int | None = None,
    step: int = 1,
    *,
    chunk: int | None = None,
    chunk_policy: str | None = None,
    init_values: Values = None,
) -> Iterator[Any]:
    """``pl.parallel``: independent iterations, submitted in order.

    In an automatic scope (``pl.auto_chunk``) every ``chunk`` iterations are a task; elsewhere
    ``chunk`` changes nothing.

    Raises:
        KernelError: If a bound is no integer, or ``chunk`` is not a positive one.
    """
    del chunk_policy
    values, recorder = _bounds(start, stop, step), current()
    if chunk is not None and (not isinstance(chunk, int | np.integer) or chunk < 1):
        msg = f"{recorder.where()}: pl.parallel chunk is {chunk!r}; expected 1 or more"
        raise KernelError(msg)
    if chunk is not None and recorder.auto is not None:
        return with_carry(recorder.auto.run_loop(values, chunk), init_values)
    return with_carry(_loop("parallel", values, 1), init_values)


def unroll(
    start: int, stop: int | None = None, step: int = 1, *, init_values: Values = None
) -> Iterator[Any]:
    """``pl.unroll``: iterations the compiler writes out."""
    return with_carry(_loop("unroll", _bounds(start, stop, step), 1), init_values)


def pipeline(
    start: int,
    stop: int | None = None,
    step: int = 1,
    *,
    stage: int = 2,
    init_values: Values = None,
) -> Iterator[Any]:
    """``pl.pipeline``: sequential iterations whose tiles rotate through ``stage`` buffers.

    Raises:
        KernelError: If ``stage`` is not from 1 to 255.
    """
    if not isinstance(stage, int) or not 1 <= stage <= 255:
        msg = f"{current().where()}: pl.pipeline stage is {stage!r}; expected 1 to 255"
        raise KernelError(msg)
    return with_carry(_loop("pipeline", _bounds(start, stop, step), stage), init_values)


def _bounds(start: int, stop: int | None, step: int) -> builtins.range:
    low, high = (0, start) if stop is None else (start, stop)
    try:
        return builtins.range(low, high, step)
    except (TypeError, ValueError) as error:
        msg = (
            f"{current().where()}: loop from {low!r} to {high!r} in steps of {step!r}; "
            "expected integers and a step other than 0"
        )
        raise KernelError(msg) from error


def _loop(kind: str, values: builtins.range, stages: int) -> Iterator[int]:
    recorder = current()
    if recorder.block is not None:
        return _scope_loop(recorder.block, values, stages)
    if recorder.auto is not None:
        return _undecided_loop(recorder, kind, values, stages)
    return _orchestration_loop(recorder, kind, values)


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


def _undecided_loop(
    recorder: Recorder, kind: str, values: builtins.range, stages: int
) -> Iterator[int]:
    """A loop of an automatic scope before its first operation.

    If an operation opens a task in its body, the task holds the loop; a chunked loop in its body
    makes it a loop of the orchestrator.
    """
    loop = Loop(recorder.loop_count, kind, is_undecided=True)
    recorder.loop_count += 1
    recorder.loops.append(loop)
    try:
        for iteration, value in enumerate(values):
            loop.iteration = iteration
            block = recorder.block
            if block is not None and stages > 1:
                block.stages, block.slot = stages, iteration % stages
            yield value
    finally:
        recorder.loops.remove(loop)
        block = recorder.block
        if block is not None and loop.is_undecided:
            block.loop_depth = max(0, block.loop_depth - 1)
            block.stages, block.slot = 1, 0


def _scope_loop(block: Block, values: builtins.range, stages: int) -> Iterator[int]:
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

"""Tiny kernels for tests of task graphs: scopes that touch given boxes of given tensors."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import npusim.language as pl
from npusim.dependencies import CompilerEra, DependencyMode, build_graph
from npusim.program import Program

N = 8


def touch(
    *,
    reads: tuple[Any, ...] = (),
    writes: tuple[Any, ...] = (),
    rows: tuple[int, int] | None = None,
    in_loop: bool = False,
    **flags: Any,
) -> pl.TaskId:
    """A task that reads, then writes, ``rows`` (start, stop) of each tensor; all by default.

    ``in_loop`` puts the stores into a loop of the scope, as older compilers tell apart.
    """
    with pl.at(**flags) as task:
        for tensor in reads:
            start, stop = rows or (0, tensor.shape[0])
            pl.add(pl.slice(tensor, [stop - start, tensor.shape[1]], [start, 0]), 1.0)
        for tensor in writes:
            start, stop = rows or (0, tensor.shape[0])
            tile = pl.full([stop - start, tensor.shape[1]], pl.FP32, 1.0)
            if in_loop:
                for _ in pl.range(1):
                    pl.assemble(tensor, tile, [start, 0])
            else:
                pl.assemble(tensor, tile, [start, 0])
    return task


def new_tensor(rows: int = N, cols: int = N, **flags: Any) -> Any:
    """A scratch tensor made by the orchestrator."""
    return pl.create_tensor([rows, cols], pl.FP32, **flags)


def record(kernel: Callable[..., Any], arrays: Mapping[str, Any] | None = None) -> Program:
    """The recording of ``kernel``; one tensor ``x`` unless ``arrays`` says otherwise."""
    arguments = {"x": np.zeros((N, N), np.float32)} if arrays is None else dict(arrays)
    return pl.record(kernel, arguments, outputs=set(arguments))


def edges(
    program: Program,
    mode: DependencyMode = DependencyMode.TENSORMAP,
    era: CompilerEra = CompilerEra.HEAD,
) -> list[tuple[int, int]]:
    """The edges of the graph as pairs of task ids."""
    return [(int(a), int(b)) for a, b in build_graph(program, mode, era).edges]

"""The decorators and the one rewrite: ``with pl.spmd(n) as tid:`` runs its body n times."""

import functools
from typing import Any

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError
from npusim.program import Program

ROWS = 4


def record(kernel: Any, *arrays: np.ndarray) -> Program:
    return pl.record(kernel, {f"x{i}": x for i, x in enumerate(arrays)}, outputs={"x0"})


def rows() -> np.ndarray:
    return np.zeros((ROWS, 4), np.float32)


def fill_row(x: pl.Tensor, value: float) -> None:
    row = pl.tile.get_block_idx()
    pl.assemble(x, pl.full([1, 4], pl.FP32, value + row), [row, 0])


@pl.jit
def dispatch(x: pl.Tensor) -> None:
    with pl.spmd(ROWS, name_hint="fill"):
        fill_row(x, 1.0)


@pl.jit
def dispatch_with_id(x: pl.Tensor) -> None:
    with pl.spmd(ROWS, name_hint="fill") as tid:
        fill_row(x, 1.0)
    with pl.at(name_hint="after", deps=[tid]):
        pl.read(x, [0, 0])


@pl.jit.inline
def inline_fill(x: pl.Tensor, value: float = 1.0, *, scale: float = 1.0) -> pl.Tensor:
    """Fill."""
    with pl.spmd(ROWS, name_hint="fill"):
        fill_row(x, value * scale)
    return x


@pl.jit
def calls_inline(x: pl.Tensor) -> None:
    assert inline_fill(x) is x
    inline_fill(x, 2.0, scale=3.0)


@pl.jit
def two_dispatches_and_a_loop(x: pl.Tensor) -> None:
    for k in pl.range(2):
        with pl.spmd(ROWS, name_hint="fill") as tid:
            if pl.tile.get_block_idx() == 0:
                continue  # leaves the block, not the loop around the dispatch
            fill_row(x, float(k))
        with pl.spmd(1, name_hint="tail", deps=[tid]):
            pl.read(x, [0, 0])


@pl.jit
def explicit_loop(x: pl.Tensor) -> None:
    for row in pl.spmd(ROWS, name_hint="fill"):
        pl.assemble(x, pl.full([1, 4], pl.FP32, 1.0 + row), [row, 0])


@pytest.mark.parametrize("kernel", [dispatch, dispatch_with_id, explicit_loop])
def test_every_form_runs_the_body_once_per_block(kernel: Any) -> None:
    x = rows()
    program = record(kernel, x)
    assert x[:, 0].tolist() == [1, 2, 3, 4]
    assert (program.tasks[0].block_num, program.tasks[0].is_spmd) == (ROWS, True)


def test_the_task_id_is_bound_before_the_body() -> None:
    program = record(dispatch_with_id, rows())
    assert [(t.name, t.deps) for t in program.tasks] == [("fill", ()), ("after", (0,))]


def test_inline_keeps_defaults_docs_and_name() -> None:
    x = rows()
    record(calls_inline, x)
    assert x[:, 0].tolist() == [6, 7, 8, 9]
    assert (inline_fill.__name__, inline_fill.__doc__) == ("inline_fill", "Fill.")


def test_continue_leaves_only_the_block() -> None:
    x = rows()
    program = record(two_dispatches_and_a_loop, x)
    assert [t.name for t in program.tasks] == ["fill", "tail"] * 2
    assert [t.deps for t in program.tasks] == [(), (0,), (), (2,)]
    assert x[:, 0].tolist() == [0, 2, 3, 4]


def test_sites_of_rewritten_code_are_those_of_the_source() -> None:
    program = record(dispatch, rows())
    line = dispatch.function.__wrapped__.__code__.co_firstlineno + 2
    assert program.tasks[0].site == f"test_language_jit.py:{line}"


def build(offset: int) -> Any:
    limit = offset + 1

    @pl.jit
    def kernel(x: pl.Tensor[[limit, 4], pl.FP32], scale: int = limit) -> None:
        # a comment at depth
        with pl.spmd(ROWS, name_hint="fill"):
            fill_row(x, float(scale))

    return kernel


def test_annotations_and_defaults_may_name_variables_of_the_builder() -> None:
    x = rows()
    record(build(4), x)
    assert x[:, 0].tolist() == [5, 6, 7, 8]


def build_closure(offset: float) -> Any:
    @pl.jit
    def kernel(x: pl.Tensor) -> None:
        with pl.spmd(ROWS):
            fill_row(x, offset)

    return kernel


def test_variables_of_the_builder_are_seen_in_the_body() -> None:
    x = rows()
    record(build_closure(3.0), x)
    assert x[:, 0].tolist() == [3, 4, 5, 6]


def test_the_construct_needs_a_decorator_and_says_so() -> None:
    def kernel(x: pl.Tensor) -> None:
        with pl.spmd(ROWS):
            fill_row(x, 1.0)

    match = (
        r"(?m)^test_language_jit\.py:\d+: `with pl\.spmd\(\.\.\.\)` runs here as plain Python; "
        r"expected a function under @pl\.jit"
    )
    with pytest.raises(KernelError, match=match):
        record(kernel, rows())


def test_functions_without_the_construct_are_left_alone() -> None:
    def plain(x: pl.Tensor) -> None:
        """No dispatch here."""

    assert pl.jit.inline(plain) is plain
    assert pl.jit(plain).function is plain
    partial = functools.partial(plain)
    assert pl.jit.inline(partial) is partial
    assert pl.jit.inline(len) is len


def test_source_that_cannot_be_read_is_left_alone() -> None:
    namespace: dict[str, Any] = {"pl": pl}
    exec("def made(x):\n    with pl.spmd(2):\n        pass\n", namespace)
    assert pl.jit.inline(namespace["made"]) is namespace["made"]


def test_decorators_take_keywords() -> None:
    @pl.jit(auto_scope=False)
    def entry(x: pl.Tensor) -> None:
        """Entry."""

    @pl.jit.inline(note="x")
    def helper() -> int:
        return 3

    assert isinstance(entry, pl.JitFunction)
    assert (entry.__name__, entry.__doc__) == ("entry", "Entry.")
    assert helper() == 3
    assert pl.jit.opaque(len) is len


def test_incore_makes_each_call_a_task() -> None:
    @pl.jit.incore
    def double(x: pl.Tensor) -> Any:
        return pl.add(x, x)

    @pl.jit.incore(note="x")
    def negate(x: pl.Tensor) -> Any:
        return pl.neg(x)

    def kernel(x: pl.Tensor) -> None:
        negate(double(x))

    program = record(kernel, rows())
    assert [task.name for task in program.tasks] == ["double", "negate"]


def test_a_kernel_is_called_by_position_and_by_keyword() -> None:
    seen: list[Any] = []

    @pl.jit
    def kernel(x: pl.Tensor, n: int) -> None:
        seen.append((x.shape, n))

    def outer(x: pl.Tensor) -> None:
        kernel(x, 1)
        kernel(x, n=2)

    record(outer, rows())
    assert seen == [((4, 4), 1), ((4, 4), 2)]

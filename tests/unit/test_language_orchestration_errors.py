"""Refusals of the orchestration: where, what is wrong with the value, what was expected."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError
from npusim.language.dtypes import dtype_of
from npusim.language.table import add_row
from npusim.language.values import collapse
from npusim.program import Unit
from tests.refusals import FILE, ORCHESTRATION, SCOPE, in_scope, refuse, tile, vec

OUTSIDE = r"misplaced tensor operation: pl\.{} outside every scope; expected it inside `with pl\.at"
OPERATIONS: dict[str, Callable[[pl.Tensor], Any]] = {
    "add": lambda x: pl.add(x, x),
    "adds": lambda x: x + 1.0,
    "exp": pl.exp,
    "cmp": lambda x: x > 1.0,
    "row_sum": pl.row_sum,
    "row_expand_mul": lambda x: pl.row_expand_mul(x, x),
    "row_expand": lambda x: pl.row_expand(x, x),
    "cast": lambda x: pl.cast(x, pl.BF16),
    "full": lambda x: pl.full([1], pl.FP32, 0.0),
    "arange": lambda x: pl.arange(0, [1, 8]),
    "concat": lambda x: pl.concat(x, x),
    "fillpad": pl.fillpad,
    "create_tile": lambda x: pl.create_tile([1, 8], pl.FP32),
    "gather": lambda x: pl.gather(x, x),
    "scatter": lambda x: pl.scatter(x, index=x, src=x),
    "matmul": lambda x: pl.matmul(x, x),
    "matmul_acc": lambda x: pl.matmul_acc(x, x, x),
    "load": lambda x: pl.load(x, [0, 0], [1, 8]),
    "get_block_idx": lambda x: pl.tile.get_block_idx(),
}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_tile_operations_outside_every_scope_are_misplaced(name: str) -> None:
    words = {"adds": "add"}.get(name, name)
    refuse(OPERATIONS[name], ORCHESTRATION + OUTSIDE.format(words), vec())


def keep(body: Callable[..., Any]) -> Any:
    """The tile (or tensor) that ``body`` makes in a recording of its own."""
    kept: list[Any] = []
    pl.record(in_scope(lambda x: kept.append(body(x))), {"x": vec()})
    return kept[0]


def test_writes_and_transposes_of_a_tile_outside_every_scope_are_refused() -> None:
    def write(x: pl.Tensor) -> None:
        with pl.at():
            made = pl.neg(x)
        pl.write(made, [0, 0], 1.0)

    def transpose(x: pl.Tensor) -> None:
        with pl.at():
            made = pl.neg(x)
        pl.transpose(made, 0, 1)

    refuse(write, ORCHESTRATION + OUTSIDE.format("write"), vec())
    refuse(
        transpose,
        ORCHESTRATION + r"pl\.transpose of a tile outside every scope; move it inside one$",
        vec(),
    )


def test_reshape_of_a_view_that_would_copy() -> None:
    def kernel(x: pl.Tensor) -> None:
        pl.reshape(pl.slice(x, [4, 4], [0, 0]), [16])

    match = (
        r"pl\.reshape of the view \[4, 4\] with strides \[8, 1\] to \[16\] would copy; "
        r"reshape before slicing$"
    )
    refuse(kernel, ORCHESTRATION + match, vec())


def test_tiles_and_tensors_of_another_recording_are_refused() -> None:
    made, tensor = keep(pl.neg), keep(lambda x: x)
    of_another = (
        r"a tile of scope op, task 0, block 0 of another recording; expected a tile of this"
    )
    refuse(in_scope(lambda x: pl.exp(made)), SCOPE + of_another, vec())
    refuse(in_scope(lambda x: pl.assemble(made, x, [0, 0])), SCOPE + of_another, vec())
    refuse(lambda x: pl.read(made, [0, 0]), ORCHESTRATION + of_another, vec())
    foreign = (
        r"Tensor\(x, \[4, 8\], FP32\) is of another recording; expected a tensor of this one; "
    )
    refuse(in_scope(lambda x: pl.exp(tensor)), SCOPE + foreign, vec())
    refuse(lambda x: pl.read(tensor, [0, 0]), ORCHESTRATION + foreign, vec())
    refuse(lambda: pl.write(tensor, [0, 0], 1.0), ORCHESTRATION + foreign)


def test_blocks_of_one_dispatch_share_no_tile() -> None:
    def use(x: pl.Tensor) -> None:
        made = None
        for _ in pl.spmd(2, name_hint="op"):
            made = pl.neg(x) if made is None else pl.exp(made)

    def write(x: pl.Tensor) -> None:
        made = None
        for _ in pl.spmd(2, name_hint="op"):
            made = pl.neg(x) if made is None else pl.assemble(made, x, [0, 0])

    match = (
        FILE + r" \(scope op, task 0, block 1\): a tile that block 0 made; expected blocks of one "
        r"pl\.spmd to share nothing, they run in parallel; make it in each$"
    )
    refuse(use, match, vec())
    refuse(write, match, vec())


def test_an_accumulator_of_another_scope_is_refused() -> None:
    def kernel(x: pl.Tensor) -> None:
        with pl.at(name_hint="first"):
            acc = pl.matmul(x, x, b_trans=True)
        with pl.at(name_hint="op"):
            pl.matmul_acc(acc, x, x, b_trans=True)

    match = (
        FILE + r" \(scope op, task 1, block 0\): the accumulator of pl\.matmul_acc comes from "
        r"another scope; expected a tile that pl\.matmul or pl\.create_tensor made in this scope; "
        r"add partial products of several scopes with pl\.add$"
    )
    refuse(kernel, match, vec())


def test_a_write_into_a_part_of_an_escaped_tile_is_refused() -> None:
    def kernel(x: pl.Tensor) -> None:
        with pl.at(name_hint="first"):
            part = pl.slice(pl.neg(x), [2, 8], [0, 0])
        with pl.at(name_hint="op"):
            pl.assemble(part, pl.full([1, 8], pl.FP32, 0.0), [0, 0])

    match = (
        FILE + r" \(scope op, task 1, block 0\): a write into Tile\(\[2, 8\], FP32\), which is a "
        r"part or an older value of a tile of scope first, task 0, block 0; expected the whole "
        r"tile; write into that, or into a tensor made outside the scopes$"
    )
    refuse(kernel, match, vec())


def test_a_read_only_array_cannot_be_written() -> None:
    x = vec()
    x.flags.writeable = False
    match = (
        r"a write to Tensor\(x0, \[4, 8\], FP32\), whose array is read-only; expected an output; "
        r"pass a writable array for it$"
    )
    refuse(in_scope(lambda x: pl.assemble(x, tile(1, 8), [0, 0])), SCOPE + match, x)
    refuse(in_scope(lambda x: pl.write(x, [0, 0], 1.0)), SCOPE + match, x)
    refuse(lambda x: pl.write(x, [0, 0], 1.0), ORCHESTRATION + match, x)


@pytest.mark.parametrize("leave", ["break", "return", "never", "error"])
def test_a_dispatch_left_half_way_is_refused(leave: str) -> None:
    def kernel(x: pl.Tensor) -> None:
        if leave == "never":
            pl.spmd(3, name_hint="op")
            return
        if leave == "error":
            with pytest.raises(ZeroDivisionError):
                fail()
            return
        for _ in pl.spmd(3, name_hint="op"):
            if leave == "return":
                return
            break

    def fail() -> None:
        for _ in pl.spmd(3, name_hint="op"):
            raise ZeroDivisionError

    ran = 0 if leave == "never" else 1
    match = (
        FILE + rf" \(scope op, task 0\): pl\.spmd ran {ran} of 3 blocks; expected all, as on the "
        r"device; do not leave its loop with break or return$"
    )
    refuse(kernel, match, vec())


def test_a_scope_after_a_broken_dispatch_still_opens() -> None:
    names: list[str] = []

    def kernel() -> None:
        for _ in pl.spmd(2):
            break
        with pl.at(name_hint="after"):
            names.append("after")

    refuse(kernel, FILE + r" \(scope incore_\d+, task 0\): pl\.spmd ran 1 of 2 blocks; ")
    assert names == ["after"]


def test_a_dispatch_runs_once_and_at_once() -> None:
    def twice() -> None:
        blocks = pl.spmd(1, name_hint="op")
        for _ in blocks:
            pl.full([1, 8], pl.FP32, 0.0)
        for _ in blocks:
            pl.full([1, 8], pl.FP32, 0.0)

    def late() -> None:
        blocks = pl.spmd(1, name_hint="op")
        pl.system.task_dummy()
        for _ in blocks:
            pl.full([1, 8], pl.FP32, 0.0)

    refuse(
        twice,
        ORCHESTRATION + r"task 0 of pl\.spmd runs again; expected one loop over it; make another ",
    )
    refuse(
        late,
        ORCHESTRATION + r"blocks of task 0, op, run after task 1 was submitted; expected them bef",
    )


ORCHESTRATION_CASES: dict[str, tuple[Callable[..., Any], str]] = {
    "spmd count": (lambda: pl.spmd(0), r"pl\.spmd of 0 blocks; expected 1 or more$"),
    "spmd type": (lambda: pl.spmd(2.5), r"pl\.spmd of 2\.5 blocks; expected 1 or more$"),
    "at level": (
        lambda: pl.at(level=pl.Level.HOST),
        r"pl\.at level is <Level\.HOST: 'host'>; expected pl\.Level\.CORE_GROUP on a single ",
    ),
    "at keyword": (
        lambda: pl.at(nam_hint="x"),
        r"pl\.at got nam_hint; expected one of allow_early_resolve, deps, name_hint, no_dep_args, ",
    ),
    "spmd keyword": (
        lambda: pl.spmd(2, a=1, b=2),
        r"pl\.spmd got a, b; expected one of allow_early_resolve, deps, name_hint, no_dep_args, ",
    ),
    "deps": (
        lambda: pl.at(deps=[3]).__enter__(),
        r"deps holds 3; expected task ids, as `with pl\.at\(\.\.\.\) as tid` binds them$",
    ),
    "array element": (
        lambda: pl.array.create(3, "tasks"),
        r"pl\.array\.create of 'tasks'; expected pl\.TASK_ID$",
    ),
    "init value": (
        lambda: pl.create_tensor([4], pl.INT8, init_value=1.5),
        r"pl\.create_tensor of 1\.5 as INT8; expected a number that INT8 holds; ",
    ),
}


@pytest.mark.parametrize("name", sorted(ORCHESTRATION_CASES))
def test_refusals_of_the_orchestration(name: str) -> None:
    body, match = ORCHESTRATION_CASES[name]
    refuse(body, ORCHESTRATION + match)


def test_every_entry_needs_a_recording() -> None:
    for call in (pl.jit(lambda: pl.create_tensor([4], pl.FP32)), lambda: list(pl.range(3))):
        with pytest.raises(KernelError, match=r"^no recording is running; run the kernel through "):
            call()


def test_arguments_that_cannot_be_tensors() -> None:
    def kernel(x: pl.Tensor) -> None:
        """Never runs."""

    with pytest.raises(
        KernelError,
        match=r"^argument x0: strides \(4, 32\) of shape \[8, 4\]; expected a C-contiguous array; "
        r"pass numpy\.ascontiguousarray of it$",
    ):
        pl.record(kernel, {"x0": vec().T})
    with pytest.raises(
        KernelError,
        match=r"^argument x0: numpy type float64 has no DSL type; expected one of FP32, FP16, ",
    ):
        pl.record(kernel, {"x0": vec(np.float64)})
    with pytest.raises(KernelError, match=r"^numpy type complex64 has no DSL type; expected one "):
        dtype_of(vec(np.complex64))
    with pytest.raises(KernelError, match=r"^outputs y, z; expected names of x0$"):
        pl.record(kernel, {"x0": vec()}, outputs={"z", "y"})


def test_regions_with_too_many_uneven_axes() -> None:
    match = (
        r"^a region of shape \[2, 2, 2, 2\] with strides \[1, 3, 8, 20\] has 4 uneven axes; "
        r"expected at most 3 above the contiguous one; access it in parts$"
    )
    with pytest.raises(KernelError, match=match):
        collapse((2, 2, 2, 2), (1, 3, 8, 20))


def test_an_operation_has_one_row() -> None:
    with pytest.raises(ValueError, match=r"^op add is already in the table$"):
        add_row("add", Unit.VECTOR, summary="Again.")


def test_a_message_names_the_line_of_the_kernel_not_of_the_library() -> None:
    def helper(x: pl.Tensor) -> Any:
        return pl.add(x, pl.full([3, 3], pl.FP32, 0.0))

    with pytest.raises(KernelError) as caught:
        pl.record(in_scope(helper), {"x": vec()})
    line = helper.__code__.co_firstlineno + 1
    assert re.match(rf"test_language_orchestration_errors\.py:{line} \(scope op", str(caught.value))

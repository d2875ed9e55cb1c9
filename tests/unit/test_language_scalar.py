"""Scalar reads and writes, and atomic stores: values, coalescing, accesses."""

from typing import Any

import numpy as np
import pytest

import npusim.language as pl
from npusim.program import NO_INDEX, AccessMode, Program


def record(body: Any, *arrays: np.ndarray) -> Program:
    def kernel(*handles: pl.Tensor) -> None:
        with pl.at(name_hint="op"):
            body(*handles)

    return pl.record(kernel, {f"x{i}": x for i, x in enumerate(arrays)}, outputs={"x0"})


def rows(program: Program) -> list[tuple[str, int, int, int]]:
    """Kind, elements, first element and run of every operation with an access."""
    found = []
    for op in program.block_ops(0):
        if op["access"] != NO_INDEX:
            access = program.accesses[op["access"]]
            kind = program.op_kinds[op["kind"]].name
            found.append((kind, int(op["cols"]), int(access["offset"]), int(access["run"])))
    return found


def ramp(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return np.arange(np.prod(shape)).astype(dtype).reshape(shape)


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (np.float32, float),
        (np.float16, float),
        (pl.BF16.numpy, float),
        (np.int8, int),
        (np.int64, int),
        (np.bool_, bool),
    ],
)
def test_read_returns_a_python_number(dtype: Any, kind: type) -> None:
    x = np.ones((2, 3), dtype)

    def body(x: pl.Tensor) -> None:
        assert type(pl.read(x, [1, 2])) is kind
        assert type(pl.read(pl.slice(x, [2, 3], [0, 0]), [1, 2])) is kind

    record(body, x)


@pytest.mark.parametrize("index", [[1, 2], (1, 2), 5, np.int64(5), [np.int32(1), 2]])
def test_every_form_of_an_index_names_the_same_element(index: Any) -> None:
    def body(x: pl.Tensor) -> None:
        assert pl.read(x, index) == 5.0
        assert pl.read(pl.neg(x), index) == -5.0
        pl.write(x, index, 9.0)

    x = ramp(2, 3)
    program = record(body, x)
    assert x[1, 2] == 9.0
    assert rows(program)[0] == ("scalar_read", 1, 5, 1)


def test_subscripts_read_and_write_elements() -> None:
    def body(x: pl.Tensor) -> None:
        assert x[1, 2] == 5.0
        x[0, 1] = 7.0

    x = ramp(2, 3)
    program = record(body, x)
    assert x[0, 1] == 7.0
    assert rows(program) == [("scalar_read", 1, 5, 1), ("scalar_write", 1, 1, 1)]


def test_neighbouring_reads_become_one_row() -> None:
    def body(x: pl.Tensor) -> None:
        for k in pl.range(2, 6):
            pl.read(x, [0, k])
        pl.read(x, [1, 0])
        pl.read(x, [1, 2])

    assert rows(record(body, ramp(2, 8))) == [
        ("scalar_read", 4, 2, 4),
        ("scalar_read", 1, 8, 1),
        ("scalar_read", 1, 10, 1),
    ]


def test_a_run_crosses_rows_that_follow_each_other_in_memory() -> None:
    def body(x: pl.Tensor) -> None:
        for i in range(2):
            for k in range(4):
                pl.read(x, [i, k])

    assert rows(record(body, ramp(2, 4))) == [("scalar_read", 8, 0, 8)]


def test_another_operation_or_tensor_ends_a_run() -> None:
    def body(x: pl.Tensor, y: pl.Tensor) -> None:
        pl.read(x, [0, 0])
        pl.read(y, [0, 1])
        pl.read(x, [0, 1])
        pl.full([1, 4], pl.FP32, 0.0)
        pl.read(x, [0, 2])

    program = record(body, ramp(1, 4), ramp(1, 4))
    kinds = [program.op_kinds[op["kind"]].name for op in program.ops]
    assert kinds == ["scalar_read"] * 3 + ["full", "scalar_read"]


def test_a_run_ends_with_its_block() -> None:
    def kernel(x: pl.Tensor) -> None:
        for k in pl.spmd(2):
            pl.read(x, [0, k])

    program = pl.record(kernel, {"x": ramp(1, 4)})
    assert [len(program.block_ops(block)) for block in (0, 1)] == [1, 1]


def test_reads_and_writes_through_views_name_elements_of_the_buffer() -> None:
    x = ramp(4, 6)

    def kernel(x: pl.Tensor) -> None:
        view = pl.transpose(pl.slice(x, [2, 3], [1, 2]), 0, 1)
        with pl.at():
            assert pl.read(view, [2, 1]) == x.array[2, 4]
            pl.write(view, [0, 1], 99.0)

    program = pl.record(kernel, {"x": x}, outputs={"x"})
    assert x[2, 2] == 99.0
    assert rows(program) == [("scalar_read", 1, 16, 1), ("scalar_write", 1, 14, 1)]


def test_write_rounds_to_the_type() -> None:
    x = np.zeros((1, 2), pl.BF16.numpy)

    def body(x: pl.Tensor) -> None:
        pl.write(x, [0, 0], 0.1)
        tile = pl.slice(x, [1, 2], [0, 0])
        pl.write(tile, [0, 1], 0.1)
        pl.assemble(x, tile, [0, 0])

    record(body, x)
    assert x.tolist() == [[pl.BF16.numpy.type(0.1)] * 2]


def test_reads_of_tiles_are_recorded_on_the_tile() -> None:
    def body(x: pl.Tensor) -> None:
        tile = pl.slice(x, [1, 4], [0, 0])
        pl.read(tile, [0, 1])
        pl.write(tile, [0, 1], 3.0)

    program = record(body, ramp(1, 4))
    load, read, write = program.block_ops(0)
    assert read["in0"] == load["out"]
    assert write["in0"] == write["out"] == load["out"]
    assert [read["access"], write["access"]] == [NO_INDEX, NO_INDEX]


def test_atomic_stores_add_and_say_so() -> None:
    x = np.ones((4, 4), np.float32)

    def kernel(x: pl.Tensor) -> None:
        for i in pl.spmd(4):
            pl.store(pl.full([1, 4], pl.FP32, float(i)), [0, 0], x, atomic=pl.AtomicType.Add)
            pl.assemble(x, pl.full([1, 4], pl.FP32, 1.0), [1, 0], atomic=pl.AtomicType.Add)

    program = pl.record(kernel, {"x": x}, outputs={"x"})
    assert x[:2].tolist() == [[7] * 4, [5] * 4]
    assert set(program.accesses["mode"].tolist()) == {AccessMode.ATOMIC_ADD}
    (argument,) = program.tasks[0].arguments
    assert (argument.is_read, argument.is_written) == (True, True)


def test_scalar_minimum_maximum_and_constants_are_plain_numbers() -> None:
    assert (pl.min(2, 3), pl.max(2, 3)) == (2, 3)
    assert pl.const(2.7, pl.INT32) == 2
    assert pl.cast(True, pl.BOOL) is True


def test_operations_on_two_numbers_are_scalar_arithmetic() -> None:
    def check() -> None:
        assert pl.mul(0.1, 3) == float(np.float32(0.1) * np.float32(3))  # FP32, not double
        assert pl.sub(1.0, pl.div(1.0, 4.0)) == 0.75
        assert (pl.add(2, 3), pl.div(-7, 2), pl.maximum(2, np.int64(5))) == (5, -4, 5)
        assert type(pl.add(2, 3)) is int
        assert type(pl.minimum(np.float32(2), 3)) is float

    def kernel(x: pl.Tensor) -> None:
        check()  # the orchestrator
        with pl.at(name_hint="op"):
            check()  # a core
            x[:, :] = pl.mul(x, pl.mul(pl.cast(pl.read(x, [0, 1]), pl.FP32), 0.5))

    x = ramp(2, 8)
    program = pl.record(kernel, {"x0": x}, outputs={"x0"})
    np.testing.assert_array_equal(x, ramp(2, 8) * 0.5)
    assert [kind for kind, *_ in rows(program)] == ["scalar_read", "load", "store"]

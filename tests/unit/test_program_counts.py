"""Counting conventions on programs small enough to count by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np

import npusim.language as pl
from npusim.program import ScopeCounts, count_by_scope, total_counts


def count(body: Callable[..., Any], *arrays: np.ndarray) -> ScopeCounts:
    def kernel(*handles: pl.Tensor) -> None:
        with pl.at(name_hint="op"):
            body(*handles)

    arguments = {f"x{i}": x for i, x in enumerate(arrays)}
    return total_counts(pl.record(kernel, arguments, outputs={"x0"}))


def square(dtype: Any = np.float32) -> np.ndarray:
    return np.ones((16, 16), dtype)


def test_a_slice_used_twice_is_loaded_once() -> None:
    def body(x: pl.Tensor) -> None:
        tile = pl.slice(x, [16, 16], [0, 0])
        pl.mul(tile, pl.add(tile, tile))

    counts = count(body, square())
    assert (counts.loads, counts.gm_to_ub_bytes) == (1, 1024)
    assert (counts.vector_ops, counts.vector_elems) == (2, 512)


def test_a_slice_used_by_both_units_is_loaded_into_both() -> None:
    def body(x: pl.Tensor) -> None:
        tile = pl.slice(x, [16, 16], [0, 0])
        pl.matmul(tile, tile)
        pl.neg(tile)

    counts = count(body, square(pl.BF16.numpy))
    assert (counts.loads, counts.gm_to_ub_bytes, counts.gm_to_l1_bytes) == (2, 512, 512)
    assert counts.core_types == ("mix",)


def test_products_count_m_n_k_and_their_drain() -> None:
    def body(out: pl.Tensor, a: pl.Tensor, b: pl.Tensor) -> None:
        pl.assemble(out, pl.matmul_acc(pl.matmul(a, b), a, b), [0, 0])

    left, right = np.ones((16, 32), np.int8), np.ones((32, 16), np.int8)
    counts = count(body, square(np.int32), left, right)
    assert (counts.matmuls, counts.macs) == (2, 2 * 16 * 16 * 32)
    assert (counts.l0c_to_gm_bytes, counts.ub_to_gm_bytes, counts.stores) == (1024, 0, 1)
    assert counts.gm_to_l1_bytes == 4 * 512  # a tensor operand is loaded at every use
    assert counts.core_types == ("aic",)


def test_reductions_count_their_input_and_a_column_of_16_fp32_is_64_bytes() -> None:
    def body(out: pl.Tensor, x: pl.Tensor) -> None:
        pl.assemble(out, pl.row_max(pl.slice(x, [16, 16], [0, 0])), [0, 0])

    counts = count(body, np.zeros((16, 1), np.float32), square())
    assert (counts.vector_elems, counts.ub_to_gm_bytes) == (256, 64)


def test_hand_overs_between_the_units() -> None:
    def body(x: pl.Tensor) -> None:
        product = pl.matmul(x, x)
        pl.matmul(pl.cast(product, pl.BF16), x)

    counts = count(body, square(pl.BF16.numpy))
    assert (counts.cube_to_vector_bytes, counts.vector_to_cube_bytes) == (1024, 512)


def test_only_the_valid_part_is_moved() -> None:
    def body(out: pl.Tensor, x: pl.Tensor) -> None:
        pl.assemble(out, pl.slice(x, [16, 16], [0, 0], valid_shape=[3, 5]), [0, 0])

    counts = count(body, square(), square())
    assert (counts.gm_to_ub_bytes, counts.ub_to_gm_bytes) == (60, 60)


def test_scalar_reads_count_elements() -> None:
    def body(x: pl.Tensor) -> None:
        for k in range(5):
            pl.read(x, [0, k])
        pl.read(x, [3, 3])

    assert count(body, square()).scalar_reads == 6


def test_an_escaping_tile_is_stored_once_and_loaded_by_each_consumer() -> None:
    def kernel(x: pl.Tensor) -> None:
        with pl.at(name_hint="make"):
            tile = pl.neg(pl.slice(x, [16, 16], [0, 0]))
        for _ in range(2):
            with pl.at(name_hint="use"):
                pl.exp(tile)

    make, use = count_by_scope(pl.record(kernel, {"x": square()}))
    assert (make.stores, make.ub_to_gm_bytes, make.gm_to_ub_bytes) == (1, 1024, 1024)
    assert (use.loads, use.gm_to_ub_bytes, use.ub_to_gm_bytes) == (2, 2048, 0)


def test_scopes_are_counted_by_name_in_order_of_submission() -> None:
    def kernel(x: pl.Tensor) -> None:
        for k in range(2):
            for i in pl.spmd(3 - k, name_hint="b"):
                pl.neg(pl.slice(x, [1, 16], [i, 0]))
            pl.system.task_dummy()
            with pl.at(name_hint="a"):
                pl.matmul(x, x)

    program = pl.record(kernel, {"x": square(pl.BF16.numpy)})
    rows = count_by_scope(program)
    assert [(r.name, r.tasks, r.nodes, r.core_types) for r in rows] == [
        ("b", 5, 2, ("aiv",)),
        ("task_dummy", 0, 2, ()),
        ("a", 2, 2, ("aic",)),
    ]
    assert [r.vector_elems for r in rows] == [5 * 16, 0, 0]
    total = total_counts(program)
    assert (total.name, total.tasks, total.nodes) == ("total", 7, 6)
    assert total.core_types == ("aic", "aiv")
    assert total.macs == 2 * 16**3


def test_an_empty_program_counts_nothing() -> None:
    program = pl.record(lambda: None, {})
    assert count_by_scope(program) == []
    assert total_counts(program).tasks == 0


def test_a_program_without_tiles() -> None:
    def body(x: pl.Tensor) -> None:
        pl.write(x, [0, 0], 1.0)

    counts = count(body, square())
    assert (counts.loads, counts.stores, counts.tasks) == (0, 0, 1)

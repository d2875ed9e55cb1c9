"""The recorded regions hold exactly the elements that numpy touches."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import npusim.language as pl
from npusim.language.values import collapse
from npusim.program import NO_INDEX, Program

pytestmark = pytest.mark.property


def expand(row: Any) -> list[int]:
    """Element numbers of one ACCESS row, in order."""
    return [
        int(row["offset"]) + i0 * row["s0"] + i1 * row["s1"] + i2 * row["s2"] + i
        for i0 in range(row["n0"])
        for i1 in range(row["n1"])
        for i2 in range(row["n2"])
        for i in range(row["run"])
    ]


def accesses(program: Program) -> list[Any]:
    return [program.accesses[op["access"]] for op in program.ops if op["access"] != NO_INDEX]


@st.composite
def boxes(draw: Any, shape: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Sizes and offsets of a box within ``shape``."""
    sizes, offsets = [], []
    for extent in shape:
        low = draw(st.integers(0, extent - 1))
        offsets.append(low)
        sizes.append(draw(st.integers(1, extent - low)))
    return sizes, offsets


@st.composite
def views(draw: Any) -> tuple[tuple[int, ...], list[tuple[str, Any]]]:
    """A shape and a chain of views that numpy can make without a copy."""
    shape = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    array = np.zeros(shape, np.int32)
    steps: list[tuple[str, Any]] = []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["slice", "reshape", "transpose"]))
        if kind == "slice":
            sizes, offsets = draw(boxes(array.shape))
            steps.append(("slice", (sizes, offsets)))
            array = array[tuple(slice(o, o + n) for o, n in zip(offsets, sizes, strict=True))]
        elif kind == "transpose" and array.ndim > 1:
            axes = draw(st.permutations(range(array.ndim)))[:2]
            steps.append(("transpose", axes))
            array = array.swapaxes(*axes)
        elif array.flags.c_contiguous:
            target = draw(st.sampled_from([(array.size,), (array.shape[0], -1), (1, array.size)]))
            steps.append(("reshape", target))
            array = array.reshape(target)
    return shape, steps


def apply(value: Any, steps: list[tuple[str, Any]]) -> Any:
    for kind, argument in steps:
        if kind == "slice":
            value = pl.slice(value, *argument)
        elif kind == "transpose":
            value = pl.transpose(value, *argument)
        else:
            value = pl.reshape(value, argument)
    return value


@given(views(), st.data())
def test_loads_and_stores_of_views_touch_what_numpy_touches(
    case: tuple[tuple[int, ...], list[tuple[str, Any]]], data: st.DataObject
) -> None:
    shape, steps = case
    x = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    loaded: list[np.ndarray] = []
    written: list[int] = []

    def kernel(x: pl.Tensor) -> None:
        view = apply(x, steps)
        sizes, offsets = data.draw(boxes(view.shape))
        with pl.at():
            tile = pl.slice(view, sizes, offsets)
            loaded.append(tile.array.copy())
            pl.assemble(view, pl.neg(pl.add(tile, 1)), offsets)
        written.extend(np.flatnonzero(x.array.reshape(-1) < 0).tolist())

    program = pl.record(kernel, {"x": x}, outputs={"x"})
    load, store = accesses(program)
    assert expand(load) == loaded[0].reshape(-1).tolist()  # the values are element numbers
    assert expand(store) == expand(load)
    assert sorted(expand(store)) == written


@given(views(), st.data())
def test_scalar_reads_touch_what_numpy_reads(
    case: tuple[tuple[int, ...], list[tuple[str, Any]]], data: st.DataObject
) -> None:
    shape, steps = case
    x = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    seen: list[int] = []

    def kernel(x: pl.Tensor) -> None:
        view = apply(x, steps)
        index = st.tuples(*(st.integers(0, extent - 1) for extent in view.shape))
        with pl.at():
            places = data.draw(st.lists(index, min_size=1, max_size=12))
            seen.extend(pl.read(view, place) for place in places)

    program = pl.record(kernel, {"x": x})
    assert [i for row in accesses(program) for i in expand(row)] == seen
    counted = [int(op["cols"]) for op in program.ops]
    assert counted == [int(row["run"]) for row in accesses(program)]


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 40)), min_size=0, max_size=3),
    st.integers(1, 6),
)
def test_collapse_keeps_every_strided_element_in_order(
    outer: list[tuple[int, int]], run: int
) -> None:
    shape = (*(n for n, _ in outer), run)
    strides = (*(s for _, s in outer), 1)
    n0, s0, n1, s1, n2, s2, length = collapse(shape, strides)
    got = [
        i * s0 + j * s1 + k * s2 + r
        for i in range(n0)
        for j in range(n1)
        for k in range(n2)
        for r in range(length)
    ]
    expected = sum(
        (np.arange(n) * s).reshape([-1 if a == axis else 1 for a in range(len(shape))])
        for axis, (n, s) in enumerate(zip(shape, strides, strict=True))
    )
    assert got == np.broadcast_to(expected, shape).reshape(-1).tolist()


@given(st.data())
def test_valid_parts_of_a_slice_touch_only_themselves(data: st.DataObject) -> None:
    x = np.arange(24, dtype=np.int32).reshape(4, 6) + 1
    sizes, offsets = data.draw(boxes((4, 6)))
    valid = [data.draw(st.integers(0, n)) for n in sizes]
    kept: list[np.ndarray] = []

    def kernel(x: pl.Tensor) -> None:
        with pl.at():
            kept.append(pl.slice(x, sizes, offsets, valid_shape=valid).array)

    program = pl.record(kernel, {"x": x})
    (load,) = accesses(program)
    assert [i + 1 for i in expand(load)] == [int(v) for v in kept[0].reshape(-1) if v]

"""The Program type: its checks and its look-ups."""

from dataclasses import replace

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import NpuSimError
from npusim.program import NO_INDEX, OP_DTYPE, Program


def program() -> Program:
    def kernel(x: pl.Tensor) -> None:
        for i in pl.spmd(3, name_hint="use"):
            for _ in range(i):
                pl.neg(pl.slice(x, [1, 4], [i, 0]))

    return pl.record(kernel, {"x": np.ones((4, 4), np.float32)})


def test_blocks_slice_operations_and_tiles() -> None:
    made = program()
    assert made.block_count == 3
    assert [len(made.block_ops(block)) for block in range(3)] == [0, 2, 4]
    assert [len(made.block_tiles(block)) for block in range(3)] == [0, 2, 4]
    assert made.block_ops(2)["out"].tolist() == [0, 1, 2, 3]


def test_kinds_are_found_by_name() -> None:
    made = program()
    assert made.op_kinds[made.kind_index("neg")].name == "neg"
    assert made.kind_index("no such operation") == NO_INDEX


def test_arrays_are_frozen() -> None:
    with pytest.raises(ValueError, match=r"^assignment destination is read-only$"):
        program().tiles["nbytes"] = 0


@pytest.mark.parametrize("name", ["ops", "tiles", "accesses", "blocks"])
def test_wrong_arrays_are_refused(name: str) -> None:
    made = replace(program(), kernel="k")
    match = rf"^program k: {name} has dtype int64 and 1 axes; expected one axis of "
    with pytest.raises(NpuSimError, match=match):
        replace(made, **{name: np.zeros(1, np.int64)})
    two_axes = np.zeros((1, 1), OP_DTYPE)
    with pytest.raises(NpuSimError, match=r"^program k: ops has dtype .* and 2 axes; expected one"):
        replace(made, ops=two_axes)

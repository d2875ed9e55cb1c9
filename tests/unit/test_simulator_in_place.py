"""Which operands a result may not overwrite, and what that does to the buffers of a block."""

import pytest

from npusim.language import table
from npusim.program import CoreType, Space
from npusim.simulator.catalog import ProfileCatalog
from npusim.simulator.in_place import KEPT_OPERANDS, kept_operands
from tests.program_builder import ProgramBuilder, round_chip


def chain(name, dtype="FP32", out_dtype="FP32"):
    """A load, an operation on its tile, a store of the result."""
    builder = ProgramBuilder()
    x = builder.tensor("x", (64, 64))
    block = builder.task("t", CoreType.AIV).block()
    tile = block.load(x, 8, 64, site=1, dtype=dtype)
    result = block.tile(Space.UB, 8, 64, out_dtype, site=2)
    block.op(name, 8, 64, out=result, ins=(tile,), dtype=dtype, out_dtype=out_dtype)
    block.store(x, result, 8, 64)
    return builder.build()


@pytest.mark.parametrize(
    ("name", "types", "expected"),
    [
        ("exp", ("FP32", "FP32"), [False, False, False]),
        ("cast", ("BF16", "FP32"), [True, True, True]),
        ("cast", ("FP32", "BF16"), [False, False, False]),
        ("row_max", ("FP32", "FP32"), [True, True, True]),
        ("row_expand_mul", ("FP32", "FP32"), [False, True, False]),
    ],
)
def test_what_an_operation_reads_again_is_kept(name, types, expected):
    assert kept_operands(chain(name, *types))[1].tolist() == expected


def test_every_operation_that_is_listed_exists():
    assert set(KEPT_OPERANDS) <= {row.kind.name for row in table.op_rows()}


@pytest.mark.parametrize(
    ("name", "operands"),
    [("rsqrt", 7), ("mrgsort", 7), ("transpose", 7), ("col_expand", 1), ("col_expand_mul", 2)],
)
def test_what_is_read_again_by_name(name, operands):
    assert KEPT_OPERANDS[name] == operands


@pytest.mark.parametrize(("name", "is_shared"), [("exp", True), ("row_max", False)])
def test_a_result_takes_the_buffer_of_its_operand_only_where_it_may(name, is_shared):
    plan = ProfileCatalog(chain(name), round_chip(), memoise=True).buffer_plan(0)
    assert any(len(beside) > 1 for beside in plan.overlaps) is is_shared

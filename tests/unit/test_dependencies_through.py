from npusim.dependencies.through import EdgeRegions
from npusim.program import CoreType
from tests.program_builder import ProgramBuilder


def test_a_region_is_what_both_tasks_touch() -> None:
    builder = ProgramBuilder()
    x, y = builder.tensor("x", (64, 64)), builder.tensor("y", (64, 64))
    first = builder.task("first", CoreType.AIV).block()
    first.store(x, first.load(y, rows=32, cols=64), rows=32, cols=64, offset=16 * 64)
    second = builder.task("second", CoreType.AIV).block()
    second.load(x, rows=32, cols=64)
    third = builder.task("third", CoreType.AIV).block()
    third.load(x, rows=8, cols=64, offset=50 * 64)
    regions = EdgeRegions(builder.build())
    assert regions.text(0, 1) == "x[16:32]"
    assert regions.text(0, 2) != "x[50:58]"
    assert regions.text(1, 2) == ""

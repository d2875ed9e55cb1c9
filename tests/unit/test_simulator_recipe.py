from dataclasses import replace

import pytest

from npusim.cost import drain_cycles, latency_cycles
from npusim.errors import HardwareSpecError, NpuSimError
from npusim.hardware import load_chip
from npusim.program import CoreType, Space, Unit
from npusim.simulator.recipe import OpShape, Pipe, Traffic, build_recipe

A2A3, A5 = load_chip("a2a3"), load_chip("a5")


def shape(name: str, unit: Unit, **changes):
    base = OpShape(
        name=name,
        unit=unit,
        cost_key="binary",
        rows=64,
        cols=64,
        depth=64,
        elem_bytes=2,
        out_elem_bytes=2,
        out_space=Space.UB,
        in0_space=Space.UB,
        core_type=CoreType.AIV,
        is_split=False,
    )
    return replace(base, **changes)


def pipes(chip, *args, **changes):
    return [step.pipe for step in build_recipe(shape(*args, **changes), chip)]


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("load", {"out_space": Space.UB}, Pipe.AIV_MTE2),
        ("load", {"out_space": Space.L1}, Pipe.AIC_MTE2),
        ("store", {"in0_space": Space.UB}, Pipe.AIV_MTE3),
        ("store", {"in0_space": Space.L0C}, Pipe.AIC_FIX),
        ("store", {"in0_space": Space.L1}, Pipe.AIC_MTE3),
        ("acc_to_l1", {"in0_space": Space.L0C, "out_space": Space.L1}, Pipe.AIC_FIX),
    ],
)
def test_the_space_of_a_tile_decides_the_pipe_of_a_move(name, changes, expected):
    assert pipes(A2A3, name, Unit.MOVE, **changes) == [expected]


def test_tiles_cross_through_global_memory_on_a2a3_and_directly_on_a5():
    names = ("cube_to_vector", "vector_to_cube")
    found = [[pipes(chip, name, Unit.MOVE) for name in names] for chip in (A2A3, A5)]
    assert found == [
        [[Pipe.AIC_FIX, Pipe.AIV_MTE2], [Pipe.AIV_MTE3, Pipe.AIC_MTE2]],
        [[Pipe.AIC_FIX], [Pipe.AIV_MTE3]],
    ]


@pytest.mark.parametrize("chip", [A2A3, A5])
@pytest.mark.parametrize("name", ["cube_to_vector", "vector_to_cube"])
def test_a_crossing_costs_a_handshake(chip, name):
    tail = build_recipe(shape(name, Unit.MOVE), chip)[0].tail_cycles
    write = chip.memory.write_latency_ns if chip.sync.is_cross_core_through_gm else 0
    assert tail == pytest.approx(latency_cycles(chip.sync.handshake_ns + write, chip))


def busy(name, chip=A2A3, **changes):
    return build_recipe(shape(name, Unit.MOVE, in0_space=Space.L0C, **changes), chip)[0].busy_cycles


@pytest.mark.parametrize("name", ["store", "vector_to_cube"])
def test_what_leaves_ub_takes_the_interval_of_mte3_at_least(name):
    interval = latency_cycles(A2A3.memory.mte3_write_interval_ns, A2A3)
    assert build_recipe(shape(name, Unit.MOVE), A2A3)[0].busy_cycles == interval


def test_rows_of_less_than_half_a_line_cost_fix_each():
    row = latency_cycles(A2A3.cube.fixp_narrow_row_ns, A2A3)
    assert busy("cube_to_vector", rows=64, cols=32, elem_bytes=4) == pytest.approx(64 * row)
    assert busy("store", rows=16, cols=64, out_elem_bytes=2) == pytest.approx(16 * row)


def test_wider_rows_and_rows_that_stay_on_the_chip_cost_their_drain():
    drain = drain_cycles(64, 64, A2A3.cube)
    assert busy("cube_to_vector", rows=64, cols=64, elem_bytes=4) == drain
    assert busy("acc_to_l1", rows=64, cols=16) == drain_cycles(64, 16, A2A3.cube)
    direct = busy("cube_to_vector", A5, rows=64, cols=16, elem_bytes=4)
    assert direct == drain_cycles(64, 16, A5.cube)


def test_a_direct_crossing_loads_no_shared_memory():
    (step,) = build_recipe(shape("vector_to_cube", Unit.MOVE), A5)
    assert not step.traffic.is_shared
    assert step.traffic is Traffic.PORT


def test_a_matmul_loads_and_multiplies_in_every_step():
    assert (
        pipes(A2A3, "matmul", Unit.CUBE, rows=128, cols=128, depth=256)
        == [
            Pipe.AIC_MTE1,
            Pipe.AIC_M,
        ]
        * 2
    )


def test_both_cores_of_a_mix_task_read_scalars():
    assert pipes(A2A3, "scalar_read", Unit.SCALAR, core_type=CoreType.MIX) == [
        Pipe.AIC_S,
        Pipe.AIV_S,
    ]


def test_split_vector_work_is_halved():
    whole, half = (
        build_recipe(shape("add", Unit.VECTOR, is_split=split), A2A3)[0].busy_cycles
        for split in (False, True)
    )
    assert half * 2 == whole


def test_a_widening_cast_is_charged_for_its_result():
    narrow, wide = (
        build_recipe(shape("cast", Unit.VECTOR, out_elem_bytes=size), A2A3)[0].busy_cycles
        for size in (2, 4)
    )
    assert narrow * 2 == wide


def test_an_unknown_move_is_refused():
    with pytest.raises(NpuSimError, match=r"^op teleport: no timing model for this move; expec"):
        build_recipe(shape("teleport", Unit.MOVE), A2A3)


def test_an_unknown_vector_class_is_refused():
    with pytest.raises(HardwareSpecError, match=r"^vector.classes: no class 'warp'"):
        build_recipe(shape("warp", Unit.VECTOR, cost_key="warp"), A2A3)


@pytest.mark.parametrize(
    ("core_type", "expected"),
    [
        (CoreType.AIC, Pipe.AIC_MTE3),
        (CoreType.AIV, Pipe.AIV_MTE3),
        (CoreType.MIX, Pipe.AIV_MTE3),
    ],
)
def test_what_is_assembled_outside_goes_through_the_mte3_of_the_core(core_type, expected):
    changes = {"in0_space": Space.UNRESOLVED, "core_type": core_type}
    assert pipes(A2A3, "store", Unit.MOVE, **changes) == [expected]


def test_a_load_into_the_wrong_place_is_refused():
    match = r"^op load: tile out lies in L0C; expected L1 or UB$"
    with pytest.raises(NpuSimError, match=match):
        build_recipe(shape("load", Unit.MOVE, out_space=Space.L0C), A2A3)

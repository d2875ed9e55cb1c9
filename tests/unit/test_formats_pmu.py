"""``pmu.csv``: the columns of a device, filled with what was counted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from npusim.errors import OutputError, TraceError, UsageError
from npusim.formats import check_group, write_pmu
from npusim.formats.pmu_layout import PMU_GROUPS, group_counters
from npusim.program import CoreType
from npusim.simulator.pipe_counters import count_kernels
from npusim.trace import COUNTER_DTYPE
from tests.pipe_runs import mix_program, vector_program, view_of
from tests.program_builder import ProgramBuilder, round_chip
from tests.trace_builder import TraceBuilder

HEADS = {
    1: "cube_fp16_exec,cube_int8_exec,vec_fp32_exec,vec_fp16_128lane_exec,vec_fp16_64lane_exec,"
    "vec_int32_exec,vec_misc_exec",
    2: "vec_busy_cycles,cube_busy_cycles,scalar_busy_cycles,mte1_busy_cycles,mte2_busy_cycles,"
    "mte3_busy_cycles,icache_miss,icache_req",
    4: "ub_read_req,ub_write_req,l1_read_req,l1_write_req,l2_read_req,l2_write_req,main_read_req,"
    "main_write_req",
}


def by_hand():
    """An AIC and an AIV kernel with counters that name themselves."""
    builder = TraceBuilder()
    qk, softmax = builder.task("qk", "aic"), builder.task("softmax")
    builder.run(qk, "AIC[0]", 5, 15)
    builder.run(softmax, "AIV[1]", 17, 25)
    counters = np.zeros(2, COUNTER_DTYPE)
    for number, name in enumerate(COUNTER_DTYPE.names[4:]):
        counters[name] = [100 + number, 200 + number]
    counters["lane"], counters["task"], counters["slot"] = [0, 2], [qk, softmax], [0, 2]
    return replace_thread(builder.build()), counters


def replace_thread(trace):
    lanes = [replace(lane, thread=2 - index) for index, lane in enumerate(trace.lanes[:3])]
    return replace(trace, lanes=(*lanes, *trace.lanes[3:]))


def written(path: Path, trace, counters, group: int) -> list[str]:
    write_pmu(path / "pmu.csv", trace, counters, group=group)
    return (path / "pmu.csv").read_text().splitlines()


def test_the_file_of_group_2_by_hand(tmp_path: Path):
    # total 0, scalar 1, mte1 2, mte2 3, mte3 4, cube 5, fix 6, vector 7
    assert written(tmp_path, *by_hand(), 2) == [
        f"thread_id,core_id,task_id,func_id,core_type,pmu_total_cycles,{HEADS[2]},event_type",
        "0,2,0x0000000000000065,1,1,200,207,205,201,202,203,204,0,0,2",
        "2,0,0x0000000000000064,0,0,100,107,105,101,102,103,104,0,0,2",
    ]


@pytest.mark.parametrize("group", PMU_GROUPS)
def test_every_group_has_its_columns_and_says_so(tmp_path: Path, group: int):
    view = view_of(mix_program())
    head, *rows = written(tmp_path, view.trace, count_kernels(view), group)
    columns = "thread_id,core_id,task_id,func_id,core_type,pmu_total_cycles"
    assert head == f"{columns},{HEADS[group]},event_type"
    assert len(rows) == len(view.trace.slices)
    assert {row.count(",") for row in rows} == {head.count(",")}
    assert {row.rsplit(",")[-1] for row in rows} == {str(group)}


def test_cube_and_vector_parts_of_a_mix_have_functions_of_their_own(tmp_path: Path):
    view = view_of(mix_program())
    rows = [line.split(",") for line in written(tmp_path, view.trace, count_kernels(view), 2)[1:]]
    assert [(row[1], row[3], row[4]) for row in rows] == [
        ("0", "0", "0"),
        ("1", "1", "1"),
        ("2", "1", "1"),
    ]
    assert len({row[2] for row in rows}) == 1


def test_a_vector_task_keeps_its_function_on_the_second_core_of_a_cluster(tmp_path: Path):
    view = view_of(vector_program(6))
    rows = [line.split(",") for line in written(tmp_path, view.trace, count_kernels(view), 2)[1:]]
    assert {row[1] for row in rows} == {"1", "2"}
    assert {row[3] for row in rows} == {"0"}


def test_fields_of_all_layouts_exist():
    for chip in ("a2a3", "a5"):
        for group in PMU_GROUPS:
            fields = [field for field in group_counters(chip, group).values() if field]
            assert set(fields) <= set(COUNTER_DTYPE.names)
            assert fields


def test_a_run_without_kernels_has_a_head_only(tmp_path: Path):
    view = view_of(ProgramBuilder().build())
    assert len(written(tmp_path, view.trace, count_kernels(view), 2)) == 1


def test_the_same_run_gives_the_same_bytes(tmp_path: Path):
    files = []
    for _ in range(2):
        view = view_of(mix_program())
        written(tmp_path, view.trace, count_kernels(view), 4)
        files.append((tmp_path / "pmu.csv").read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize("group", [3, 5, 8, -1])
def test_a_group_that_is_not_modelled_is_refused(group: int):
    with pytest.raises(UsageError, match=rf"^pmu: group {group}; expected 0 \(none\), 1 .* or 4 "):
        check_group(group)


def test_group_0_and_a_foreign_chip_have_no_columns():
    with pytest.raises(UsageError, match=r"^pmu: no columns for group 0 on chip 'a2a3'; expected"):
        group_counters("a2a3", 0)
    with pytest.raises(UsageError, match=r"^pmu: no columns for group 2 on chip 'x'; expected"):
        group_counters("x", 2)


def test_counters_of_another_run_are_refused(tmp_path: Path):
    view = view_of(vector_program(2))
    with pytest.raises(TraceError, match=r"^pmu: 1 rows of .*; expected 2 of COUNTER_DTYPE, one"):
        written(tmp_path, view.trace, count_kernels(view)[:1], 2)


def test_an_unwritable_place_is_refused(tmp_path: Path):
    with pytest.raises(OutputError, match=r"^.*pmu.csv: cannot be written"):
        written(tmp_path / "no", *by_hand(), 2)


def test_int8_products_have_a_counter(tmp_path: Path):
    builder = ProgramBuilder()
    block = builder.task("t", CoreType.AIC).block()
    a, b = (block.tile(1, 32, 32, "INT8") for _ in range(2))
    block.matmul(a, b, 32, 32, 32, dtype="INT8")
    view = view_of(builder.build(), round_chip())
    (row,) = written(tmp_path, view.trace, count_kernels(view), 1)[1:]
    fp16, int8 = row.split(",")[6:8]
    assert int(fp16) == 0
    assert int(int8) > 0

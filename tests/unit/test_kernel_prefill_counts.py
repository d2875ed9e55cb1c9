"""Counts of the reference kernel against KERNEL_SPEC.md sections 5 and 7: what it records."""

from dataclasses import asdict, replace
from decimal import ROUND_HALF_UP, Decimal

import pytest
from prefill_sparse_attn import KERNEL

from npusim.program import count_by_scope, total_counts
from tests.kernel_runner import run_case

VERSIONS = [("before", 0), ("mid", 0), ("after", 0), ("after", 4), ("after", 128)]
MIB, KIB = 2**20, 2**10

# Section 7.1: scope -> core types, tasks of before (B=1), mid, after. None: no such scope.
TASKS = {
    "gather_prompt_kv_tile": ("aiv", 16, 16, 16),
    "attn_qk_matmul_tile": ("aic", 32, 16, 16),
    "attn_softmax_tile": ("aiv", 32, 16, 16),
    "attn_pv_head_tile": ("aic", 32, 16, 16),
    "attn_merge_head_tile": ("aiv", 32, None, None),
    "attn_norm_head_tile": ("aiv", 32, None, None),
    "attn_merge_norm_head_tile": ("aiv", None, 32, 32),
    "rope_selector_copy": ("aiv", None, 1, 1),
    "rope_slice_tile": ("aic", 16, None, None),
    "rope_apply_assemble_tile": ("mix", 16, 16, 16),
    "rope_pack_group_spmd": ("aiv", 64, 64, 64),
    "stage_a_accum_tile": ("aic", 64, 64, 64),
    "stage_a_store_amax_tile": ("aiv", 64, 64, 64),
    "stage_b_quant_tile": ("aiv", 16, 4, 4),
    "stage_b_accum_tile": ("aic", 32, 32, 32),
    "stage_b_store_tile": ("aiv", 32, 32, 32),
}
COLUMN = {"before": 1, "mid": 2, "after": 3}
NODES = {"before": (480, 417), "mid": (373, 310), "after": (373, 310)}

# Section 7.2, as printed there: MiB to two digits, 10^9 MACs to four, 10^6 element-operations to
# two, then counts.
TOTALS = {
    ("before", 0): {
        "bytes": ("57.39", "299.50", "30.81", "39.00", "0.00", "1.00"),
        "work": ("9.4288", 6656, "37.06"),
        "access": (2816, 25888, 27792),
    },
    ("mid", 0): {
        "bytes": ("39.33", "299.50", "14.75", "37.00", "2.00", "1.00"),
        "work": ("9.4288", 6656, "37.06"),
        "access": (2304, 19234, 21894),
    },
    ("after", 0): {
        "bytes": ("47.27", "299.50", "38.63", "37.00", "2.00", "1.00"),
        "work": ("9.4288", 6656, "37.06"),
        "access": (234176, 27362, 46342),
    },
    ("after", 4): {
        "bytes": ("54.60", "318.80", "38.94", "42.34", "2.00", "1.00"),
        "work": ("9.5882", 6960, "42.06"),
        "access": (236192, 30442, 47102),
    },
    ("after", 128): {
        "bytes": ("47.41", "300.01", "38.64", "37.14", "2.00", "1.00"),
        "work": ("9.4330", 6664, "37.19"),
        "access": (234177, 27391, 46362),
    },
}

# Section 7.3: MiB in and out, 10^6 MACs, 10^6 element-operations, scalar reads; ratio 0, ratio 4.
STAGES = {
    "gather_prompt_kv_tile": [
        ("8.06", "24.00", "0.0", "0.01", 32960),
        ("10.03", "24.00", "0.0", "0.01", 34976),
    ],
    "attn_qk_matmul_tile": [
        ("56.00", "3.00", "402.7", "0.00", 98816),
        ("65.50", "3.59", "482.3", "0.00", 98816),
    ],
    "attn_softmax_tile": [
        ("3.00", "1.59", "0.0", "6.29", 98816),
        ("3.59", "1.91", "0.0", "7.54", 98816),
    ],
    "attn_pv_head_tile": [
        ("49.50", "24.00", "402.7", "0.00", 2048),
        ("59.30", "28.75", "482.3", "0.00", 2048),
    ],
    "attn_merge_norm_head_tile": [
        ("24.13", "8.00", "0.0", "15.02", 1536),
        ("28.89", "8.00", "0.0", "18.77", 1536),
    ],
    "rope_apply_assemble_tile": [("2.02", "4.00", "33.6", "2.11", 0)] * 2,
    "rope_pack_group_spmd": [("4.00", "1.00", "0.0", "1.05", 0)] * 2,
    "stage_a_accum_tile": [("128.00", "4.00", "4295.0", "0.00", 0)] * 2,
    "stage_a_store_amax_tile": [("4.00", "2.03", "0.0", "5.24", 0)] * 2,
    "stage_b_quant_tile": [("2.03", "1.00", "0.0", "5.25", 0)] * 2,
    "stage_b_accum_tile": [("64.00", "2.00", "4295.0", "0.00", 0)] * 2,
    "stage_b_store_tile": [("2.03", "1.00", "0.0", "2.10", 0)] * 2,
}

# Section 5.x: per task by token tile a = 0, 32, 64, 96, equal for the four head tiles. Live pairs,
# then QK MiB in, QK KiB out, softmax KiB out, PV MiB in, PV MiB out.
PER_TILE = {
    0: [
        (32, "2.50", "128.0", "68.0", "2.06", "1.00"),
        (32, "2.50", "128.0", "68.0", "2.06", "1.00"),
        (64, "4.50", "256.0", "136.0", "4.13", "2.00"),
        (64, "4.50", "256.0", "136.0", "4.13", "2.00"),
    ],
    4: [
        (32, "2.50", "128.0", "68.0", "2.06", "1.00"),
        (45, "3.31", "180.0", "95.6", "2.90", "1.41"),
        (64, "4.50", "256.0", "136.0", "4.13", "2.00"),
        (89, "6.06", "356.0", "189.1", "5.74", "2.78"),
    ],
    128: [
        (32, "2.50", "128.0", "68.0", "2.06", "1.00"),
        (32, "2.50", "128.0", "68.0", "2.06", "1.00"),
        (64, "4.50", "256.0", "136.0", "4.13", "2.00"),
        (65, "4.56", "260.0", "138.1", "4.19", "2.03"),
    ],
}
MERGE_KIB_IN = {
    0: [515] * 4 + [1029] * 4,
    4: [515, 515, 515, 933, 1029, 1029, 1318, 1543],
    128: [515] * 4 + [1029] * 3 + [1061],
}


def show(value, digits):
    """``value`` as the specification prints it: halves go up, 24.125 is 24.13."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def tasks_of(program, scope):
    """Counts of every task of one scope, in submission order."""
    name = f"prefill_{scope}"
    tasks = tuple(replace(task, name=f"{task.name} {task.task_id}") for task in program.tasks)
    rows = count_by_scope(replace(program, tasks=tasks))
    return [row for row in rows if row.name.rpartition(" ")[0] == name]


@pytest.mark.parametrize(("variant", "ratio"), VERSIONS)
def test_tasks_by_scope(prefill_run, variant, ratio):
    program = prefill_run(variant, ratio).program
    column = COLUMN[variant]
    found = {row.name: (row.core_types, row.tasks) for row in count_by_scope(program)}
    assert found == {
        f"prefill_{name}": ((row[0],), row[column]) for name, row in TASKS.items() if row[column]
    }
    total = total_counts(program)
    assert (total.tasks, total.nodes) == NODES[variant]


@pytest.mark.parametrize(("variant", "ratio"), VERSIONS)
def test_totals(prefill_run, variant, ratio):
    total = total_counts(prefill_run(variant, ratio).program)
    by_path = (
        total.gm_to_ub_bytes,
        total.gm_to_l1_bytes,
        total.ub_to_gm_bytes,
        total.l0c_to_gm_bytes,
        total.cube_to_vector_bytes,
        total.vector_to_cube_bytes,
    )
    found = {
        "bytes": tuple(show(nbytes / MIB, 2) for nbytes in by_path),
        "work": (show(total.macs / 1e9, 4), total.matmuls, show(total.vector_elems / 1e6, 2)),
        "access": (total.scalar_reads, total.loads, total.stores),
    }
    assert found == TOTALS[variant, ratio]


def test_totals_are_exact_where_the_specification_is(prefill_run):
    """MACs by stage: 16 x 512 x 64 per live (token, block, head tile), twice; the rest is fixed."""
    for ratio, live in ((0, 192), (4, 230), (128, 193)):
        macs = total_counts(prefill_run("after", ratio).program).macs
        assert macs == 2 * 4 * live * 524_288 + 16 * 2_097_152 + 64 * 67_108_864 + 32 * 134_217_728


@pytest.mark.parametrize(("ratio", "column"), [(0, 0), (4, 1)])
def test_totals_by_stage(prefill_run, ratio, column):
    rows = {row.name: row for row in count_by_scope(prefill_run("after", ratio).program)}
    for scope, expected in STAGES.items():
        row = rows[f"prefill_{scope}"]
        bytes_in = row.gm_to_ub_bytes + row.gm_to_l1_bytes
        bytes_out = row.ub_to_gm_bytes + row.l0c_to_gm_bytes
        found = (
            show(bytes_in / MIB, 2),
            show(bytes_out / MIB, 2),
            show(row.macs / 1e6, 1),
            show(row.vector_elems / 1e6, 2),
            row.scalar_reads,
        )
        assert (scope, found) == (scope, expected[column])


def test_selector_copy_moves_one_kib_each(prefill_run):
    rows = {row.name: row for row in count_by_scope(prefill_run("mid", 0).program)}
    copy = rows["prefill_rope_selector_copy"]
    assert (copy.gm_to_ub_bytes, copy.ub_to_gm_bytes, copy.loads, copy.stores) == (2048, 2048, 2, 2)


@pytest.mark.parametrize("ratio", [0, 4, 128])
def test_attention_tasks_follow_the_live_blocks(prefill_run, ratio):
    program = prefill_run("after", ratio).program
    scores = tasks_of(program, "attn_qk_matmul_tile")
    softmax = tasks_of(program, "attn_softmax_tile")
    values = tasks_of(program, "attn_pv_head_tile")
    for number, (qk, sm, pv) in enumerate(zip(scores, softmax, values, strict=True)):
        found = (
            qk.matmuls,
            show(qk.gm_to_l1_bytes / MIB, 2),
            show(qk.l0c_to_gm_bytes / KIB, 1),
            show(sm.ub_to_gm_bytes / KIB, 1),
            show(pv.gm_to_l1_bytes / MIB, 2),
            show(pv.l0c_to_gm_bytes / MIB, 2),
        )
        assert found == PER_TILE[ratio][number // 4]
        assert qk.macs == pv.macs == qk.matmuls * 524_288
        assert pv.matmuls == qk.matmuls
        assert sm.vector_elems == qk.matmuls * 8192
        assert sm.gm_to_ub_bytes == qk.l0c_to_gm_bytes
        assert (qk.scalar_reads, sm.scalar_reads, pv.scalar_reads) == (6176, 6176, 128)


@pytest.mark.parametrize("ratio", [0, 4, 128])
def test_merge_loads_grow_with_the_blocks(prefill_run, ratio):
    rows = tasks_of(prefill_run("after", ratio).program, "attn_merge_norm_head_tile")
    # Submitted per token tile and head tile, first half then last half.
    kib_in = [
        round(rows[8 * tile + half].gm_to_ub_bytes / KIB) for tile in range(4) for half in range(2)
    ]
    assert kib_in == MERGE_KIB_IN[ratio]
    for row in rows:
        assert (row.scalar_reads, row.stores, row.ub_to_gm_bytes) == (48, 272, 256 * KIB)


def test_merge_operations_by_blocks(prefill_run):
    rows = tasks_of(prefill_run("after", 4).program, "attn_merge_norm_head_tile")
    elems = {round(row.gm_to_ub_bytes / KIB): row.vector_elems for row in rows}
    assert (elems[515], elems[1029], elems[1543]) == (271_616, 666_880, 1_062_144)


@pytest.mark.parametrize(("ratio", "first", "last"), [(0, 36, 996), (4, 42, 1242), (128, 36, 997)])
def test_gather_reads_two_scalars_per_live_row(prefill_run, ratio, first, last):
    rows = tasks_of(prefill_run("after", ratio).program, "gather_prompt_kv_tile")
    assert (rows[0].loads, rows[-1].loads) == (first, last)
    for row in rows:
        assert row.stores == 1536
        assert row.ub_to_gm_bytes == 1536 * KIB
        assert row.scalar_reads == 8 + 1536 + row.loads
        assert row.vector_elems == 512


def test_projection_tasks(prefill_run):
    program = prefill_run("after", 0).program
    expected = {
        "rope_apply_assemble_tile": {"matmuls": 64, "macs": 2_097_152, "vector_elems": 131_584},
        "stage_a_accum_tile": {"macs": 67_108_864, "gm_to_l1_bytes": 2 * MIB},
        "stage_a_store_amax_tile": {"vector_elems": 81_920, "ub_to_gm_bytes": 32 * KIB + 512},
        "stage_b_quant_tile": {"loads": 128, "stores": 65, "vector_elems": 1_312_896},
        "stage_b_accum_tile": {"macs": 134_217_728, "gm_to_l1_bytes": 2 * MIB},
        "stage_b_store_tile": {"vector_elems": 65_536},
    }
    for scope, figures in expected.items():
        for row in tasks_of(program, scope):
            assert {name: getattr(row, name) for name in figures} == figures


def test_quantiser_of_before_is_many_small_operations(prefill_run):
    """Section 6: 320 loads, 257 stores and about 1350 vector operations per task."""
    for row in tasks_of(prefill_run("before", 0).program, "stage_b_quant_tile"):
        assert (row.loads, row.stores) == (320, 257)
        assert 1340 <= row.vector_ops <= 1360


def test_merge_and_norm_of_before_move_the_accumulator_twice(prefill_run):
    program = prefill_run("before", 0).program
    merges = tasks_of(program, "attn_merge_head_tile")
    assert {row.gm_to_ub_bytes // KIB for row in merges} == {514, 1028}
    assert {row.vector_elems for row in merges} == {0, 395_264}
    for row in merges:
        assert row.ub_to_gm_bytes == 514 * KIB
    for row in tasks_of(program, "attn_norm_head_tile"):
        figures = (row.gm_to_ub_bytes // KIB, row.ub_to_gm_bytes // KIB, row.vector_elems)
        assert figures == (515, 256, 271_616)


def test_padding_scope_appears_where_a_block_is_not_full(prefill_inputs):
    """Section 6: S=16, one block, 48 pad rows per sequence, one pad task per sequence."""
    case = KERNEL.case("before", options={"seq": 16, "batch": 2})
    run = run_case(case, prefill_inputs(case))
    rows = tasks_of(run.program, "zero_prompt_kv_pad")
    assert [(row.stores, row.ub_to_gm_bytes) for row in rows] == [(48, 48 * KIB)] * 2
    assert run.verify().passed


@pytest.mark.slow
def test_before_at_batch_16(prefill_run):
    """Section 7: every stage scales by exactly 16, but for the pack, still one dispatch."""
    run = prefill_run("before", 0, 16)
    total = total_counts(run.program)
    assert (total.tasks, total.nodes) == (7680, 6657)
    assert (total.matmuls, total.scalar_reads) == (106_496, 45_056)
    assert (total.loads, total.stores) == (414_208, 444_672)
    for row, single in zip(
        count_by_scope(run.program), count_by_scope(prefill_run("before", 0).program), strict=True
    ):
        figures, expected = asdict(row), asdict(single)
        for name in ("name", "core_types"):
            assert figures.pop(name) == expected.pop(name)
        if row.name == "prefill_rope_pack_group_spmd":
            assert figures.pop("nodes") == expected.pop("nodes") == 1
        assert figures == {name: 16 * count for name, count in expected.items()}
    verdict = run.verify().outputs[0]
    assert verdict.golden.bad_elements == 0
    assert verdict.faithful.rel_l2 <= 2e-3

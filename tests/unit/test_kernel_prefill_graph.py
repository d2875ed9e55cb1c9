"""The task graph of the reference kernel against KERNEL_SPEC.md section 8."""

from collections import Counter

import numpy as np
import pytest

from npusim.dependencies import CompilerEra, DependencyMode, build_graph, graph_depth, task_levels

VERSIONS = [("before", 0), ("mid", 0), ("after", 0), ("after", 4), ("after", 128)]
EXACT = {"before": (3744, 14), "mid": (1760, 12), "after": (1504, 12)}
PREFIX = {"before": (6688, 14), "mid": (2576, 12), "after": (2576, 12)}

# Section 8.1: for each consumer, how many tasks of which scope it waits for.
PRODUCERS_AFTER = {
    "gather_prompt_kv_tile": {},
    "attn_qk_matmul_tile": {"gather_prompt_kv_tile": 4},
    "attn_softmax_tile": {"attn_qk_matmul_tile": 1},
    "attn_pv_head_tile": {"attn_softmax_tile": 1, "gather_prompt_kv_tile": 4},
    "attn_merge_norm_head_tile": {"attn_softmax_tile": 1, "attn_pv_head_tile": 1},
    "rope_selector_copy": {},
    "rope_apply_assemble_tile": {"attn_merge_norm_head_tile": 4, "rope_selector_copy": 1},
    "rope_pack_group_spmd": {"rope_apply_assemble_tile": 16},
    "stage_a_accum_tile": {"attn_merge_norm_head_tile": 8, "rope_pack_group_spmd": 1},
    "stage_a_store_amax_tile": {"stage_a_accum_tile": 1},
    "stage_b_quant_tile": {"stage_a_store_amax_tile": 64},
    "stage_b_accum_tile": {"stage_b_quant_tile": 4},
    "stage_b_store_tile": {"stage_b_accum_tile": 1, "stage_b_quant_tile": 4},
}
# The two attention scopes of before that wait for different numbers of gathers are below.
PRODUCERS_BEFORE = {
    "attn_softmax_tile": {"attn_qk_matmul_tile": 1},
    "attn_merge_head_tile": {"attn_softmax_tile": 1, "attn_pv_head_tile": 1},
    "attn_norm_head_tile": {"attn_merge_head_tile": 1},
    "rope_slice_tile": {"attn_norm_head_tile": 4},
    "rope_apply_assemble_tile": {"rope_slice_tile": 1},
    "rope_pack_group_spmd": {"rope_apply_assemble_tile": 16},
    "stage_a_accum_tile": {"attn_norm_head_tile": 8, "rope_pack_group_spmd": 1},
    "stage_a_store_amax_tile": {"stage_a_accum_tile": 1},
    "stage_b_quant_tile": {"stage_a_store_amax_tile": 64},
    "stage_b_accum_tile": {"stage_b_quant_tile": 16},
    "stage_b_store_tile": {"stage_b_accum_tile": 1, "stage_b_quant_tile": 16},
}
CHAIN = [
    "gather_prompt_kv_tile",
    "attn_qk_matmul_tile",
    "attn_softmax_tile",
    "attn_pv_head_tile",
    "attn_merge_norm_head_tile",
    "rope_apply_assemble_tile",
    "rope_pack_group_spmd",
    "stage_a_accum_tile",
    "stage_a_store_amax_tile",
    "stage_b_quant_tile",
    "stage_b_accum_tile",
    "stage_b_store_tile",
]


def scope_of(program, task_id):
    return program.tasks[task_id].name.removeprefix("prefill_")


def producers(program, edges):
    """Scope and producer counts by scope, for every task."""
    found = [Counter() for _ in program.tasks]
    for predecessor, successor in edges:
        found[successor][scope_of(program, predecessor)] += 1
    return [(scope_of(program, task.task_id), found[task.task_id]) for task in program.tasks]


def shape_of(program, mode, era=CompilerEra.HEAD):
    graph = build_graph(program, mode, era)
    return len(graph.edges), graph_depth(len(program.tasks), graph.edges)


@pytest.mark.parametrize(("variant", "ratio"), VERSIONS)
def test_edges_and_depth(prefill_run, variant, ratio):
    program = prefill_run(variant, ratio).program
    assert shape_of(program, DependencyMode.EXACT) == EXACT[variant]
    assert shape_of(program, DependencyMode.PREFIX) == PREFIX[variant]
    assert shape_of(program, DependencyMode.TENSORMAP) == PREFIX[variant]


@pytest.mark.parametrize("ratio", [0, 4, 128])
def test_producers_of_after(prefill_run, ratio):
    program = prefill_run("after", ratio).program
    graph = build_graph(program, DependencyMode.EXACT)
    for scope, found in producers(program, graph.edges):
        assert (scope, dict(found)) == (scope, PRODUCERS_AFTER[scope])


def test_producers_of_before(prefill_run):
    program = prefill_run("before", 0).program
    graph = build_graph(program, DependencyMode.EXACT)
    gathers = Counter()
    for scope, found in producers(program, graph.edges):
        if scope in PRODUCERS_BEFORE:
            assert (scope, dict(found)) == (scope, PRODUCERS_BEFORE[scope])
        else:
            gathers[scope, found["gather_prompt_kv_tile"]] += 1
    assert gathers == {
        ("gather_prompt_kv_tile", 0): 16,
        ("attn_qk_matmul_tile", 8): 16,
        ("attn_qk_matmul_tile", 16): 16,
        ("attn_pv_head_tile", 8): 16,
        ("attn_pv_head_tile", 16): 16,
    }


def test_each_stage_of_after_is_one_level(prefill_run):
    program = prefill_run("after", 4).program
    graph = build_graph(program, DependencyMode.EXACT)
    levels = task_levels(len(program.tasks), graph.edges)
    for task, level in zip(program.tasks, levels, strict=True):
        if task.name != "prefill_rope_selector_copy":
            assert CHAIN[level - 1] == task.name.removeprefix("prefill_")


def test_prefix_mode_waits_for_every_earlier_writer(prefill_run):
    """Section 8.2: QK waits for all gathers, softmax number i for QK 1 to i."""
    program = prefill_run("after", 0).program
    graph = build_graph(program, DependencyMode.PREFIX)
    numbers = Counter()
    for scope, found in producers(program, graph.edges):
        numbers[scope] += 1
        if scope == "attn_qk_matmul_tile":
            assert found == {"gather_prompt_kv_tile": 16}
        if scope == "attn_softmax_tile":
            assert found == {"attn_qk_matmul_tile": numbers[scope]}
        if scope == "rope_apply_assemble_tile":
            assert found == {"attn_merge_norm_head_tile": 32, "rope_selector_copy": 1}
        if scope == "rope_pack_group_spmd":
            # One edge to each task, through whichever buffer.
            assert found == {"attn_merge_norm_head_tile": 32, "rope_apply_assemble_tile": 16}


@pytest.mark.parametrize(("variant", "ratio"), VERSIONS)
def test_the_runtime_sees_no_dependency_less_than_the_regions(prefill_run, variant, ratio):
    """Whole-buffer tracking only adds edges: the kernel has read-after-write hazards only."""
    program = prefill_run(variant, ratio).program
    exact = build_graph(program, DependencyMode.EXACT).edges
    for era in CompilerEra:
        seen = reachable(program, build_graph(program, DependencyMode.TENSORMAP, era).edges)
        assert seen[exact[:, 0], exact[:, 1]].all()


def reachable(program, edges):
    """(n, n): whether the second task waits for the first, directly or not."""
    closure = np.zeros((len(program.tasks),) * 2, np.bool_)
    for predecessor, successor in edges[np.argsort(edges[:, 1], kind="stable")]:
        closure[:, successor] |= closure[:, predecessor]
        closure[predecessor, successor] = True
    return closure


@pytest.mark.parametrize(("variant", "ratio"), VERSIONS)
def test_every_scratch_element_is_written_at_most_once(prefill_run, variant, ratio):
    """Section 5: hence no write-after-write and no write-after-read hazard."""
    program = prefill_run(variant, ratio).program
    for tensor in program.tensors:
        writes = program.accesses[
            (program.accesses["tensor"] == tensor.tensor_id) & (program.accesses["mode"] != 0)
        ]
        touched = np.zeros(np.prod(tensor.shape), np.bool_)
        total = 0
        for row in writes:
            assert row["n0"] == row["n1"] == 1
            lines = np.lib.stride_tricks.as_strided(
                touched[row["offset"] :], (row["n2"], row["run"]), (row["s2"], 1)
            )
            lines[:] = True
            total += lines.size
        assert total == np.count_nonzero(touched)


@pytest.mark.slow
def test_before_at_batch_16(prefill_run):
    program = prefill_run("before", 0, 16).program
    assert len(program.tasks) == 6657
    assert shape_of(program, DependencyMode.EXACT) == (59_904, 14)
    assert shape_of(program, DependencyMode.PREFIX) == (1_643_008, 14)

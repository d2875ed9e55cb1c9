"""Dependencies against brute force: sets of elements, and the last writer of each element."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import npusim.language as pl
from npusim.dependencies import CompilerEra, DependencyMode, build_graph, task_levels
from npusim.dependencies.tensormap import Overlap, View, overlap
from npusim.program import NO_INDEX, AccessMode
from tests.dependency_kernels import edges, record

pytestmark = pytest.mark.property

ROWS, COLS = 6, 8


def elements(view):
    offsets = np.array([view.offset])
    for size, stride in zip(view.shape, view.strides, strict=True):
        offsets = (offsets[:, None] + np.arange(size) * stride).reshape(-1)
    return set(offsets.tolist())


def boxes(rows=ROWS, cols=COLS):
    """Boxes of a row-major matrix, also empty ones, as the orchestrator's slices make them."""

    def build(row, col, height, width):
        return View(row * cols + col, (min(height, rows - row), min(width, cols - col)), (cols, 1))

    return st.builds(
        build,
        st.integers(0, rows - 1),
        st.integers(0, cols - 1),
        st.integers(0, rows),
        st.integers(0, cols),
    )


def strided():
    """Any views: transposed, stepped, reshaped, wrapping around their rows."""
    axes = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), min_size=1, max_size=3)
    return st.builds(
        lambda offset, pairs: View(
            offset, tuple(size for size, _ in pairs), tuple(stride for _, stride in pairs)
        ),
        st.integers(0, 20),
        axes,
    )


def row_major():
    """Views with the strides of a box, wherever they start: flat slices, reshaped."""
    return st.builds(
        lambda offset, height, width: View(offset, (height, width), (4, 1)),
        st.integers(0, 20),
        st.integers(0, 4),
        st.integers(0, 4),
    )


@settings(max_examples=300)
@given(boxes(), boxes())
def test_boxes_are_told_apart_exactly(new, entry):
    """Of one matrix the rule is exact: NONE, COVERED and OTHER say what the element sets say."""
    mine, theirs = elements(new), elements(entry)
    expected = Overlap.OTHER
    if not mine & theirs:
        expected = Overlap.NONE
    elif theirs <= mine:
        expected = Overlap.COVERED
    assert overlap(new, entry) is expected


@settings(max_examples=400)
@given(st.one_of(st.tuples(strided(), strided()), st.tuples(row_major(), row_major())))
def test_overlap_never_misses_and_never_covers_too_much(views):
    new, entry = views
    kind = overlap(new, entry)
    if kind is Overlap.NONE:
        assert not elements(new) & elements(entry)
    if kind is Overlap.COVERED:
        assert elements(entry) <= elements(new)


@st.composite
def kernels(draw):
    """Random programs: tasks of reads, writes and atomic adds on boxes of two matrices."""
    extent = st.integers(1, 4)
    access = st.tuples(
        st.sampled_from(["read", "write", "add"]),
        st.integers(0, 1),
        st.integers(0, ROWS - 1),
        st.integers(0, COLS - 1),
        extent,
        extent,
    )
    return draw(st.lists(st.lists(access, max_size=4), min_size=1, max_size=8))


def run(tasks, *, loop=pl.parallel):
    def kernel(x, y):
        for number in loop(len(tasks)):
            with pl.at():
                for kind, which, row, col, height, width in tasks[number]:
                    tensor = (x, y)[which]
                    shape = [min(height, ROWS - row), min(width, COLS - col)]
                    if kind == "read":
                        pl.add(pl.slice(tensor, shape, [row, col]), 1.0)
                    else:
                        atomic = pl.AtomicType.Add if kind == "add" else None
                        tile = pl.full(shape, pl.FP32, 1.0)
                        pl.assemble(tensor, tile, [row, col], atomic=atomic)

    arrays = {name: np.zeros((ROWS, COLS), np.float32) for name in "xy"}
    return record(kernel, arrays)


def last_writers(tasks):
    """Edges from a dictionary of elements, access by access."""
    writer, found = {}, set()
    for task, accesses in enumerate(tasks):
        for kind, which, row, col, height, width in accesses:
            for i in range(row, min(row + height, ROWS)):
                for j in range(col, min(col + width, COLS)):
                    place = (which, i, j)
                    if kind != "write" and place in writer:
                        found.add((writer[place], task))
                    if kind != "read":
                        writer[place] = task
    return sorted((a, b) for a, b in found if a != b)


@settings(max_examples=150, deadline=None)
@given(kernels())
def test_exact_mode_is_the_last_writer_of_every_element(tasks):
    assert edges(run(tasks), DependencyMode.EXACT) == last_writers(tasks)


@settings(max_examples=60, deadline=None)
@given(kernels(), st.sampled_from(list(CompilerEra)))
def test_whole_tensors_order_every_exact_pair(tasks, era):
    """In a sequential loop every output is in/out: the map orders all that the regions order."""
    program = run(tasks, loop=pl.range)
    found = build_graph(program, DependencyMode.TENSORMAP, era).edges
    before = np.zeros((len(tasks), len(tasks)), np.bool_)
    for predecessor, successor in found[np.argsort(found[:, 1], kind="stable")]:
        before[:, successor] |= before[:, predecessor]
        before[predecessor, successor] = True
    assert all(before[a, b] for a, b in last_writers(tasks))


@settings(max_examples=60, deadline=None)
@given(kernels(), st.sampled_from(list(DependencyMode)), st.sampled_from(list(CompilerEra)))
def test_graphs_are_sorted_and_run_forward(tasks, mode, era):
    program = run(tasks)
    graph = build_graph(program, mode, era)
    pairs = [tuple(row) for row in graph.edges.tolist()]
    assert pairs == sorted(set(pairs))
    assert all(predecessor < successor for predecessor, successor in pairs)
    assert len(graph.sources) == len(pairs)
    assert len(graph.lookups) == len(graph.inserts) == len(program.tasks)
    levels = task_levels(len(program.tasks), graph.edges)
    assert all(levels[a] < levels[b] for a, b in pairs)


@settings(max_examples=60, deadline=None)
@given(kernels())
def test_nobody_waits_for_readers(tasks):
    """Write after read is never tracked: every predecessor has written something."""
    program = run(tasks)
    writers = set()
    for block in program.blocks:
        ops = program.ops[block["op_start"] : block["op_stop"]]
        rows = program.accesses[ops["access"][ops["access"] != NO_INDEX]]
        if (rows["mode"] != AccessMode.READ).any():
            writers.add(int(block["task"]))
    for mode in DependencyMode:
        assert {a for a, _ in edges(program, mode)} <= writers

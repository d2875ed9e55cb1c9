"""The task graph: modes, explicit dependencies, levels, what the orchestrator looks up."""

from dataclasses import replace

import numpy as np
import pytest

import npusim.language as pl
from npusim.dependencies import (
    CompilerEra,
    DependencyMode,
    build_graph,
    graph_depth,
    task_levels,
)
from npusim.errors import KernelError
from npusim.trace import EdgeSource
from tests.dependency_kernels import N, edges, new_tensor, record, touch

MODES = list(DependencyMode)


def producer_and_consumer(**flags):
    """A task that writes a scratch tensor, and one that reads it with ``flags`` as keywords."""

    def kernel(x):
        y = new_tensor()
        first = touch(writes=(y,))
        touch(reads=(y,), writes=(x,), **{key: make(first, y) for key, make in flags.items()})

    return record(kernel)


@pytest.mark.parametrize("mode", MODES)
def test_a_reader_waits_for_the_writer(mode):
    graph = build_graph(producer_and_consumer(), mode)
    assert graph.edges.tolist() == [[0, 1]]
    source = EdgeSource.REGION if mode is DependencyMode.EXACT else EdgeSource.TENSORMAP
    assert graph.sources.tolist() == [source]


def test_no_dep_args_take_the_argument_out_of_the_map():
    program = producer_and_consumer(no_dep_args=lambda _, y: [y])
    assert edges(program, DependencyMode.TENSORMAP) == []
    assert edges(program, DependencyMode.PREFIX) == []
    assert edges(program, DependencyMode.EXACT) == [(0, 1)]  # the ideal knows what was read


def test_manual_dep_takes_the_buffer_out_of_the_map():
    def kernel(x):
        y = new_tensor(manual_dep=True)
        touch(writes=(y,))
        touch(reads=(y,), writes=(x,))
        touch(reads=(x,))

    program = record(kernel)
    assert edges(program) == [(1, 2)]
    assert edges(program, DependencyMode.EXACT) == [(0, 1), (1, 2)]


def test_manual_scope_neither_looks_up_nor_inserts():
    def kernel(x):
        touch(writes=(x,))
        with pl.manual_scope():
            first = touch(reads=(x,), writes=(x,))
            touch(reads=(x,), deps=[first])
        touch(reads=(x,))

    program = record(kernel)
    graph = build_graph(program)
    assert edges(program) == [(0, 3), (1, 2)]
    assert graph.sources.tolist() == [EdgeSource.TENSORMAP, EdgeSource.EXPLICIT]
    assert graph.lookups.tolist() == [0, 0, 0, 1]
    assert graph.inserts.tolist() == [1, 0, 0, 0]
    assert edges(program, DependencyMode.EXACT) == [(0, 1), (1, 2), (1, 3)]


@pytest.mark.parametrize("mode", MODES)
def test_explicit_deps_add_to_what_is_found(mode):
    def kernel(x):
        first = touch()
        second = touch(writes=(x,))
        touch(reads=(x,), deps=[first, second])

    graph = build_graph(record(kernel), mode)
    assert graph.edges.tolist() == [[0, 2], [1, 2]]
    assert graph.sources[0] == EdgeSource.EXPLICIT
    assert graph.sources[1] != EdgeSource.EXPLICIT  # found anyway: each pair once


@pytest.mark.parametrize("mode", MODES)
def test_a_dummy_joins(mode):
    def kernel(x):
        both = [touch(), touch()]
        joined = pl.task_dummy(deps=both)
        touch(deps=[joined])

    assert edges(record(kernel), mode) == [(0, 2), (1, 2), (2, 3)]


@pytest.mark.parametrize("bad", [1, 2, -1])
@pytest.mark.parametrize("mode", MODES)
def test_deps_must_name_a_task_submitted_before(mode, bad):
    program = producer_and_consumer()
    tasks = (program.tasks[0], replace(program.tasks[1], deps=(bad,)))
    message = (
        rf"^dependency_kernels\.py:\d+ task 1 \(\w+\): deps names task {bad}; "
        r"expected a task submitted before$"
    )
    with pytest.raises(KernelError, match=message):
        build_graph(replace(program, tasks=tasks), mode)


def test_lookups_and_inserts_count_arguments():
    """In/out is looked up and inserted, an existing output only inserted."""

    def kernel(x, y):
        touch(reads=(x, y))
        touch(reads=(x,), writes=(y,), in_loop=True)
        touch(reads=(y,), writes=(y,))

    arrays = {name: np.zeros((N, N), np.float32) for name in "xy"}
    for era in CompilerEra:
        graph = build_graph(record(kernel, arrays), era=era)
        assert graph.lookups.tolist() == [2, 1, 1]
        assert graph.inserts.tolist() == [0, 1, 1]


def test_spmd_is_one_task_with_the_writes_of_all_blocks():
    def kernel(x):
        for i in pl.spmd(4):
            pl.assemble(x, pl.full([2, N], pl.FP32, 1.0), [2 * i, 0])
        for i in pl.parallel(2):
            touch(reads=(x,), rows=(4 * i, 4 * i + 4))

    for mode in MODES:
        assert edges(record(kernel), mode) == [(0, 1), (0, 2)]


class TestExact:
    """What only the regions tell."""

    @staticmethod
    def exact(kernel):
        return edges(record(kernel), DependencyMode.EXACT)

    def test_the_last_writer_of_each_part(self):
        def kernel(x):
            touch(writes=(x,))
            touch(writes=(x,), rows=(0, 4))
            touch(reads=(x,), rows=(2, 6))
            touch(reads=(x,), rows=(0, 2))

        assert self.exact(kernel) == [(0, 2), (1, 2), (1, 3)]

    def test_columns_of_one_matrix_are_independent(self):
        def kernel(x):
            with pl.at():
                pl.assemble(x, pl.full([N, 4], pl.FP32, 1.0), [0, 0])
            with pl.at():
                pl.add(pl.slice(x, [N, 4], [0, 4]), 1.0)
            with pl.at():
                pl.add(pl.slice(x, [1, 1], [7, 3]), 1.0)

        assert self.exact(kernel) == [(0, 2)]

    def test_a_task_does_not_wait_for_what_it_wrote_itself(self):
        """It overwrote the older values before it read: no edge, though both touch them."""

        def kernel(x):
            touch(writes=(x,))
            with pl.at():
                pl.assemble(x, pl.full([4, N], pl.FP32, 1.0), [0, 0])
                pl.add(pl.slice(x, [4, N], [0, 0]), 1.0)
            with pl.at():
                pl.assemble(x, pl.full([4, N], pl.FP32, 1.0), [0, 0])
                pl.add(pl.slice(x, [5, N], [0, 0]), 1.0)

        assert self.exact(kernel) == [(0, 2)]

    def test_reading_before_overwriting_waits(self):
        """The twin."""

        def kernel(x):
            touch(writes=(x,))
            touch(reads=(x,), writes=(x,))

        assert self.exact(kernel) == [(0, 1)]

    def test_atomic_adds_read_what_they_add_to(self):
        def kernel(x):
            touch(writes=(x,))
            for _ in pl.parallel(2):
                with pl.at():
                    tile = pl.full([N, N], pl.FP32, 1.0)
                    pl.assemble(x, tile, [0, 0], atomic=pl.AtomicType.Add)
                    pl.assemble(x, tile, [0, 0], atomic=pl.AtomicType.Add)
            touch(reads=(x,))

        assert self.exact(kernel) == [(0, 1), (1, 2), (2, 3)]

    def test_an_empty_region_touches_nothing(self):
        def kernel(x):
            touch(writes=(x,))
            with pl.at():
                pl.slice(x, [N, 4], [0, 0], valid_shape=[N, 0])
            with pl.at():
                pl.slice(x, [N, 4], [0, 0], valid_shape=[N, 1])

        assert self.exact(kernel) == [(0, 2)]

    def test_scalar_reads_count(self):
        def kernel(x):
            touch(writes=(x,), rows=(0, 4))
            with pl.at():
                pl.read(x, [4, 0])
            with pl.at():
                pl.read(x, [3, 7])

        assert self.exact(kernel) == [(0, 2)]


class TestLevels:
    def test_no_tasks(self):
        assert graph_depth(0, np.empty((0, 2), np.int32)) == 0

    def test_no_edges(self):
        assert task_levels(3, np.empty((0, 2), np.int32)).tolist() == [1, 1, 1]

    def test_the_longest_way_counts(self):
        diamond = np.array([(0, 1), (0, 2), (0, 3), (1, 3), (2, 4), (3, 4)], np.int32)
        assert task_levels(6, diamond).tolist() == [1, 2, 2, 3, 4, 1]
        assert graph_depth(6, diamond) == 4

    def test_order_of_edges_does_not_matter(self):
        edge_rows = np.array([(3, 4), (0, 1), (2, 3), (1, 2)], np.int32)
        assert task_levels(5, edge_rows).tolist() == [1, 2, 3, 4, 5]


def test_exact_edges_do_not_depend_on_the_era():
    def kernel(x, y):
        touch(writes=(x,))
        touch(writes=(x,), in_loop=True)
        touch(reads=(x,), writes=(y,))

    program = record(kernel, {name: np.zeros((N, N), np.float32) for name in "xy"})
    spring, head = (
        build_graph(program, DependencyMode.EXACT, era).edges.tolist()
        for era in (CompilerEra.SPRING_2026, CompilerEra.HEAD)
    )
    assert spring == head
    assert head

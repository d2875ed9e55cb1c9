"""Directions of arguments: DSL_REFERENCE.md section 4.2, rule by rule, in both compiler eras."""

import numpy as np
import pytest

import npusim.language as pl
from npusim.dependencies import CompilerEra, Direction, argument_directions
from npusim.program import TensorRole
from tests.dependency_kernels import N, new_tensor, record, touch

ERAS = list(CompilerEra)
PAR = pl.parallel
IN, INOUT, OUT = Direction.INPUT, Direction.INOUT, Direction.OUTPUT_EXISTING


def directions(program, era=CompilerEra.HEAD):
    return [row[0] if len(row) == 1 else row for row in argument_directions(program, era)]


def written_twice(around_first, around_second):
    """Directions of two writers of one tensor, each inside a stack of loops."""

    def nest(x, loops):
        if not loops:
            touch(writes=(x,), in_loop=True)
            return
        for _ in loops[0](2):
            nest(x, loops[1:])

    def kernel(x):
        nest(x, around_first)
        nest(x, around_second)

    return directions(record(kernel))


@pytest.mark.parametrize("era", ERAS)
def test_what_a_scope_does_with_a_tensor(era):
    def kernel(x, y):
        touch(reads=(x,))
        touch(reads=(x,), writes=(x,), in_loop=True)
        touch(writes=(y,), in_loop=True)

    arrays = {name: np.zeros((N, N), np.float32) for name in "xy"}
    assert directions(record(kernel, arrays), era) == [IN, INOUT, OUT]


@pytest.mark.parametrize(("era", "expected"), [(CompilerEra.SPRING_2026, INOUT), (ERAS[1], OUT)])
def test_a_store_outside_every_loop_of_the_scope(era, expected):
    assert directions(record(lambda x: touch(writes=(x,))), era) == [expected]


@pytest.mark.parametrize(("era", "expected"), [(CompilerEra.SPRING_2026, INOUT), (ERAS[1], OUT)])
def test_one_direct_store_among_others_decides(era, expected):
    def kernel(x):
        with pl.at():
            tile = pl.full([1, N], pl.FP32, 1.0)
            for i in pl.range(3):
                pl.assemble(x, tile, [i, 0])
            pl.assemble(x, tile, [3, 0])

    assert directions(record(kernel), era) == [expected]


@pytest.mark.parametrize("era", ERAS)
def test_a_tile_that_leaves_its_scope_is_an_output(era):
    """The compiler makes the parameter itself: Out in both eras, although the store is direct."""

    def kernel(x):
        with pl.at():
            tile = pl.full([1, N], pl.FP32, 1.0)
        with pl.at():
            pl.add(tile, 1.0)

    program = record(kernel)
    assert program.tensors[1].role is TensorRole.IMPLICIT
    assert directions(program, era) == [OUT, IN]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", ["range", "unroll", "pipeline"])
def test_sequential_ancestor(era, name):
    """R-seq: any sequential loop around the task, not only the innermost."""

    def kernel(x):
        for _ in getattr(pl, name)(1):
            for _ in pl.parallel(1):
                touch(writes=(x,), in_loop=True)

    assert directions(record(kernel), era) == [INOUT]


def test_sequential_loop_of_the_scope_itself_does_not_count():
    def kernel(x):
        with pl.at():
            for i in pl.range(2):
                pl.assemble(x, pl.full([1, N], pl.FP32, 1.0), [i, 0])

    assert directions(record(kernel)) == [OUT]


class TestPriorWriter:
    """R-prior."""

    def test_same_list(self):
        assert written_twice([], []) == [OUT, INOUT]

    def test_a_finished_loop_is_one_writer(self):
        assert written_twice([PAR], []) == [OUT, OUT, INOUT]

    def test_enclosing_list(self):
        assert written_twice([], [PAR]) == [OUT, INOUT, INOUT]

    def test_iterations_do_not_see_each_other(self):
        assert written_twice([PAR], [PAR]) == [OUT, OUT, INOUT, INOUT]

    def test_nested_loops(self):
        assert written_twice([PAR, PAR], []) == [OUT] * 4 + [INOUT]
        assert written_twice([], [PAR, PAR]) == [OUT] + [INOUT] * 4

    def test_inner_loop_is_seen_by_the_rest_of_its_iteration_only(self):
        def kernel(x):
            for _ in pl.parallel(2):
                for _ in pl.parallel(2):
                    touch(writes=(x,), in_loop=True)
                touch(writes=(x,), in_loop=True)

        assert directions(record(kernel)) == [OUT, OUT, INOUT] * 2

    def test_a_loop_without_tasks_around_it_changes_nothing(self):
        def kernel(x):
            for _ in pl.parallel(2):
                for _ in pl.parallel(1):
                    touch(writes=(x,), in_loop=True)
                for _ in pl.parallel(1):
                    touch(writes=(x,), in_loop=True)

        assert directions(record(kernel)) == [OUT, INOUT] * 2

    def test_iterations_of_two_runs_of_one_loop_differ(self):
        """An inline function called twice: the second run of its loop sees the first."""

        def inline(x):
            for _ in pl.parallel(2):
                touch(writes=(x,), in_loop=True)

        def kernel(x):
            inline(x)
            inline(x)

        assert directions(record(kernel)) == [OUT, OUT, INOUT, INOUT]

    def test_other_buffers_do_not_count(self):
        def kernel(x):
            touch(writes=(new_tensor(),), in_loop=True)
            touch(writes=(x,), in_loop=True)

        assert directions(record(kernel)) == [OUT, OUT]

    def test_two_views_of_one_buffer_are_one_root(self):
        def kernel(x):
            touch(writes=(pl.slice(x, [4, N], [0, 0]),), in_loop=True)
            touch(writes=(pl.slice(x, [4, N], [4, 0]),), in_loop=True)

        assert directions(record(kernel)) == [OUT, INOUT]

    def test_readers_do_not_count(self):
        def kernel(x):
            touch(reads=(x,))
            touch(writes=(x,), in_loop=True)

        assert directions(record(kernel)) == [IN, OUT]


@pytest.mark.parametrize("era", ERAS)
def test_enclosing_inout_parameter(era):
    """R-enclosing: the entry annotates its own parameter as in/out."""

    def inout(x: pl.InOut[pl.Tensor[[N, N], pl.FP32]]):
        touch(writes=(x,), in_loop=True)

    def out(x: pl.Out[pl.Tensor[[N, N], pl.FP32]]):
        touch(writes=(x,), in_loop=True)

    assert directions(record(inout), era) == [INOUT]
    assert directions(record(out), era) == [OUT]


@pytest.mark.parametrize("era", ERAS)
def test_no_dep_args_and_manual_dep(era):
    def kernel(x):
        y = new_tensor(manual_dep=True)
        touch(writes=(x,), no_dep_args=[x])
        touch(writes=(y,))
        touch(reads=(y,))

    assert directions(record(kernel), era) == [Direction.NO_DEP] * 3

"""The runtime's rule: each consequence listed in DSL_REFERENCE.md section 4.3, in both eras."""

import numpy as np
import pytest

import npusim.language as pl
from npusim.dependencies import CompilerEra, DependencyMode
from npusim.dependencies.tensormap import Overlap, View, overlap
from tests.dependency_kernels import N, edges, new_tensor, record, touch

ERAS = list(CompilerEra)
CHAIN = [(0, 1), (1, 2), (2, 3)]


def siblings(x, *, loop=pl.parallel, in_loop=True, before=False):
    """Four tasks that each write rows of their own of ``x``, and a reader of all of it."""
    if before:
        touch(writes=(x,), in_loop=True)
    for i in loop(4):
        touch(writes=(x,), rows=(2 * i, 2 * i + 2), in_loop=in_loop)
    touch(reads=(x,))


@pytest.mark.parametrize("era", ERAS)
def test_siblings_that_write_existing_outputs_are_independent(era):
    """Row 1: no lookup, so no edges between them; the reader waits for all."""
    program = record(siblings)
    assert edges(program, era=era) == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert edges(program, DependencyMode.EXACT) == [(0, 4), (1, 4), (2, 4), (3, 4)]


def test_direct_stores_serialise_siblings_in_the_old_era_only():
    """Row 2: each task covers and replaces the entry of the one before."""
    program = record(lambda x: siblings(x, in_loop=False))
    assert edges(program, era=CompilerEra.SPRING_2026) == [*CHAIN, (3, 4)]
    assert edges(program, era=CompilerEra.HEAD) == [(0, 4), (1, 4), (2, 4), (3, 4)]


@pytest.mark.parametrize("era", ERAS)
def test_a_prior_writer_serialises_siblings(era):
    """Row 2: an earlier statement wrote the buffer."""
    program = record(lambda x: siblings(x, before=True))
    assert edges(program, era=era) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert edges(program, DependencyMode.EXACT) == [(1, 5), (2, 5), (3, 5), (4, 5)]


@pytest.mark.parametrize("loop", [pl.range, pl.unroll, pl.pipeline])
@pytest.mark.parametrize("era", ERAS)
def test_sequential_loops_serialise_siblings(era, loop):
    """Row 2: inside any sequential loop an output is in/out."""
    program = record(lambda x: siblings(x, loop=loop))
    assert edges(program, era=era) == [*CHAIN, (3, 4)]


@pytest.mark.parametrize("era", ERAS)
def test_pairs_inside_a_parallel_loop_depend_backwards(era):
    """Row 3: consumer i waits for producers 0 to i, never for later ones."""

    def kernel(x):
        for i in pl.parallel(3):
            touch(writes=(x,), rows=(2 * i, 2 * i + 2), in_loop=True)
            touch(reads=(x,), rows=(2 * i, 2 * i + 2))

    program = record(kernel)
    assert edges(program, era=era) == [(0, 1), (0, 3), (0, 5), (2, 3), (2, 5), (4, 5)]
    assert edges(program, DependencyMode.EXACT) == [(0, 1), (2, 3), (4, 5)]


@pytest.mark.parametrize("era", ERAS)
def test_a_covering_writer_hides_the_earlier_ones(era):
    """Row 4: after an in/out writer of everything, readers see only that one."""

    def kernel(x):
        touch(writes=(x,), in_loop=True)
        touch(reads=(x,), writes=(x,))
        touch(reads=(x,))

    assert edges(record(kernel), era=era) == [(0, 1), (1, 2)]


@pytest.mark.parametrize("era", ERAS)
def test_a_reader_does_not_hide_a_writer(era):
    """The twin: an input covers an entry as well, but only in/out replaces it."""

    def kernel(x):
        touch(writes=(x,), in_loop=True)
        touch(reads=(x,))
        touch(reads=(x,))

    assert edges(record(kernel), era=era) == [(0, 1), (0, 2)]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("mode", list(DependencyMode))
def test_write_after_read_is_never_tracked(mode, era):
    """Row 5: the overwriter does not wait for the reader."""

    def kernel(x, y):
        touch(reads=(x,), writes=(y,), in_loop=True)
        touch(writes=(x,), in_loop=True)

    arrays = {name: np.zeros((N, N), np.float32) for name in "xy"}
    assert edges(record(kernel, arrays), mode, era) == []


@pytest.mark.parametrize("era", ERAS)
def test_write_after_write_is_lost_between_existing_outputs(era):
    """Row 5: two iterations that store the same rows have no order."""

    def kernel(x):
        for _ in pl.parallel(2):
            touch(writes=(x,), in_loop=True)

    assert edges(record(kernel), era=era) == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("mode", list(DependencyMode))
def test_external_inputs_have_no_producer(mode, era):
    """Row 6."""

    def kernel(x):
        touch(reads=(x,))
        touch(reads=(x,))

    assert edges(record(kernel), mode, era) == []


@pytest.mark.parametrize("mode", list(DependencyMode))
def test_orchestration_writes_make_no_edges(mode):
    """Row 7: the orchestrator itself waited."""

    def kernel(x):
        pl.write(x, [0, 0], 1.0)
        touch(reads=(x,))

    assert edges(record(kernel), mode) == []


def halves(x, axis):
    """Views made by the orchestrator: two row blocks, or two column blocks."""
    half = N // 2
    shape, second = ([half, N], [half, 0]) if axis == 0 else ([N, half], [0, half])
    return pl.slice(x, shape, [0, 0]), pl.slice(x, shape, second)


@pytest.mark.parametrize("axis", [0, 1])
def test_disjoint_views_are_independent(axis):
    """A column block and another one, passed as views, do not meet; whole buffers do."""

    def kernel(x):
        first, second = halves(x, axis)
        touch(writes=(first,))
        touch(reads=(second,))
        touch(reads=(first,))

    program = record(kernel)
    assert edges(program) == [(0, 2)]
    assert edges(program, DependencyMode.PREFIX) == [(0, 1), (0, 2)]


def test_the_same_regions_inside_scopes_cannot_be_told_apart():
    """The twin: the scopes captured the whole matrix."""

    def kernel(x):
        touch(writes=(x,), rows=(0, 4))
        touch(reads=(x,), rows=(4, 8))

    program = record(kernel)
    assert edges(program) == [(0, 1)]
    assert edges(program, DependencyMode.EXACT) == []


def test_a_writer_of_a_part_does_not_hide_the_rest():
    def kernel(x):
        first, _ = halves(x, 0)
        touch(writes=(x,))
        touch(reads=(first,), writes=(first,))
        touch(reads=(x,))

    assert edges(record(kernel)) == [(0, 1), (0, 2), (1, 2)]


def test_transposed_views_meet_conservatively():
    """Different strides: the flat ranges overlap, whatever the elements are."""

    def kernel(x):
        turned = pl.transpose(x, 0, 1)
        touch(writes=(pl.slice(x, [1, N], [0, 0]),))
        touch(reads=(pl.slice(turned, [1, N], [1, 0]),))
        touch(reads=(pl.slice(turned, [N, 1], [0, 1]),))

    program = record(kernel)
    assert edges(program) == [(0, 1)]
    assert edges(program, DependencyMode.EXACT) == [(0, 1)]


def test_each_buffer_has_its_own_entries():
    def kernel(x):
        a, b = new_tensor(), new_tensor()
        touch(writes=(a,))
        touch(writes=(b,))
        touch(reads=(a,), writes=(x,))

    assert edges(record(kernel)) == [(0, 2)]


def test_a_tile_that_leaves_its_scope_is_a_dependency():
    """The compiler's own buffer: producer and consumer of each iteration, no one else."""

    def kernel(x):
        for i in pl.parallel(2):
            with pl.at():
                tile = pl.add(pl.slice(x, [1, N], [i, 0]), 1.0)
            with pl.at():
                pl.assemble(x, pl.mul(tile, 2.0), [i, 0])

    for mode in (DependencyMode.EXACT, DependencyMode.TENSORMAP):
        assert {(0, 1), (2, 3)} <= set(edges(record(kernel), mode))
    assert edges(record(kernel), DependencyMode.EXACT) == [(0, 1), (2, 3)]


class TestOverlap:
    """Boxes of an 8 x 8 matrix with strides (8, 1)."""

    @staticmethod
    def box(row, col, rows, cols):
        return View(row * N + col, (rows, cols), (N, 1))

    def test_disjoint_ranges(self):
        assert overlap(self.box(0, 0, 2, 8), self.box(2, 0, 2, 8)) is Overlap.NONE

    def test_disjoint_columns_in_one_range(self):
        assert overlap(self.box(0, 0, 8, 4), self.box(0, 4, 8, 4)) is Overlap.NONE

    def test_covered(self):
        assert overlap(self.box(0, 0, 4, 4), self.box(1, 1, 2, 2)) is Overlap.COVERED
        assert overlap(self.box(0, 0, 4, 4), self.box(0, 0, 4, 4)) is Overlap.COVERED

    def test_partial(self):
        assert overlap(self.box(1, 1, 2, 2), self.box(0, 0, 4, 4)) is Overlap.OTHER
        assert overlap(self.box(0, 0, 4, 4), self.box(2, 2, 4, 4)) is Overlap.OTHER

    def test_empty(self):
        assert overlap(self.box(0, 0, 0, 8), self.box(0, 0, 8, 8)) is Overlap.NONE
        assert overlap(self.box(0, 0, 8, 8), self.box(0, 0, 8, 0)) is Overlap.NONE

    def test_other_strides_never_cover(self):
        flat = View(0, (64,), (1,))
        assert overlap(flat, self.box(0, 0, 8, 8)) is Overlap.OTHER
        turned = View(0, (8, 8), (1, 8))
        assert overlap(turned, turned) is Overlap.OTHER

    def test_view_that_wraps_around_its_rows_is_not_a_box(self):
        """Elements 1 to 4 and 4 to 5 of a flat buffer, both as rows of two: 4 is in both."""
        assert overlap(View(1, (2, 2), (2, 1)), View(4, (1, 2), (2, 1))) is Overlap.OTHER

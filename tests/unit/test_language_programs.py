"""Programs, kernels of their own, submits, external kernels, several ranks."""

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError

N = 4


def record(kernel, **options):
    x, out = np.arange(16, dtype=np.float32).reshape(N, N), np.zeros((N, N), np.float32)
    program = pl.record(kernel, {"x": x, "out": out}, outputs={"out"}, **options)
    return x, out, program


def build_program(scale):
    @pl.program
    class Scaled:
        @pl.function(type=pl.FunctionType.InCore)
        def scale_rows(self, x: pl.Tensor, out: pl.Tensor, row: int):
            out[row : row + 1, :] = pl.mul(x[row : row + 1, :], scale)

        @pl.function(type=pl.FunctionType.Opaque)
        def main(self, x: pl.Tensor[[N, N], pl.FP32], out: pl.Out[pl.Tensor[[N, N], pl.FP32]]):
            for row in pl.range(N):
                self.scale_rows(x, out, row)
            return out

    return Scaled


def test_an_incore_method_is_one_task_per_call():
    scaled = build_program(3.0)
    x, out, program = record(scaled().main)
    np.testing.assert_array_equal(out, 3 * x)
    assert [task.name for task in program.tasks] == ["scale_rows"] * N
    assert scaled.scale_rows.function_type is pl.FunctionType.InCore
    assert scaled.main.function_type is pl.FunctionType.Opaque


@pl.jit.incore
def double_row(x, out):
    row = pl.get_block_idx()
    out[row : row + 1, :] = pl.mul(x[row : row + 1, :], 2.0)
    return out


def test_an_incore_function_in_a_dispatch_is_its_body():
    @pl.jit(auto_scope=False)
    def kernel(x, out):
        with pl.spmd(N, name_hint="rows"):
            double_row(x, out)

    x, out, program = record(kernel)
    np.testing.assert_array_equal(out, 2 * x)
    assert [(task.name, task.block_num) for task in program.tasks] == [("rows", N)]


def test_submit_gives_the_result_and_the_task():
    def kernel(x, out):
        result, tid = pl.submit(double_row, x, out, allow_early_resolve=True)
        assert result is out
        result, tid = pl.spmd_submit(double_row, pl.no_dep(x), out, core_num=N, deps=[tid])
        nothing, skipped = pl.submit(double_row, x, out, predicate=pl.read(x, [0, 0]) > 0)
        assert nothing is None
        pl.system.task_dummy(deps=[tid, skipped])

    x, out, program = record(kernel)
    np.testing.assert_array_equal(out, 2 * x)
    first, second, skipped, dummy = program.tasks
    assert (first.block_num, first.allow_early_resolve) == (1, True)
    assert (second.name, second.block_num, second.deps) == ("double_row", N, (0,))
    assert [one.is_no_dep for one in second.arguments] == [True, False]
    assert (skipped.is_dummy, skipped.block_num, dummy.deps) == (True, 0, (1, 2))


@pl.jit
def conditional(x, out):
    for row in pl.range(N):
        with pl.at(name_hint="copy", predicate=(x[row, 0] > 4.0)) as tid:
            out[row : row + 1, :] = x[row : row + 1, :]
        pl.system.task_dummy(deps=[tid])


def test_a_false_predicate_skips_the_task_and_keeps_its_place():
    x, out, program = record(conditional)
    np.testing.assert_array_equal(out, np.where(x[:, :1] > 4, x, 0))
    assert [task.is_dummy for task in program.tasks[::2]] == [True, True, False, False]
    assert [task.deps for task in program.tasks[1::2]] == [(0,), (2,), (4,), (6,)]


def test_a_false_predicate_needs_a_decorator():
    with pytest.raises(
        KernelError, match=r"^test_language_programs\.py:\d+: `with pl\.at\(\.\.\.\)`"
    ):
        record(conditional.__wrapped__)


@pl.jit.extern(core_type="mixed", source="attention.cpp")
def attention(x: pl.Tensor, out: pl.Out[pl.Tensor]) -> pl.Tensor: ...


@pl.jit
def calls_extern(x, out):
    with pl.spmd(N, name_hint="external"):
        out = attention(x, out)
    with pl.at(name_hint="after"):
        out[0:1, :] = pl.neg(out[0:1, :])


def test_an_external_kernel_needs_a_stand_in():
    match = r"attention is an external kernel without a stand-in; expected one of those registered"
    with pytest.raises(KernelError, match=match):
        record(calls_extern)


def test_a_stand_in_runs_once_per_dispatch_on_whole_arrays():
    calls = []

    def stand_in(x, out):
        calls.append(x.shape)
        out[...] = x + 1

    pl.register_extern("attention", stand_in)
    x, out, program = record(calls_extern)
    assert calls == [(N, N)]
    np.testing.assert_array_equal(out, np.vstack([-(x[:1] + 1), x[1:] + 1]))
    arguments = program.tasks[0].arguments
    assert [(one.is_read, one.is_written) for one in arguments] == [(True, False), (False, True)]
    with pytest.raises(
        KernelError, match=r"^register_extern attention: got 3; expected a function"
    ):
        pl.register_extern("attention", 3)


def test_a_host_function_can_be_inspected_but_not_run():
    @pl.jit.host
    def driver(x, out):
        pass

    assert (driver.is_host, driver.__name__) == (True, "driver")
    with pytest.raises(KernelError, match=r"^driver: a pl\.jit\.host function needs several ranks"):
        record(driver)


def test_every_decorator_takes_keywords():
    def body(x, out):
        with pl.at(name_hint="copy"):
            out[:, :] = x[:, :]

    for decorate in (pl.jit, pl.jit.inline, pl.jit.opaque, pl.function):
        x, out, _ = record(decorate(body))
        np.testing.assert_array_equal(out, x)
    for made in (pl.jit.inline(auto_scope=False), pl.jit.opaque(x=1), pl.jit.incore(y=2)):
        assert callable(made)
    assert pl.program(strict=True)(int) is int
    assert pl.jit.host(level=1)(body).is_host


def test_the_memory_limit_names_the_tensor():
    def kernel(x, out):
        pl.create_tensor([N, N], dtype=pl.FP32)
        pl.create_tensor([64, 64], dtype=pl.FP32)

    match = (
        r"^test_language_programs\.py:\d+: tensor tensor_3 \[64, 64\] of FP32 needs 16384 bytes "
        r"and 192 are in use; expected at most 1000 in all"
    )
    with pytest.raises(KernelError, match=match):
        record(kernel, options=pl.RecordOptions(max_bytes=1000))
    with pytest.raises(KernelError, match=r"tensor out \[4, 4\] of FP32 needs 64 bytes and 64 are"):
        record(kernel, options=pl.RecordOptions(max_bytes=100))

import pytest

import npusim.language as pl
from npusim.compat.entry import jit_entry, program_entry
from npusim.compat.errors import MultiDeviceError
from npusim.compat.flow import RunResult
from npusim.errors import UsageError


@pl.jit
def kernel(x):
    return x


@pl.jit.host
def driver(x):
    return x


class NoProgram:
    def method(self) -> None:
        """Not under ``pl.function``."""


@pl.program
class Layers:
    @pl.function(type=pl.FunctionType.Orchestration)
    def first(self, x):
        return x

    @pl.function(type=pl.FunctionType.Opaque)
    def last(self, x):
        return self.helper(x)

    @pl.function(type=pl.FunctionType.InCore)
    def helper(self, x):
        return x


def test_a_jit_function_is_its_own_entry() -> None:
    entry = jit_entry(kernel)
    assert (entry.function, entry.name) == (kernel, "kernel")
    assert entry.directory_name == "_jit_kernel"
    assert program_entry(kernel) == entry


@pytest.mark.parametrize("program", [Layers, Layers()])
def test_the_last_opaque_or_orchestration_method_is_the_entry(program: object) -> None:
    entry = program_entry(program)
    assert entry.function.__name__ == "last"
    assert (entry.name, entry.directory_name) == ("Layers", "Layers")


def test_what_is_no_entry_is_refused() -> None:
    with pytest.raises(MultiDeviceError, match=r"^driver is a pl.jit.host function: needs several"):
        jit_entry(driver)
    with pytest.raises(UsageError, match=r"^run_jit: fn is 'function'; expected a function under"):
        jit_entry(type("function", (), {})())
    with pytest.raises(UsageError, match=r"^run: program is 'NoProgram'; expected a class under"):
        program_entry(NoProgram)


def test_a_result_in_words() -> None:
    assert str(RunResult(passed=True, execution_time=1.234)) == "PASS (1.23s)"
    assert str(RunResult(passed=False, error="y is off")) == "FAIL: y is off"

"""Every exception survives SimPy, which re-raises a failed process as ``type(e)(*e.args)``."""

import inspect
import pickle
from collections.abc import Iterator

import pytest
import simpy

from npusim import errors
from npusim.errors import GuardError, KernelError, NpuSimError

CLASSES = [item for _, item in inspect.getmembers(errors, inspect.isclass)]


def test_all_derive_from_one_base() -> None:
    assert len(CLASSES) >= 10
    assert all(issubclass(item, NpuSimError) for item in CLASSES)
    assert issubclass(GuardError, KernelError)


@pytest.mark.parametrize("kind", CLASSES)
def test_args_hold_everything(kind: type[NpuSimError]) -> None:
    original = kind("where: what; expected; do", 7)
    copy = type(original)(*original.args)
    assert (type(copy), copy.args, str(copy)) == (kind, original.args, str(original))
    assert pickle.loads(pickle.dumps(original)).args == original.args
    assert kind.__doc__


@pytest.mark.parametrize("kind", CLASSES)
def test_a_failing_process_keeps_class_and_message(kind: type[NpuSimError]) -> None:
    def process(environment: simpy.Environment) -> Iterator[simpy.Event]:
        yield environment.timeout(3)
        raise kind("kernel.py:3: what; expected")

    environment = simpy.Environment()
    environment.process(process(environment))
    with pytest.raises(kind, match=r"^kernel\.py:3: what; expected$") as caught:
        environment.run()
    assert type(caught.value) is kind
    assert environment.now == 3

import importlib
import sys
from pathlib import Path

import pytest

import npusim.language
from npusim.compat.errors import MultiDeviceError
from npusim.compat.imports import TARGETS, kernel_imports
from npusim.compat.stand_ins.golden import run_jit
from npusim.errors import UsageError
from npusim.language.unknown import UnknownOperationError


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_every_name_resolves_and_nothing_stays(name: str) -> None:
    before = (list(sys.meta_path), list(sys.path))
    with kernel_imports([]):
        module = importlib.import_module(name)
        assert module.__name__ == name
        assert sys.modules[name] is module
    assert (sys.meta_path, sys.path) == before
    assert not [key for key in sys.modules if key.partition(".")[0] in {"pypto", "golden"}]


def test_the_language_is_npusims_own() -> None:
    with kernel_imports([]):
        pl = importlib.import_module("pypto.language")
        for name in npusim.language.__all__:
            assert getattr(pl, name) is getattr(npusim.language, name)
        importlib.import_module("pypto.language.distributed")
        assert pl.distributed.__name__ == "pypto.language.distributed"
    assert not hasattr(npusim.language, "distributed")


def test_installed_packages_and_the_checkout_do_not_get_in_the_way(tmp_path: Path) -> None:
    for name in ("pypto", "golden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the real one')\n")
        (tmp_path / name / "extra.py").write_text("")
    sys.path.insert(0, str(tmp_path))
    stale = importlib.util.module_from_spec(importlib.machinery.ModuleSpec("golden", None))
    sys.modules["golden"] = stale
    try:
        with kernel_imports([tmp_path]):
            assert importlib.import_module("golden").run_jit is run_jit
            with pytest.raises(ModuleNotFoundError, match=r"^No module named 'golden.extra'; npu"):
                importlib.import_module("golden.extra")
        assert sys.modules["golden"] is stale
    finally:
        del sys.modules["golden"]
        sys.path.remove(str(tmp_path))


def test_siblings_of_a_kernel_file_are_forgotten(tmp_path: Path) -> None:
    for folder, value in (("first", 1), ("second", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "config_of_test.py").write_text(f"VALUE = {value}\n")
        with kernel_imports([tmp_path / folder]):
            assert value == importlib.import_module("config_of_test").VALUE
    assert "config_of_test" not in sys.modules


def test_an_unknown_operation_names_itself_and_the_line() -> None:
    with kernel_imports([]):
        pl = importlib.import_module("pypto.language")
        message = r"^test_compat_imports.py:\d+: pl.untangle is not an operation npusim"
        with pytest.raises(UnknownOperationError, match=message):
            _ = pl.untangle
        assert not hasattr(pl, "untangle")


def test_distributed_annotations_work_and_calls_are_refused() -> None:
    with kernel_imports([]):
        pld = importlib.import_module("pypto.language.distributed")
        assert repr(pld.DistributedTensor[[2, 1], "INT32"]).startswith("pl.DistributedTensor")
        with pytest.raises(MultiDeviceError, match=r"^pld.system.notify: needs several ranks"):
            pld.system.notify(1, op=pld.NotifyOp.AtomicAdd)


def test_the_compiler_is_refused() -> None:
    with kernel_imports([]):
        ir = importlib.import_module("pypto.ir")
        with pytest.raises(UsageError, match=r"^pypto.ir.compile of str: npusim compiles nothing"):
            ir.compile("program")
        runtime = importlib.import_module("pypto.runtime")
        with pytest.raises(UsageError, match=r"^pypto.runtime.execute_compiled: needs a device"):
            _ = runtime.execute_compiled
        assert runtime.RunConfig(platform="a5", rtol=0.1).platform == "a5"

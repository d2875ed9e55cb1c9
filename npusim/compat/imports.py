"""The import names ``pypto.*`` and ``golden``, for the time of one kernel file.

A finder at the front of ``sys.meta_path`` answers for these names, so neither an installed pypto
nor the checkout's own ``golden/`` gets in the way, and neither is touched. Each name becomes a
facade: a module with the public names of its target, so that nothing a kernel file or the import
system sets on it lands in npusim's own modules.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import NoReturn

_STAND_INS = "npusim.compat.stand_ins"
LANGUAGE = "npusim.language"
TARGETS = {
    "golden": f"{_STAND_INS}.golden",
    "golden.runner": f"{_STAND_INS}.golden",
    "golden.spec": f"{_STAND_INS}.golden",
    "golden.validation": f"{_STAND_INS}.golden",
    "pypto": f"{_STAND_INS}.pypto",
    "pypto.backend": f"{_STAND_INS}.backend",
    "pypto.ir": f"{_STAND_INS}.ir",
    "pypto.ir.distributed_compiled_program": f"{_STAND_INS}.ir",
    "pypto.ir.pass_manager": f"{_STAND_INS}.ir",
    "pypto.language": LANGUAGE,
    "pypto.language.distributed": f"{_STAND_INS}.distributed",
    "pypto.runtime": f"{_STAND_INS}.runtime",
}
"""npusim's module by import name (DSL_REFERENCE.md section 11)."""
_ROOTS = ("golden", "pypto")


class _Loader(importlib.abc.Loader):
    """Makes the facade of one module."""

    def __init__(self, target: str) -> None:
        self._target = target

    def exec_module(self, module: ModuleType) -> None:
        target = importlib.import_module(self._target)
        names = {name: value for name, value in vars(target).items() if not name.startswith("__")}
        vars(module).update(names)
        vars(module)["__doc__"] = target.__doc__
        vars(module)["__path__"] = []
        vars(module)["__getattr__"] = getattr(target, "__getattr__", _refuse)


class _Finder(importlib.abc.MetaPathFinder):
    """Answers for ``pypto`` and ``golden`` and all below them, and for nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname.partition(".")[0] not in _ROOTS:
            return None
        if fullname not in TARGETS:
            # Not None: another finder would find the installed package or the checkout's own.
            known = ", ".join(sorted(TARGETS))
            msg = f"No module named {fullname!r}; npusim stands in for {known}"
            raise ModuleNotFoundError(msg, name=fullname)
        loader = _Loader(TARGETS[fullname])
        return importlib.machinery.ModuleSpec(fullname, loader, is_package=True)


@contextmanager
def kernel_imports(directories: Sequence[Path]) -> Iterator[None]:
    """Resolve ``pypto`` and ``golden`` to npusim, and modules from ``directories`` first.

    On exit ``sys.meta_path``, ``sys.path`` and ``sys.modules`` are as before: modules loaded from
    ``directories`` are forgotten, since another kernel file may have a ``config.py`` too.
    """
    finder = _Finder()
    path_before, modules_before = list(sys.path), set(sys.modules)
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_ours(name)}
    sys.meta_path.insert(0, finder)
    sys.path[:0] = [str(directory) for directory in directories]
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        sys.path[:] = path_before
        for name in [name for name in sys.modules if name not in modules_before or _is_ours(name)]:
            if _is_ours(name) or _is_within(sys.modules[name], directories):
                del sys.modules[name]
        sys.modules.update(hidden)


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in _ROOTS


def _is_within(module: ModuleType, directories: Sequence[Path]) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and any(Path(file).is_relative_to(place) for place in directories)


def _refuse(name: str) -> NoReturn:
    msg = f"npusim's stand-in has no attribute {name!r}"
    raise AttributeError(msg)

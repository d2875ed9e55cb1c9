"""Find and load kernel files: Python files with a ``KERNEL`` of type ``KernelDefinition``."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

import npusim
from npusim.errors import KernelError, NpuSimError, UsageError
from npusim.golden import KernelDefinition

_MARK = "KERNEL"


@dataclass(frozen=True, slots=True)
class KernelEntry:
    """A kernel file and what it defines."""

    path: Path
    definition: KernelDefinition


def kernel_directories() -> list[Path]:
    """Where kernels are looked up by name: those that came with npusim.

    A wheel carries them inside the package, a checkout has them beside it.
    """
    package = Path(npusim.__file__).parent
    return [path for path in (package / "_kernels", package.parent / "kernels") if path.is_dir()]


def find_kernels() -> list[KernelEntry]:
    """All kernels that came with npusim, by name.

    Raises:
        KernelError: If one of the files cannot be loaded.
    """
    entries = {}
    for directory in reversed(kernel_directories()):
        for path in sorted(directory.glob("*.py")):
            if f"\n{_MARK} = " in path.read_text(encoding="utf-8"):
                entries[path.stem] = KernelEntry(path, _load_file(path))
    return [entries[name] for name in sorted(entries)]


def load_kernel(name_or_path: str) -> KernelDefinition:
    """The kernel called ``name_or_path``, or the one in that file.

    Raises:
        UsageError: If there is no such kernel or file.
        KernelError: If the file cannot be loaded or defines no kernel.
    """
    path = Path(name_or_path)
    if path.suffix == ".py":
        if not path.is_file():
            msg = f"kernel file {name_or_path}: no such file; expected a path or a kernel name"
            raise UsageError(msg)
        return _load_file(path)
    for directory in kernel_directories():
        file = directory / f"{name_or_path}.py"
        if path.name == name_or_path and file.is_file():
            return _load_file(file)
    known = ", ".join(entry.definition.name for entry in find_kernels())
    msg = f"no kernel {name_or_path!r}; expected one of {known}, or a path to a kernel file (.py)"
    raise UsageError(msg)


def _load_file(path: Path) -> KernelDefinition:
    """Import a kernel file as Python runs a script: its directory is on the path meanwhile."""
    module_name = f"npusim_kernel_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        msg = f"{path}: not a Python file; expected a kernel file"
        raise KernelError(msg)
    module = importlib.util.module_from_spec(spec)
    directory = str(path.parent.resolve())
    sys.path.insert(0, directory)
    sys.modules[module_name] = module  # dataclasses look their module up by name
    try:
        spec.loader.exec_module(module)
    except NpuSimError:
        raise
    except (Exception, SystemExit) as error:  # sys.exit() in a script must not look like success
        msg = f"{path}: cannot be loaded ({type(error).__name__}: {error}); expected a kernel file"
        raise KernelError(msg) from error
    finally:
        sys.path.remove(directory)
    definition = getattr(module, _MARK, None)
    if not isinstance(definition, KernelDefinition):
        msg = f"{path}: defines no {_MARK}; expected {_MARK} = KernelDefinition(...)"
        raise KernelError(msg)
    return definition

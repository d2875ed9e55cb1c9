"""Kernels that a file calls itself, without the harness: ``kernel(*tensors, config=...)``.

Upstream launches such a call on the device; here it is recorded and simulated like a harness call,
and nothing compares its outputs. ``kernel.compile`` gives an object with the same call, and
``kernel.lower`` one without functions, since there is no compiler.
"""

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from npusim.compat.entry import jit_entry
from npusim.compat.errors import multi_device
from npusim.compat.execution import count_program, new_record, record_entry, simulate_recording
from npusim.compat.output import make_work_directory, write_run_summary
from npusim.compat.runtime_config import RUNTIME_FIELDS, parse_runtime_config
from npusim.compat.session import Session
from npusim.compat.torch_bridge import numpy_view, torch_module
from npusim.errors import UsageError
from npusim.language import JitFunction


@dataclass(frozen=True, slots=True)
class CallArguments:
    """The arguments of a direct call by parameter name, and which of them the kernel writes."""

    values: dict[str, Any]
    """torch tensors and numbers."""
    output_names: set[str]

    def for_kernel(self) -> dict[str, Any]:
        """Numpy views of the tensors and Python numbers, as the recorder takes them.

        Raises:
            UsageError: If a tensor is not contiguous, or not on the CPU.
        """
        tensor = torch_module().Tensor
        return {
            name: numpy_view(name, value) if isinstance(value, tensor) else value
            for name, value in self.values.items()
        }


@dataclass(slots=True)
class LoweredProgram:
    """The result of ``kernel.lower``: a program of the compiler, which has no functions here."""

    functions: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class CompiledKernel:
    """The result of ``kernel.compile``: call it to run the kernel."""

    launcher: "SessionLauncher"
    kernel: JitFunction
    output_dir: Path
    """Where upstream keeps generated code; empty here."""
    program: LoweredProgram = field(default_factory=LoweredProgram)

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Run the kernel; its tensors are written in place."""
        self.launcher.launch(self.kernel, args, kwargs)


@dataclass(frozen=True, slots=True)
class SessionLauncher:
    """Runs the kernels that the file of ``session`` calls."""

    session: Session

    def launch(self, kernel: JitFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Record and simulate one call; tensors are written in place.

        Raises:
            NpuSimError: If the call is wrong, the kernel breaks a rule or does not fit in memory.
        """
        settings = vars(kwargs.pop("config", None) or _NoSettings())
        config = parse_runtime_config({k: settings[k] for k in RUNTIME_FIELDS if k in settings})
        entry = jit_entry(kernel)
        arguments = bind_call(kernel, args, kwargs)
        run_record = new_record(entry, config, self.session)
        run_record.directory = make_work_directory(entry.directory_name)
        self.session.records.append(run_record)
        try:
            program = record_entry(entry, arguments, config)
        except BaseException as error:
            run_record.error = " ".join(str(error).split()) or type(error).__name__
            raise
        run_record.figures = count_program(program)
        if self.session.options.is_simulated:
            simulate_recording(program, config, self.session, run_record)
        write_run_summary(run_record.directory, run_record.to_json())

    def compile(
        self, kernel: JitFunction, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> CompiledKernel:
        """What stands for the compiled kernel; nothing is compiled.

        Raises:
            OutputError: If its directory cannot be made.
        """
        del args, kwargs
        return CompiledKernel(self, kernel, make_work_directory(jit_entry(kernel).directory_name))

    def lower(
        self, kernel: JitFunction, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> LoweredProgram:
        """An empty program, with a word about it."""
        del args, kwargs
        self.session.talk(
            f"{jit_entry(kernel).name}.lower: npusim lowers nothing, the kernel did not run"
        )
        return LoweredProgram()

    def refuse_host(self, name: str) -> NoReturn:
        """Refuse the driver ``name`` of several ranks.

        Raises:
            MultiDeviceError: Always.
        """
        raise multi_device(f"{name} is a pl.jit.host function")


class _NoSettings:
    """No ``config=`` was passed."""


def bind_call(kernel: JitFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallArguments:
    """The arguments of a direct call by parameter name.

    Raises:
        UsageError: If they do not fit the parameters of the kernel.
    """
    signature = inspect.signature(kernel.function)
    try:
        values = dict(signature.bind(*args, **kwargs).arguments)
    except TypeError as error:
        msg = (
            f"{jit_entry(kernel).name}: {error}; expected one argument per parameter of the kernel"
        )
        raise UsageError(msg) from None
    outputs = {
        name
        for name, item in signature.parameters.items()
        if "Out[" in str(item.annotation)  # also a text, under `from __future__ import annotations`
    }
    return CallArguments(values, outputs & set(values))

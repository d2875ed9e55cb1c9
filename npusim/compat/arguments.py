"""The arguments of one harness call: tensors made from specs or loaded, and clones for the golden.

A device gets its own copy of each argument, so two specs never share memory here either.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from npusim.compat.memory import check_fits
from npusim.compat.specs import ScalarSpec, TensorSpec
from npusim.compat.torch_bridge import deferred_clone, numpy_view, torch_module
from npusim.errors import FileFormatError, UsageError

Spec = TensorSpec | ScalarSpec
Golden = Callable[[dict[str, Any]], object]


@dataclass(frozen=True, slots=True)
class Arguments:
    """Values of a call, in the order of its specs."""

    specs: tuple[Spec, ...]
    values: dict[str, Any]
    """Tensor of a TensorSpec, 0-d tensor of a ScalarSpec."""

    @property
    def output_names(self) -> set[str]:
        """Names of the tensors that are compared."""
        return {spec.name for spec in self.specs if _is_output(spec)}

    def outputs(self) -> dict[str, Any]:
        """The tensors that are compared."""
        return {name: self.values[name] for name in self.values if name in self.output_names}

    def inputs(self) -> dict[str, Any]:
        """Everything else, for comparators that look at it."""
        return {name: self.values[name] for name in self.values if name not in self.output_names}

    def given(self) -> dict[str, Any]:
        """What the kernel is given values of: everything but pure outputs."""
        return {
            spec.name: self.values[spec.name]
            for spec in self.specs
            if isinstance(spec, ScalarSpec) or spec.has_input
        }

    def for_kernel(self) -> dict[str, Any]:
        """Numpy views of the tensors and Python numbers, as the recorder takes them."""
        return {
            spec.name: numpy_view(spec.name, self.values[spec.name])
            if isinstance(spec, TensorSpec)
            else self.values[spec.name].item()
            for spec in self.specs
        }

    def for_golden(self) -> dict[str, Any]:
        """Clones of the tensors and Python numbers, for a golden to work on in place.

        What the golden only reads, which may be GiB of weights, is not copied.
        """
        values = {}
        for spec in self.specs:
            value = self.values[spec.name]
            if isinstance(spec, ScalarSpec):
                values[spec.name] = value.item()
                continue
            values[spec.name] = deferred_clone(value)
            if values[spec.name] is None:
                check_fits(f"copy of tensor {spec.name} for the golden", value.nbytes)
                values[spec.name] = value.clone()
        return values


def make_arguments(specs: Sequence[Any]) -> Arguments:
    """Make every tensor from its spec, in order: initial values share torch's random generator.

    Raises:
        UsageError: If there are no specs, one is of another class, or two have one name.
        MemoryLimitError: If a tensor does not fit.
    """
    _check_specs(specs)
    values: dict[str, Any] = {}
    seen: set[int] = set()
    for spec in specs:
        value = spec.create_tensor() if isinstance(spec, TensorSpec) else spec.value
        if isinstance(spec, TensorSpec):
            value = _own_memory(spec, value, seen)
        values[spec.name] = value
    return Arguments(tuple(specs), values)


def load_arguments(specs: Sequence[Any], directory: Path) -> Arguments:
    """The arguments saved in ``directory/in``; pure outputs are zero.

    Raises:
        UsageError: If the specs are wrong.
        FileFormatError: If a file is missing or does not fit its spec.
    """
    _check_specs(specs)
    values = {
        spec.name: load_tensor(directory / "in" / f"{spec.name}.pt", spec)
        if isinstance(spec, ScalarSpec) or spec.has_input
        else spec.create_tensor()
        for spec in specs
    }
    return Arguments(tuple(specs), values)


def load_tensor(path: Path, spec: Spec) -> Any:
    """The tensor saved in ``path`` for ``spec``.

    Raises:
        FileFormatError: If the file is missing, unreadable or of another shape or type.
    """
    try:
        tensor = torch_module().load(path, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        msg = f"{path}: cannot be read ({error}); expected the data that --save-data wrote"
        raise FileFormatError(msg) from None
    shape = tuple(spec.shape) if isinstance(spec, TensorSpec) else ()
    if tuple(tensor.shape) != shape or tensor.dtype != spec.dtype:
        msg = (
            f"{path}: {tensor.dtype} of shape {list(tensor.shape)}; expected {spec.dtype} of shape "
            f"{list(shape)}"
        )
        raise FileFormatError(msg)
    return tensor.contiguous()


def save_tensors(directory: Path, tensors: dict[str, Any]) -> None:
    """Write each tensor as ``directory/NAME.pt``."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, tensor in tensors.items():
        torch_module().save(tensor, directory / f"{name}.pt")


def _own_memory(spec: TensorSpec, value: Any, seen: set[int]) -> Any:
    """``value``, or a copy where the kernel file or another argument holds the same memory."""
    is_kept = isinstance(spec.init_value, torch_module().Tensor)
    is_written = spec.is_output and callable(spec.init_value)  # may come from a cache of the file
    address = value.untyped_storage().data_ptr()
    if value.numel() and (is_kept or is_written or address in seen):
        check_fits(f"copy of tensor {spec.name}", value.nbytes)
        value = value.clone()
        address = value.untyped_storage().data_ptr()
    seen.add(address)
    return value


def _is_output(spec: Spec) -> bool:
    return isinstance(spec, TensorSpec) and spec.is_output


def _check_specs(specs: Sequence[Any]) -> None:
    names = [getattr(spec, "name", None) for spec in specs]
    for index, spec in enumerate(specs):
        if not isinstance(spec, TensorSpec | ScalarSpec):
            msg = f"specs[{index}] is {spec!r}; expected a TensorSpec or ScalarSpec of golden"
            raise UsageError(msg)
        if names.index(spec.name) != index:
            msg = f"specs: {spec.name!r} comes twice; expected each parameter once"
            raise UsageError(msg)
    if not specs:
        msg = "specs: none given; expected one per parameter of the kernel"
        raise UsageError(msg)

"""Turn the figures of a chip file into a ``ChipSpec``."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from npusim.errors import HardwareSpecError, UsageError
from npusim.hardware.figures import ChipFile, Figure, read_chip_file
from npusim.hardware.spec import (
    VECTOR_COST_KEYS,
    BufferSpec,
    ChipSpec,
    ClockSpec,
    CubeSpec,
    MemorySpec,
    OlderBuildSpec,
    RuntimeSpec,
    ScalarSpec,
    SyncSpec,
    TopologySpec,
    VectorClassSpec,
    VectorSpec,
)

_CHIPS = Path(__file__).parent / "chips"
_ALIASES = {"a2a3sim": "a2a3", "a5sim": "a5"}
"""The platform names of the ecosystem's functional simulators mean the same silicon."""

_SECTIONS: dict[str, type] = {
    "topology": TopologySpec,
    "clock": ClockSpec,
    "buffer": BufferSpec,
    "memory": MemorySpec,
    "cube": CubeSpec,
    "vector": VectorSpec,
    "scalar": ScalarSpec,
    "sync": SyncSpec,
    "runtime": RuntimeSpec,
    "build_2026_06": OlderBuildSpec,
}
_CLASSES = "vector.classes."


def list_chips() -> list[str]:
    """Names of the chips that come with npusim, without aliases."""
    return sorted(path.stem for path in _CHIPS.glob("*.toml"))


def load_chip(name: str) -> ChipSpec:
    """The chip called ``name``: one of ``list_chips()``, an alias, or the path of a .toml file.

    Args:
        name: ``a2a3``, ``a5``, their aliases ``a2a3sim``, ``a5sim``, or a path ending in .toml.

    Raises:
        UsageError: If there is no such chip or file.
        HardwareSpecError: If the file lacks a figure, has an unknown one, or cites no source.
    """
    path = _chip_path(name)
    return _load_own(path) if path.parent == _CHIPS else _chip_spec(read_chip_file(path))


def chip_figures(name: str) -> list[Figure]:
    """Every figure of the chip called ``name`` (as for ``load_chip``), in the order of its file.

    Raises:
        UsageError: If there is no such chip or file.
        HardwareSpecError: If the file does not make a chip.
    """
    chip_file = read_chip_file(_chip_path(name))
    _chip_spec(chip_file)
    return list(chip_file.figures)


@cache
def _load_own(path: Path) -> ChipSpec:
    return _chip_spec(read_chip_file(path))


def _chip_path(name: str) -> Path:
    if name.endswith(".toml"):
        return Path(name)
    stem = _ALIASES.get(name, name)
    if stem not in list_chips():
        msg = (
            f"chip {name!r}: unknown; expected one of "
            f"{', '.join([*list_chips(), *sorted(_ALIASES)])}, or the path of a .toml file"
        )
        raise UsageError(msg)
    return _CHIPS / f"{stem}.toml"


def _chip_spec(chip_file: ChipFile) -> ChipSpec:
    expected = _expected_types()
    values: dict[str, Any] = {}
    for figure in chip_file.figures:
        _check_figure(chip_file.path, figure, expected)
        values[figure.key] = figure.value
    _refuse_missing(chip_file.path, values)
    try:
        sections = {name: _section(name, values) for name in _SECTIONS}
    except HardwareSpecError as error:
        msg = f"{chip_file.path}: {error}"
        raise HardwareSpecError(msg) from error
    return ChipSpec(name=chip_file.name, title=chip_file.title, **sections)


def _expected_types() -> dict[str, type]:
    """Every key that a chip file may hold, with the type of its value."""
    expected = {
        f"{section}.{name}": kind
        for section, spec in _SECTIONS.items()
        for name, kind in get_type_hints(spec).items()
        if kind in (int, float, bool)
    }
    for cost_key in VECTOR_COST_KEYS:
        for name, kind in get_type_hints(VectorClassSpec).items():
            expected[f"{_CLASSES}{cost_key}.{name}"] = kind
    return expected


def _check_figure(path: Path, figure: Figure, expected: Mapping[str, type]) -> None:
    kind = expected.get(figure.key)
    if kind is None:
        parent = figure.key.rpartition(".")[0]
        known = [key for key in expected if key.rpartition(".")[0] == parent]
        known = known or get_close_matches(figure.key, expected, n=5, cutoff=0.0)
        msg = f"{path}: {figure.key} is not a known key; expected one of {', '.join(known)}"
        raise HardwareSpecError(msg)
    # An integer is a fine float; a flag is neither, although Python calls it an int.
    allowed = (int, float) if kind is float else (kind,)
    if type(figure.value) not in allowed:
        msg = (
            f"{path}: {figure.key}.value is {figure.value!r}; expected a value of type "
            f"{kind.__name__}; correct it"
        )
        raise HardwareSpecError(msg)


def _refuse_missing(path: Path, values: Mapping[str, Any]) -> None:
    required = [
        f"{section}.{item.name}"
        for section, spec in _SECTIONS.items()
        for item in fields(spec)
        if item.default is MISSING and item.name != "classes"
    ]
    missing = [key for key in required if key not in values]
    missing += [
        f"{_CLASSES}{key}"
        for key in VECTOR_COST_KEYS
        if not any(name.startswith(f"{_CLASSES}{key}.") for name in values)
    ]
    if missing:
        msg = (
            f"{path}: {', '.join(missing)} missing; expected every figure of the chip; "
            "add each as a table with value, kind, source and where"
        )
        raise HardwareSpecError(msg)


def _section(name: str, values: Mapping[str, Any]) -> Any:
    spec = _SECTIONS[name]
    hints = get_type_hints(spec)
    arguments = {
        item.name: hints[item.name](values[f"{name}.{item.name}"])
        for item in fields(spec)
        if item.name != "classes"
    }
    if spec is VectorSpec:
        arguments["classes"] = {key: _vector_class(key, values) for key in VECTOR_COST_KEYS}
    return spec(**arguments)


def _vector_class(cost_key: str, values: Mapping[str, Any]) -> VectorClassSpec:
    prefix = f"{_CLASSES}{cost_key}."
    hints: dict[str, Any] = get_type_hints(VectorClassSpec)
    given = {key.removeprefix(prefix): key for key in values if key.startswith(prefix)}
    return VectorClassSpec(**{name: hints[name](values[key]) for name, key in given.items()})

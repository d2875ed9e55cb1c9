"""npusim's own options of ``npusim pypto``, and how to tell them from the file's arguments."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from npusim.compat.memory import parse_size
from npusim.dependencies import DependencyMode
from npusim.errors import UsageError

_JSON, _DEPS, _CHIP = "--npusim-json", "--npusim-deps", "--npusim-chip"
_NO_SIMULATE, _MAX_MEMORY = "--npusim-no-simulate", "--max-memory"
_EXTERNS = "--npusim-externs"
_VALUED = (_JSON, _DEPS, _CHIP, _EXTERNS, _MAX_MEMORY)
_OWN = (*_VALUED, _NO_SIMULATE)


@dataclass(frozen=True, slots=True)
class CompatOptions:
    """Choices of npusim for one kernel file; all others belong to the file."""

    json_path: Path | None = None
    """Where the list of runs goes, one object per run."""
    deps: DependencyMode = DependencyMode.TENSORMAP
    chip: str | None = None
    """Chip to simulate; ``None`` follows the platform that the file names."""
    externs: Path | None = None
    """A Python file that registers stand-ins of external kernels, run before the kernel file."""
    is_simulated: bool = True
    keeps_files: bool = True
    """False in a census, which throws the output directory away: no recording, no trace."""
    max_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class SplitArguments:
    """A command line taken apart."""

    options: CompatOptions
    rest: tuple[str, ...] = field(default=())
    """Everything that is not npusim's, in its order; the kernel file comes first."""


def split_arguments(arguments: Sequence[str]) -> SplitArguments:
    """Take npusim's own options out of ``arguments``, wherever they stand.

    ``--name VALUE`` and ``--name=VALUE`` are both understood. Nothing after a ``--`` is touched.

    Raises:
        UsageError: If a value is missing or wrong, an option comes twice, or ``--npusim-…`` is
            unknown.
    """
    own, rest = take_options(arguments, valued=_VALUED, flags=(_NO_SIMULATE,))
    for token in rest[: rest.index("--")] if "--" in rest else rest:
        if token.startswith("--npusim-"):
            msg = f"{token}: no such option; expected one of {', '.join(_OWN)}"
            raise UsageError(msg)
    return SplitArguments(_options(own), tuple(rest))


def take_options(
    arguments: Sequence[str], *, valued: Sequence[str], flags: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """The options of ``valued`` and ``flags`` among ``arguments``, and all other arguments.

    Raises:
        UsageError: If a value is missing or an option comes twice.
    """
    own: dict[str, str] = {}
    rest: list[str] = []
    remaining = list(arguments)
    while remaining:
        token = remaining.pop(0)
        if token == "--":
            rest += [token, *remaining]
            break
        name, equals, value = token.partition("=")
        if name not in (*valued, *flags):
            rest.append(token)
            continue
        if name in own:
            msg = f"{name}: given twice; expected it once"
            raise UsageError(msg)
        if name in valued and not equals:
            if not remaining:
                msg = f"{name}: no value; expected one after it"
                raise UsageError(msg)
            value = remaining.pop(0)
        own[name] = value
    return own, rest


def _options(own: dict[str, str]) -> CompatOptions:
    return CompatOptions(
        json_path=Path(own[_JSON]) if _JSON in own else None,
        deps=_dependency_mode(own.get(_DEPS, DependencyMode.TENSORMAP.value)),
        chip=own.get(_CHIP),
        externs=Path(own[_EXTERNS]) if _EXTERNS in own else None,
        is_simulated=_NO_SIMULATE not in own,
        max_memory_bytes=parse_size(own[_MAX_MEMORY]) if _MAX_MEMORY in own else None,
    )


def _dependency_mode(name: str) -> DependencyMode:
    try:
        return DependencyMode(name)
    except ValueError:
        known = ", ".join(mode.value for mode in DependencyMode)
        msg = f"{_DEPS} {name}: no such mode; expected one of {known}"
        raise UsageError(msg) from None

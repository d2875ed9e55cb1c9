"""``runtime_cfg`` and ``compile_cfg`` of the harness, in the spelling of both upstream eras."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from npusim.dependencies import CompilerEra
from npusim.errors import UsageError
from npusim.formats import DEFAULT_GROUP, check_group
from npusim.simulator import RingSizes
from npusim.simulator.options import MAX_SWIMLANE_LEVEL
from npusim.simulator.ring_sizes import parse_sizes

PLATFORMS = {"a2a3": "a2a3", "a2a3sim": "a2a3", "a5": "a5", "a5sim": "a5"}
"""Chip by platform. The platforms are labels: the kernel runs on numpy in any case."""

_SPRING_KEYS = ("enable_l2_swimlane", "enable_dump_tensor", "runtime_profiling")
_SUMMER_KEYS = ("enable_chip_swimlane", "enable_dump_args", "enable_scope_stats")
_COMMON_KEYS = ("platform", "device_id", "enable_pmu", "enable_dep_gen")
RUNTIME_FIELDS = (
    *_COMMON_KEYS, "enable_l2_swimlane", "enable_chip_swimlane", "enable_scope_stats",
)  # fmt: skip
"""The attributes of a ``RunConfig`` that are settings of the runtime."""
IGNORED_RUNTIME_KEYS = (
    "log_level",  # the device runtime's log
    "block_dim",
    "aicpu_thread_num",
)
"""Keys that configure a real device and mean nothing here."""
IGNORED_COMPILE_KEYS = (
    "backend_type",
    "compile_profiling",
    "distributed_config",  # a file that needs ranks is refused by its entry
    "dump_passes",
    "output_dir",
    "platform",
    "profiling",
    "skip_ptoas",
    "strategy",
)
"""Keys of the compiler; npusim compiles nothing."""

_RING_KEYS = {
    "slots": "ring_task_window",
    "heap_bytes": "ring_heap",
    "dependencies": "ring_dep_pool",
}
"""Sizes of the rings; where a key is left out, the environment variable ``PTO2_KEY`` counts."""
_PMU_VARIABLE = "SIMPLER_PMU_EVENT_TYPE"
_SWIMLANE_KEYS = ("enable_chip_swimlane", "enable_l2_swimlane", "runtime_profiling")
_UNMODELLED = {
    "enable_dump_args": "dumps of task arguments are not written",
    "enable_dump_tensor": "dumps of task arguments are not written",
}


@dataclass(frozen=True, slots=True)
class RuntimeConfig:
    """What a kernel file asks of the runtime."""

    platform: str
    swimlane_level: int
    """0 writes no records; a bare flag means 4 (FORMATS.md section 2.1)."""
    pmu: int
    """PMU event group that ``pmu.csv`` counts, 0 for none."""
    has_dependencies: bool
    """Write ``deps.json``."""
    has_scope_stats: bool
    """Write ``scope_stats.jsonl``."""
    era: CompilerEra
    """The compiler of the time when the keys were spelled that way."""
    notes: tuple[str, ...]
    """What was asked for and is not written, in words."""
    rings: RingSizes
    """Sizes of the rings of the device runtime."""

    @property
    def chip(self) -> str:
        """The chip that the platform is."""
        return PLATFORMS[self.platform]

    @property
    def is_on_board(self) -> bool:
        """True for a device, where the harness also merges the records for Perfetto."""
        return not self.platform.endswith("sim")


def parse_runtime_config(config: Mapping[str, Any] | None) -> RuntimeConfig:
    """Read ``runtime_cfg``.

    Raises:
        UsageError: If a key is unknown or a value is out of range.
    """
    given = dict(config or {})
    _check_keys(
        "runtime_cfg",
        given,
        (
            *_COMMON_KEYS,
            *_SPRING_KEYS,
            *_SUMMER_KEYS,
            *_RING_KEYS.values(),
            *IGNORED_RUNTIME_KEYS,
        ),
    )
    platform = given.get("platform") or "a2a3"
    if platform not in PLATFORMS:
        known = ", ".join(PLATFORMS)
        msg = f"runtime_cfg: platform is {platform!r}; expected one of {known}"
        raise UsageError(msg)
    return RuntimeConfig(
        platform=platform,
        swimlane_level=max(_level(key, given.get(key)) for key in _SWIMLANE_KEYS),
        pmu=_pmu_group(given.get("enable_pmu")),
        has_dependencies=bool(given.get("enable_dep_gen")),
        has_scope_stats=bool(given.get("enable_scope_stats")),
        era=_era(given),
        notes=tuple(dict.fromkeys(_UNMODELLED[key] for key in _UNMODELLED if given.get(key))),
        rings=_ring_sizes(given),
    )


def check_compile_config(config: Mapping[str, Any] | None) -> None:
    """Make sure that every key of ``compile_cfg`` is one that may be left out of account.

    Raises:
        UsageError: If a key is unknown.
    """
    _check_keys("compile_cfg", config or {}, IGNORED_COMPILE_KEYS)


def _pmu_group(value: Any) -> int:
    """The event group of ``enable_pmu``; the environment overrides it, as on the device."""
    if not value:
        return 0
    text = os.environ.get(_PMU_VARIABLE)
    group = DEFAULT_GROUP if value is True else value
    if text is not None:
        group = int(text) if text.isdecimal() else text
    if not isinstance(group, int):
        msg = f"runtime_cfg: PMU event group {group!r}; expected a number, such as {DEFAULT_GROUP}"
        raise UsageError(msg)
    check_group(group)
    return group


def _ring_sizes(given: Mapping[str, Any]) -> RingSizes:
    sizes = {}
    for name, key in _RING_KEYS.items():
        variable = f"PTO2_{key.upper()}"
        if given.get(key) is None:
            sizes[name] = parse_sizes(variable, os.environ.get(variable))
        else:
            sizes[name] = parse_sizes(f"runtime_cfg: {key}", given[key])
    return RingSizes(**sizes)


def _era(given: Mapping[str, Any]) -> CompilerEra:
    is_spring = any(key in given for key in _SPRING_KEYS)
    is_summer = any(key in given for key in _SUMMER_KEYS)
    return CompilerEra.SPRING_2026 if is_spring and not is_summer else CompilerEra.HEAD


def _level(key: str, value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, bool):
        return MAX_SWIMLANE_LEVEL if value else 0
    if not isinstance(value, int) or not 0 <= value <= MAX_SWIMLANE_LEVEL:
        msg = (
            f"runtime_cfg: {key} is {value!r}; expected True, False or a level from 0 to "
            f"{MAX_SWIMLANE_LEVEL}"
        )
        raise UsageError(msg)
    return value


def _check_keys(where: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        msg = f"{where}: unknown {', '.join(unknown)}; expected some of {', '.join(sorted(known))}"
        raise UsageError(msg)

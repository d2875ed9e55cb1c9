"""The registry of reference points, and its file ``points.toml``.

Units: times in us, operations in core cycles, shares in percent. The error of a point in percent is
a difference in percentage points, that of any other a fraction of the measured value.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from npusim.errors import UsageError
from npusim.validation.chips import BUILDS, HEAD

_FILE = Path(__file__).parent / "points.toml"
_PERCENT = "%"
CONFIDENCES = ("high", "medium", "low")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Points that are judged together, on those of high and medium confidence that nobody fitted.

    A limit that is None is not applied. ``known_gap`` says why a limit is not reached, and where
    that is written down; the limit then is what must not get worse.
    """

    name: str
    title: str
    mean_limit: float | None = None
    """Highest mean of the absolute errors, in percent or points."""
    worst_limit: float | None = None
    tau_limit: float | None = None
    """Lowest rank correlation, -1 to 1."""
    within_error: float | None = None
    """An error that ``within_share`` of the points must not exceed."""
    within_share: float = 1.0
    known_gap: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One figure that a device measured, and how to predict it.

    ``kernel`` runs with ``variant``, ``knobs`` and ``options`` on ``chip`` (with its cores at
    ``core_mhz`` if given); ``metric`` names the figure, and ``of`` the operation, pipe or scope it
    is about. A point with ``ratio`` names two points instead: the first as a share of the second.
    A point with ``commit`` needs that commit of a checkout of pypto-lib.
    """

    id: str
    group: str
    what: str
    measured: float
    unit: str
    source: str
    confidence: str
    kernel: str = ""
    variant: str = ""
    knobs: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    chip: str = "a2a3"
    core_mhz: int | None = None
    metric: str = ""
    of: str = ""
    ratio: tuple[str, str] | None = None
    commit: str = ""
    arguments: tuple[str, ...] = ()
    """What the upstream file gets on its command line besides the platform."""
    edits: tuple[tuple[str, str], ...] = ()
    """Texts of the upstream file and what replaces them: constants that a sweep turned."""
    is_observed: bool = False
    """The device collected its swimlane, so the simulated cores pay for it too."""
    era: str = "HEAD"
    """Direction rule of the compiler, a value of ``CompilerEra``."""
    build: str = HEAD
    """Build of the runtime, one of ``BUILDS``."""
    has_values: bool = False
    """The kernel branches on values, so it has to compute them."""
    fitted: tuple[str, ...] = ()
    """Figures of the chip that were fitted on this point."""

    @property
    def is_calibrated(self) -> bool:
        """True where a figure was fitted on the point."""
        return bool(self.fitted)

    @property
    def is_judged(self) -> bool:
        """True where the point counts for the limits of its group."""
        return not self.is_calibrated and self.confidence != "low"

    def error(self, predicted: float) -> float:
        """Signed error of a prediction in percent, or in points for a figure in percent."""
        if self.unit == _PERCENT:
            return predicted - self.measured
        return 100 * (predicted - self.measured) / self.measured


@dataclass(frozen=True, slots=True)
class Registry:
    """All groups and points, in the order of the file.

    Raises:
        UsageError: If names occur twice, do not fit, or more than half of a group is fitted.
    """

    groups: tuple[Group, ...]
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        names = [group.name for group in self.groups]
        ids = [point.id for point in self.points]
        for kind, found in (("group", names), ("point", ids)):
            twice = sorted({one for one in found if found.count(one) > 1})
            if twice:
                msg = f"{kind} {twice[0]}: registered twice; expected once; remove one"
                raise UsageError(msg)
        for point in self.points:
            self._check(point, names, ids)
        for point in self.points:
            self._check_ratio(point)
        for group in self.groups:
            self._check_share(group)

    def group(self, name: str) -> Group:
        """The group called ``name``.

        Raises:
            UsageError: If there is none.
        """
        for group in self.groups:
            if group.name == name:
                return group
        known = ", ".join(group.name for group in self.groups)
        msg = f"no group {name!r}; expected one of {known}"
        raise UsageError(msg)

    def members(self, name: str) -> tuple[Point, ...]:
        """The points of a group."""
        return tuple(point for point in self.points if point.group == name)

    @staticmethod
    def _check(point: Point, names: list[str], ids: list[str]) -> None:
        is_run = bool(point.kernel and point.metric)
        problem = ""
        if point.group not in names:
            problem = f"group is {point.group!r}; expected one of {', '.join(names)}"
        elif point.confidence not in CONFIDENCES:
            problem = f"confidence is {point.confidence!r}; expected one of {CONFIDENCES}"
        elif point.build not in BUILDS:
            problem = f"build is {point.build!r}; expected one of {', '.join(BUILDS)}"
        elif point.measured <= 0:
            problem = f"measured is {point.measured}; expected a positive figure"
        elif is_run == (point.ratio is not None):
            problem = "has neither or both of a kernel with a metric and a ratio; expected one"
        elif point.ratio is not None and not set(point.ratio) <= set(ids):
            problem = f"ratio is {point.ratio}; expected two ids of points"
        if problem:
            msg = f"point {point.id}: {problem}; correct points.toml"
            raise UsageError(msg)

    def _check_ratio(self, point: Point) -> None:
        of = set(point.ratio or ())
        missing = {figure for one in self.points if one.id in of for figure in one.fitted} - set(
            point.fitted
        )
        if missing:
            msg = (
                f"point {point.id}: a share of points on which {', '.join(sorted(missing))} was "
                "fitted; expected it among its own fitted figures; add it"
            )
            raise UsageError(msg)

    def _check_share(self, group: Group) -> None:
        members = self.members(group.name)
        fitted = sum(point.is_calibrated for point in members)
        if 2 * fitted > len(members):
            msg = (
                f"group {group.name}: {fitted} of {len(members)} points are fitted; expected at "
                "most half; take figures from elsewhere"
            )
            raise UsageError(msg)


def load_registry(path: Path = _FILE) -> Registry:
    """The registry in ``path``; that of npusim if left out.

    Raises:
        UsageError: If the file cannot be read or does not make a registry.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Registry)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); expected a registry; check the path"
        raise UsageError(msg) from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        msg = f"{path}: {error}; expected a registry of points; correct it"
        raise UsageError(msg) from error

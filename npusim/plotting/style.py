"""Colours and type of every picture.

Scope colours start from the colour-blind-safe set of Okabe and Ito (2008,
https://jfly.uni-koeln.de/color/) and of Paul Tol (https://sronpersonalpages.nl/~pault/), ordered so
that neighbours differ in hue and in lightness. Colour is never the only cue: each scope has a
number, written on its slices and in the legend, and from the 17th scope on a hatch.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from matplotlib.colors import to_rgb

from npusim.analysis import scope_names
from npusim.analysis.causes import Cause
from npusim.trace import PhaseKind, Trace, WaitReason

INK = "#222222"
FAINT_INK = "#6B6B6B"
GRID = "#E3E3E3"
HATCH_INK = "#FFFFFF70"
"""Half transparent, so that a number on a hatched slice stays readable."""
BUSY = "#4C5B6B"
"""Busy time where no scope is named."""

SCOPE_COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#1B2A5C",
    "#56B4E9",
    "#D55E00",
    "#6F4E9B",
    "#A6A319",
    "#882255",
    "#44AA99",
    "#8A5A2B",
    "#8C9AA8",
    "#0B6B3A",
    "#B89BE0",
    "#3D3D3D",
)
SCOPE_HATCHES = ("", "////", "....", "xxxx")

_REASON_COLOURS = {
    "DEPENDENCY": "#F9D3CE",
    "SUBMIT": "#D3C4EE",
    "DISPATCH": "#9CC4E8",
    "QUEUE": "#F5DE85",
    "SYNC": "#A5DBBD",
    "MEMORY": "#DDBB97",
    "NO_WORK": "#FFFFFF",
    "UNKNOWN": "#D6D6D6",
}
_SPARE_TINTS = ("#B5E2E0", "#E7C3DC", "#CFE3A8", "#F3C892")
"""For reasons and causes that no colour was chosen for yet, in the order of their enum."""

_CAUSE_COLOURS = {
    # Close to the colour of the wait reason that a cause is cut from.
    "dependency": "#F9D3CE",
    "false_dependency": "#EBA0BE",
    "orchestrator": "#D3C4EE",
    "completion": "#C6DDF2",
    "launch": "#9CC4E8",
    "start_up": "#74AADB",
    "polling": "#FAEDB4",
    "scheduler_busy": "#F5DE85",
    "queue_order": "#E6C24A",
    "not_dispatched": "#EFD06A",
    "core_busy": "#CBE9D7",
    "cluster": "#A5DBBD",
    "early_gate": "#9ADAD6",
    "memory": "#DDBB97",
    "tail": "#ECEEF1",
    "no_work": "#FFFFFF",
    "unknown": "#D6D6D6",
}


def _tints(names: Iterable[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """A colour for every name: the chosen one, or else the next spare one."""
    spare = itertools.cycle(_SPARE_TINTS)
    return {name: chosen.get(name) or next(spare) for name in names}


_BY_REASON = _tints((reason.name for reason in WaitReason), _REASON_COLOURS)
REASON_COLOURS: Mapping[WaitReason, str] = {one: _BY_REASON[one.name] for one in WaitReason}
_HATCHES = {
    "SUBMIT": "....",
    "DISPATCH": "||||",
    "QUEUE": "\\\\\\\\",
    "SYNC": "xxxx",
    "MEMORY": "----",
    "UNKNOWN": "////",
}
REASON_HATCHES: Mapping[WaitReason, str] = {
    one: _HATCHES[one.name] for one in WaitReason if one.name in _HATCHES
}
"""The second cue besides the tint, for grey prints; dependency, the most common, stays plain."""
CAUSE_COLOURS: Mapping[Cause, str] = {
    Cause(name): colour for name, colour in _tints(map(str, Cause), _CAUSE_COLOURS).items()
}

PHASE_COLOURS: Mapping[PhaseKind, str] = {
    PhaseKind.COMPLETE: "#8DA9C4",
    PhaseKind.DISPATCH: "#134074",
    PhaseKind.RESOLVE: "#E8C547",
    PhaseKind.SUBMIT: "#B5651D",
    PhaseKind.DUMMY: "#B0B0B0",
    PhaseKind.EARLY_DISPATCH: "#5FA777",
    PhaseKind.DRAIN: "#7D5BA6",
    PhaseKind.RELEASE: "#D98CB3",
}


@dataclass(frozen=True, slots=True)
class ScopeStyle:
    """How one scope is drawn in every panel of a picture."""

    number: int
    colour: str
    hatch: str

    @property
    def text_colour(self) -> str:
        """White or ink, whichever reads better on the scope's colour."""
        # 0.55 is where white text on our palette turns hard to read.
        return INK if luma(self.colour) > 0.55 else "#FFFFFF"


def luma(colour: str) -> float:
    """How bright a colour looks, 0 to 1: Rec. 709 luma."""
    red, green, blue = to_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def scope_styles(*traces: Trace) -> dict[str, ScopeStyle]:
    """A style for each scope, by order of submission, the same for all ``traces``.

    Scopes of the first trace come first, so that a scope keeps its colour when another run is put
    next to it.
    """
    names: Iterable[str] = dict.fromkeys(name for one in traces for name in scope_names(one))
    return {name: look(index) for index, name in enumerate(names)}


def look(index: int) -> ScopeStyle:
    """The style of the scope or operation that comes ``index``-th, counted from 0."""
    count = len(SCOPE_COLOURS)
    return ScopeStyle(
        number=index + 1,
        colour=SCOPE_COLOURS[index % count],
        hatch=SCOPE_HATCHES[index // count % len(SCOPE_HATCHES)],
    )

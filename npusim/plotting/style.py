"""Colours and type of every picture.

Scope colours start from the colour-blind-safe set of Okabe and Ito (2008,
https://jfly.uni-koeln.de/color/) and of Paul Tol (https://sronpersonalpages.nl/~pault/), ordered so
that neighbours differ in hue and in lightness. Colour is never the only cue: each scope has a
number, written on its slices and in the legend, and from the 17th scope on a hatch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from matplotlib.colors import to_rgb

from npusim.analysis import scope_names
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

REASON_COLOURS: Mapping[WaitReason, str] = {
    WaitReason.DEPENDENCY: "#F9D3CE",
    WaitReason.SUBMIT: "#D3C4EE",
    WaitReason.DISPATCH: "#9CC4E8",
    WaitReason.QUEUE: "#F5DE85",
    WaitReason.SYNC: "#A5DBBD",
    WaitReason.MEMORY: "#DDBB97",
    WaitReason.NO_WORK: "#FFFFFF",
    WaitReason.UNKNOWN: "#D6D6D6",
}
REASON_HATCHES: Mapping[WaitReason, str] = {WaitReason.UNKNOWN: "////"}

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
        red, green, blue = to_rgb(self.colour)
        # Rec. 709 luma; 0.55 is where white text on our palette turns hard to read.
        luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        return INK if luma > 0.55 else "#FFFFFF"


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

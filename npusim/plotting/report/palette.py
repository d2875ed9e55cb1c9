"""Colours of the page in its light and its dark theme, both from the colours of the pictures."""

from colorsys import hsv_to_rgb, rgb_to_hsv
from dataclasses import dataclass

from matplotlib.colors import to_hex, to_rgb

from npusim.plotting.style import PHASE_COLOURS, SCOPE_HATCHES, ScopeStyle, luma
from npusim.trace import PhaseKind

_DARKEST_LUMA = 0.30
"""Scope colours below this are lightened in the dark theme, or they drown in the ground."""
_PALER_FRAC = 0.66
"""What is left of a colour that is used for another scope already."""
_DARK_TINT_VALUE = 0.4
"""Brightness of a wait tint in the dark theme; bars have to stay the brighter ones."""
_SATURATION_GAIN = 2.0
"""A pale tint turned dark at the same saturation looks grey: this keeps hues apart."""
_MOST_SATURATION = 0.5


@dataclass(frozen=True, slots=True)
class Swatch:
    """One colour in both themes."""

    light: str
    dark: str

    def to_json(self) -> dict[str, str]:
        """Both colours by theme."""
        return {"light": self.light, "dark": self.dark}


def scope_swatch(style: ScopeStyle) -> Swatch:
    """The colour of a scope's slices; paler where a printed picture has a hatch instead."""
    turn = SCOPE_HATCHES.index(style.hatch)
    return _bar(_mix(style.colour, "#FFFFFF", _PALER_FRAC**turn))


def phase_swatch(kind: PhaseKind) -> Swatch:
    """The colour of an AICPU phase."""
    return _bar(PHASE_COLOURS[kind])


def tint_swatch(light: str) -> Swatch:
    """A tint of idle time."""
    hue, saturation, value = rgb_to_hsv(*to_rgb(light))
    saturation = min(_SATURATION_GAIN * saturation, _MOST_SATURATION)
    return Swatch(light, to_hex(hsv_to_rgb(hue, saturation, _DARK_TINT_VALUE * value)).upper())


def _bar(colour: str) -> Swatch:
    dark = colour
    while luma(dark) < _DARKEST_LUMA:
        dark = _mix(dark, "#FFFFFF", 0.9)
    return Swatch(colour, dark)


def _mix(colour: str, other: str, frac: float) -> str:
    """``frac`` of ``colour``, the rest ``other``."""
    (r1, g1, b1), (r2, g2, b2) = to_rgb(colour), to_rgb(other)
    rest = 1 - frac
    return to_hex((frac * r1 + rest * r2, frac * g1 + rest * g2, frac * b1 + rest * b2)).upper()

"""A figure measured in inches: panels are placed exactly and nothing is left to a layout engine.

A layout engine depends on the text extents of the machine's fonts; with fixed inches the same
trace gives the same bytes.
"""

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npusim.plotting.style import FAINT_INK, INK

TITLE_LINE_IN = 0.19
"""Height of a faint line below the title."""


@dataclass(frozen=True, slots=True)
class Page:
    """A white figure of ``width`` by ``height`` inches; positions count from its top left."""

    figure: Figure
    width: float
    height: float

    def axes(
        self, left: float, top: float, width: float, height: float, share_x: Axes | None = None
    ) -> Axes:
        """New axes at ``left`` and ``top`` inches, ``width`` by ``height`` inches large."""
        bottom = self.height - top - height
        box = (
            left / self.width,
            bottom / self.height,
            width / self.width,
            height / self.height,
        )
        return self.figure.add_axes(box, sharex=share_x)

    def title(self, text: str, *details: str, left: float) -> None:
        """Writes a bold line and faint ones below it at the top of the page."""
        faint = [
            (0.58 + index * TITLE_LINE_IN, line, 8.5, "normal", FAINT_INK)
            for index, line in enumerate(details)
        ]
        for top, line, size, weight, ink in [(0.32, text, 13.0, "bold", INK), *faint]:
            self.figure.text(
                left / self.width,
                1 - top / self.height,
                line,
                fontsize=size,
                fontweight=weight,
                color=ink,
                va="center",
                parse_math=False,
            )


def new_page(width: float, height: float) -> Page:
    """An empty page; sizes in inches."""
    return Page(Figure(figsize=(width, height), facecolor="#FFFFFF"), width, height)

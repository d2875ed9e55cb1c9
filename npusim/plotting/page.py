"""A figure measured in inches: panels are placed exactly and nothing is left to a layout engine.

A layout engine depends on the text extents of the machine's fonts; with fixed inches the same
trace gives the same bytes.
"""

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npusim.plotting.style import FAINT_INK, INK


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

    def title(self, text: str, detail: str, left: float) -> None:
        """Writes a bold line and a faint one below it at the top of the page."""
        lines = ((0.32, text, 13, "bold", INK), (0.58, detail, 8.5, "normal", FAINT_INK))
        for top, line, size, weight, ink in lines:
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

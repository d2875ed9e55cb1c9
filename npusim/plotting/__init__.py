"""Pictures of traces as matplotlib figures; ``npusim.plotting.report`` is the interactive page.

Owns every use of a plotting library. Figures are plain objects (``matplotlib.figure.Figure``, drawn
by Agg): no pyplot state, no window, the same bytes for the same trace. Refuses to know the
simulator and hardware figures, and computes nothing that ``analysis`` does not.
"""

from npusim.plotting.compared import compare_figure
from npusim.plotting.cores import cores_figure
from npusim.plotting.output import check_picture, save_figure
from npusim.plotting.pipes import pipes_figure
from npusim.plotting.roofline import roofline_figure
from npusim.plotting.swimlane import swimlane_figure
from npusim.plotting.waits import waits_figure

__all__ = [
    "check_picture",
    "compare_figure",
    "cores_figure",
    "pipes_figure",
    "roofline_figure",
    "save_figure",
    "swimlane_figure",
    "waits_figure",
]

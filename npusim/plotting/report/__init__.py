"""The interactive report: one or two runs in a single HTML file that opens offline.

Owns the page, what of a trace goes into it, and its browser code (``assets``). bokeh draws axes and
overlays and handles gestures; the bars themselves are rasterised in the browser for the range that
is visible, so that the number of slices does not limit how smoothly the page moves. bokeh is
imported only here: everything else works without loading it.
"""

from npusim.plotting.report.page import check_report, report_html, write_report
from npusim.plotting.report.runs import MOST_RUNS, ReportRun

__all__ = ["MOST_RUNS", "ReportRun", "check_report", "report_html", "write_report"]

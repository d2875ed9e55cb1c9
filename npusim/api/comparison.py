"""What ``npusim compare -o`` leaves: the picture, the JSON and the tables of two runs."""

from pathlib import Path

from npusim.analysis import Comparison
from npusim.api.directory import Layout, check_directory, replaced_directory
from npusim.formats import write_summary
from npusim.plotting import compare_figure, save_figure
from npusim.trace import Trace

_JSON_FILE = "compare.json"
_PICTURE_FILE = "compare.png"
_TABLES = {
    "compare_totals.csv": Comparison.total_table,
    "compare_path.csv": Comparison.path_table,
    "compare_reasons.csv": Comparison.reason_table,
    "compare_scopes.csv": Comparison.scope_table,
    "compare_tasks.csv": Comparison.task_table,
    "compare_edges.csv": Comparison.edge_table,
}
COMPARISON_LAYOUT = Layout(
    name="comparison",
    entries=frozenset({_JSON_FILE, _PICTURE_FILE, *_TABLES}),
    marks=frozenset({_JSON_FILE}),
)


def check_comparison_directory(directory: Path) -> None:
    """Make sure, before the work, that a comparison may be written to ``directory``.

    Raises:
        OutputError: If it is a file, holds something else, or cannot be written.
    """
    check_directory(directory, COMPARISON_LAYOUT)


def save_comparison(a: Trace, b: Trace, comparison: Comparison, directory: Path) -> None:
    """Write ``compare.png``, ``compare.json`` and one CSV per table to ``directory``.

    The files appear all or none; an earlier comparison there is replaced.

    Args:
        a: The run to compare with.
        b: The run to compare.
        comparison: Of the two.
        directory: Where to.

    Raises:
        OutputError: If the directory cannot be written or holds something else.
    """
    with replaced_directory(directory, COMPARISON_LAYOUT) as staging:
        write_summary(staging / _JSON_FILE, comparison.to_json())
        for name, table in _TABLES.items():
            (staging / name).write_text(table(comparison).to_csv(), encoding="utf-8")
        save_figure(compare_figure(a, b, comparison), staging / _PICTURE_FILE)

"""What ``npusim compare -o`` leaves: the picture, the JSON and the tables of two runs."""

from pathlib import Path

from npusim.analysis import compare
from npusim.errors import OutputError
from npusim.formats import write_summary
from npusim.plotting import compare_figure, save_figure
from npusim.trace import Trace


def save_comparison(a: Trace, b: Trace, directory: Path) -> None:
    """Write ``compare.png``, ``compare.json`` and one CSV per table to ``directory``.

    Raises:
        OutputError: If the directory cannot be made or written.
    """
    comparison = compare(a, b)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_summary(directory / "compare.json", comparison.to_json())
        for name, table in (
            ("totals", comparison.total_table()),
            ("reasons", comparison.reason_table()),
            ("scopes", comparison.scope_table()),
        ):
            (directory / f"compare_{name}.csv").write_text(table.to_csv(), encoding="utf-8")
        save_figure(compare_figure(a, b), directory / "compare.png")
    except OSError as error:
        reason = error.strerror or error
        msg = f"{directory}: cannot be written ({reason}); choose a directory you may write to"
        raise OutputError(msg) from error

"""``npusim roofline``: how near each scope comes to what a core can do."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.analysis.columns import run_name
from npusim.analysis.roofline import roofline_table
from npusim.api.evidence import load_evidence
from npusim.api.roofline import roofline as roofline_of
from npusim.cli.output import check_one_format, print_json, print_table


def roofline(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory that npusim run wrote.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Arithmetic and traffic of each scope per busy core, and how near they are to its roofs.

    npusim plot --roofline draws it. A scope far below both roofs is held up by neither: npusim
    critical-path --units says by what.
    """
    check_one_format(as_csv=as_csv, as_json=as_json)
    evidence = load_evidence(run)
    table = roofline_table(*roofline_of(evidence), run_name(evidence.trace))
    if as_json:
        print_json(table.to_json())
    elif as_csv:
        print(table.to_csv(), end="")
    else:
        print_table(table)

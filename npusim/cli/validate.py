"""``npusim validate``."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.cli.output import print_json, print_table, progress, talk
from npusim.plotting import check_picture, save_figure
from npusim.plotting.validation import validation_figure
from npusim.validation import Predictor, find_checkout, load_registry
from npusim.validation import validate as run_validation

EXIT_CHECK_FAILED = 1


def validate(
    group: Annotated[
        list[str] | None, typer.Option(help="Only this group; may be given again.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw predicted against measured: .png, .svg or .pdf."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Compare the simulator with what devices measured, point by point.

    Exit 1 if a group exceeds its limit. Points that need files of pypto-lib run where
    NPUSIM_PYPTO_LIB names a git checkout of it.
    """
    if plot is not None:
        check_picture(plot)  # before minutes of work, not after
    registry = load_registry()
    with progress(is_quiet=as_json) as tell:
        report = run_validation(registry, Predictor(find_checkout()), group or (), tell)
    if plot is not None:
        save_figure(validation_figure(report.point_table()), plot)
    if as_json:
        print_json(report.to_json())
    else:
        print_table(report.point_table())
        print_table(report.group_table())
        for reason in sorted(
            {one.missing for g in report.groups for one in g.results if one.missing}
        ):
            talk(f"not run: {reason}")
    return 0 if report.passed else EXIT_CHECK_FAILED

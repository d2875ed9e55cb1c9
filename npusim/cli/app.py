"""The commands of the ``npusim`` program, and the options before them."""

from typing import Annotated

import typer

import npusim
from npusim.cli.bubbles import bubbles
from npusim.cli.chips import chips
from npusim.cli.critical_path import bounds, critical_path
from npusim.cli.export import export
from npusim.cli.import_run import COMMAND as IMPORT
from npusim.cli.import_run import import_run
from npusim.cli.inspect import compare
from npusim.cli.kernels import kernels
from npusim.cli.moves import moves
from npusim.cli.plot import plot
from npusim.cli.pypto import FILE_ARGUMENTS, pypto
from npusim.cli.replay import replay
from npusim.cli.report import report
from npusim.cli.roofline import roofline
from npusim.cli.run import run
from npusim.cli.validate import validate
from npusim.cli.what_if import advise, what_if

TRACEBACK = "--traceback"

app = typer.Typer(
    name="npusim",
    help="Run, verify, simulate and explain tiled Ascend NPU kernels on an ordinary computer.",
    epilog="Start with: npusim run prefill_sparse_attn -o out/after",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (kernels, run, compare, bubbles, plot, chips, validate):
    app.command()(command)
app.command()(critical_path)
app.command()(bounds)
app.command()(roofline)
app.command()(what_if)
app.command()(advise)
app.command()(moves)
app.command()(export)
app.command()(replay)
app.command(IMPORT)(import_run)  # the word is Python's own
app.command()(report)
app.command(context_settings=FILE_ARGUMENTS)(pypto)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"npusim {npusim.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    with_traceback: Annotated[
        bool, typer.Option(TRACEBACK, help="Show where in the code an error came from.")
    ] = False,
) -> None:
    """Options before the command."""
    del version, with_traceback

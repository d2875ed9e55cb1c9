"""The ``npusim`` program: commands, and what happens with errors."""

import sys
import traceback
from typing import Annotated

import typer

import npusim
from npusim.cli.chips import chips
from npusim.cli.inspect import bubbles, compare, plot
from npusim.cli.kernels import kernels
from npusim.cli.run import run
from npusim.errors import NpuSimError

EXIT_USAGE = 2

app = typer.Typer(
    name="npusim",
    help="Run, verify, simulate and explain tiled Ascend NPU kernels on an ordinary computer.",
    epilog="Start with: npusim run prefill_sparse_attn -o out/after",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (kernels, run, compare, bubbles, plot, chips):
    app.command()(command)


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
        bool, typer.Option("--traceback", help="Show where in the code an error came from.")
    ] = False,
) -> None:
    """Options before the command."""
    del version, with_traceback


def main() -> None:
    """Entry point of the ``npusim`` script."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: list[str]) -> int:
    """Run the program with ``arguments`` and return its exit code.

    Every expected error becomes one line on stderr and exit code 2.
    """
    try:
        result = app(args=arguments or ["--help"], standalone_mode=False)
    except typer.TyperException as error:
        return _fail(f"{error.format_message().rstrip('.')}; see npusim --help", arguments)
    except (typer.Abort, KeyboardInterrupt):
        return _fail("interrupted", arguments)
    except NpuSimError as error:
        return _fail(str(error), arguments)
    except BrokenPipeError:
        return 0  # the reader of stdout has seen enough
    return result if isinstance(result, int) else 0


def _fail(message: str, arguments: list[str]) -> int:
    if "--traceback" in arguments:
        traceback.print_exc()
    line = " ".join(message.split())
    print(f"npusim: error: {line}", file=sys.stderr)
    return EXIT_USAGE

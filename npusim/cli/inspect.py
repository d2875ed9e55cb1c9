"""``npusim compare``: two or more runs or captures side by side."""

from pathlib import Path
from typing import Annotated

import typer

from npusim.analysis import compare as compare_traces
from npusim.api.comparison import check_comparison_directory, save_comparison
from npusim.api.evidence import Evidence, load_evidence
from npusim.api.units import unit_times
from npusim.cli.output import print_json, talk
from npusim.errors import UsageError

_RUN_HELP = "Directory that npusim run wrote, or a capture from a device."


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help=_RUN_HELP)],
    others: Annotated[
        list[Path],
        typer.Argument(metavar="B", help="The run to compare it with; several, one by one."),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Directory for compare.png, .json, .csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare runs, bubble by bubble: what changed, on the critical path, by scope and by reason.

    The parts of the critical paths add up to the difference of the makespans; kernels on them are
    split by the unit that held them. Of three runs and more, every one is compared with the first.
    """
    if output is not None:
        if len(others) > 1:
            msg = (
                f"-o {output}: given with {1 + len(others)} runs; expected two; leave it out, or "
                "compare two at a time"
            )
            raise UsageError(msg)
        check_comparison_directory(output)
    first, *rest = (load_evidence(path) for path in (a, *others))
    _say_what_is_not_split((first, *rest))
    units = [unit_times(one) for one in (first, *rest)]
    comparisons = [
        compare_traces(first.trace, one.trace, (units[0], own))
        for one, own in zip(rest, units[1:], strict=True)
    ]
    if output is not None:
        save_comparison(first.trace, rest[0].trace, comparisons[0], output)
        talk(f"wrote {output}; open {output / 'compare.png'}")
    if as_json:
        found = [one.to_json() for one in comparisons]
        print_json(found[0] if len(found) == 1 else found)
        return
    print("\n\n\n".join(str(one) for one in comparisons))


def _say_what_is_not_split(runs: tuple[Evidence, ...]) -> None:
    """Names the runs whose kernels nobody can look into; a comparison with one splits none."""
    without = [one.name for one in runs if one.program is None]
    if without:
        talk(f"kernels are not split by unit: no recording in {', '.join(without)}")

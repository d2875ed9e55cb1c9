"""Arguments that several commands spell alike: switches and NAME=VALUE."""

import math
from enum import StrEnum

from npusim.errors import UsageError


class OnOff(StrEnum):
    """A switch with a word for each position."""

    ON = "on"
    OFF = "off"


def pairs(option: str, entries: list[str]) -> dict[str, str]:
    """``NAME=VALUE`` arguments as a dictionary.

    Raises:
        UsageError: If one has no equals sign or a name comes twice.
    """
    found: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not equals or not name:
            msg = f"{option} {entry or repr(entry)}: expected NAME=VALUE, each name once"
            raise UsageError(msg)
        if name in found:
            msg = (
                f"{option} {entry}: {name} given twice, before as {found[name]}; expected "
                "NAME=VALUE, each name once; leave one out"
            )
            raise UsageError(msg)
        found[name] = value
    return found


def numbers(option: str, entries: list[str]) -> dict[str, float]:
    """``NAME=NUMBER`` arguments as a dictionary.

    Raises:
        UsageError: If one is no pair, comes twice, or its value is no finite number.
    """
    return {
        name: number(f"{option} {name}=", text) for name, text in pairs(option, entries).items()
    }


def number(before: str, text: str) -> float:
    """The number that ``text`` spells.

    Args:
        before: What stands before it on the command line, for the message.
        text: The argument.

    Raises:
        UsageError: If it is no finite number.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        msg = f"{before}{text}: expected a finite number; write for instance 2 or 0.5"
        raise UsageError(msg)
    return value

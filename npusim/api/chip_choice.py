"""Which chip a run or capture is simulated on, where it may not say."""

from npusim.hardware import ChipSpec, list_chips, load_chip

DEFAULT_CHIP = "a2a3"
"""The chip of a capture that names none that is known."""


def choose_chip(wanted: str | None, of_trace: str) -> ChipSpec:
    """The chip that somebody asked for, else that of the trace, else the default one.

    Args:
        wanted: As given; None for nothing.
        of_trace: What the trace says.

    Raises:
        UsageError: If there is no chip of the name that was asked for.
    """
    if wanted is not None:
        return load_chip(wanted)
    return load_chip(of_trace if of_trace in list_chips() else DEFAULT_CHIP)


def chip_note(wanted: str | None, of_trace: str) -> str:
    """A sentence where ``choose_chip`` had to assume the chip, else an empty text."""
    if wanted is not None or of_trace in list_chips():
        return ""
    what = "unknown" if of_trace in {"", "unknown"} else f"{of_trace} unknown"
    return f"chip {what}, {DEFAULT_CHIP} assumed; name it with --platform"

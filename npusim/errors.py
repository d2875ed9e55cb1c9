"""The exception tree.

Every class keeps all of its content in ``args``, because SimPy re-raises a failed process as
``type(e)(*e.args)``; ``tests/unit/test_errors.py`` round-trips each of them that way.

Messages follow one pattern: where: what is wrong, with the value; what was expected; what to do.
"""


class NpuSimError(Exception):
    """Base of everything npusim raises on purpose; the command line prints it as one line."""


class UsageError(NpuSimError):
    """A wrong argument: an unknown kernel, variant, knob, chip, ratio or option value."""


class KernelError(NpuSimError):
    """A kernel did something the DSL does not allow (shape, dtype, bounds, scope)."""


class GuardError(KernelError):
    """A kernel was built with constants that it cannot run with (divisibility, padding, blocks)."""


class HardwareSpecError(NpuSimError):
    """A chip description is incomplete, has an unknown key, or cites no source."""


class BufferOverflowError(NpuSimError):
    """A task needs more of an on-chip buffer than the chip has."""


class DeadlockError(NpuSimError):
    """The simulation stopped making progress while tasks were still waiting."""


class TraceError(NpuSimError):
    """A trace breaks an invariant: overlapping slices, or busy and waits that miss the span."""


class FileFormatError(NpuSimError):
    """A file is corrupt, truncated, of a foreign format or of an unsupported version."""


class OutputError(NpuSimError):
    """An output directory or file cannot be written."""

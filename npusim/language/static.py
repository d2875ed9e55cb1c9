"""What the compiler evaluates and what only annotates (DSL_REFERENCE.md section 2)."""

from npusim.errors import KernelError
from npusim.language.recorder import current


def dynamic(name: str) -> str:
    """A symbol for a dynamic extent; used only in annotations."""
    return name


def static_print(*values: object, **_: object) -> None:
    """What the compiler would print; nothing here."""
    del values


def static_assert(condition: object, message: str = "") -> None:
    """A check of the compiler.

    Raises:
        KernelError: If ``condition`` is false.
    """
    if not condition:
        msg = (
            f"{current().where()}: pl.static_assert failed{': ' if message else ''}{message}; "
            "expected a true condition"
        )
        raise KernelError(msg)


def func_attr(*values: object, **_: object) -> None:
    """An attribute of the compiled function; changes nothing here."""
    del values

"""Names that npusim does not know raise an error that says so."""

import sys
from pathlib import Path
from typing import NoReturn

from npusim.errors import KernelError


class UnknownOperationError(KernelError, AttributeError):
    """A kernel uses a name that the DSL does not have; an AttributeError for ``hasattr``."""


def refuse_unknown(path: str, name: str) -> NoReturn:
    """Raise for ``path.name``.

    Raises:
        UnknownOperationError: Always; a plain AttributeError for names of Python's own protocols.
    """
    if name.startswith("__"):
        msg = f"module {path!r} has no attribute {name!r}"
        raise AttributeError(msg)
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == "npusim.language":
        frame = frame.f_back
    where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
    msg = (
        f"{where}: {path}.{name} is not an operation npusim knows; expected one of "
        "DSL_REFERENCE.md section 5 (docs/ops.md lists them); write it with others, or report it"
    )
    raise UnknownOperationError(msg)


class Namespace:
    """``pl.tile`` and its like: operations under a name of their own."""

    def __init__(self, path: str, members: dict[str, object]) -> None:
        self._path = path
        self.__dict__.update(members)

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse a name that is not there.

        Raises:
            UnknownOperationError: Always.
        """
        refuse_unknown(self.__dict__.get("_path", "pl"), name)

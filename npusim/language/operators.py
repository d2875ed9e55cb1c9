"""Python operators and subscripts of tensors and tiles, bound to the operations of the table."""

from collections.abc import Callable
from typing import Any

from npusim.errors import KernelError
from npusim.language.elementwise import add, cmp, div, mul, neg, sub
from npusim.language.enums import CmpMode
from npusim.language.recorder import current
from npusim.language.subscript import get_item, set_item
from npusim.language.values import Tensor, Tile


def _reflected(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: operation(other, self)


def _comparison(mode: CmpMode) -> Callable[[Any, Any], Any]:
    return lambda self, other: cmp(self, other, mode)


def _bound(operation: Callable[..., Any]) -> Callable[..., Any]:
    """A plain function, so that Python passes the value as the first operand."""
    return operation


def _no_truth(tile: Tile) -> bool:
    msg = (
        f"{current().where()}: the truth value of {tile!r}; expected a number in a condition; "
        "read an element with pl.read"
    )
    raise KernelError(msg)


OPERATORS: dict[str, Callable[..., Any]] = {
    "__getitem__": _bound(get_item),
    "__setitem__": _bound(set_item),
    "__add__": _bound(add),
    "__radd__": _reflected(add),
    "__sub__": _bound(sub),
    "__rsub__": _reflected(sub),
    "__mul__": _bound(mul),
    "__rmul__": _reflected(mul),
    "__truediv__": _bound(div),
    "__rtruediv__": _reflected(div),
    "__neg__": _bound(neg),
    "__lt__": _comparison(CmpMode.LT),
    "__le__": _comparison(CmpMode.LE),
    "__gt__": _comparison(CmpMode.GT),
    "__ge__": _comparison(CmpMode.GE),
}
"""``==`` stays identity: a tensor is a handle, and handles are compared and kept in containers."""


def bind_operators() -> None:
    """Give tensors and tiles their operators.

    The operations need the value types and the operators need the operations; binding here, once,
    when the package is imported, keeps both free of a circular import.
    """
    for value_type in (Tensor, Tile):
        for name, function in OPERATORS.items():
            setattr(value_type, name, function)
    Tile.__bool__ = _no_truth  # type: ignore[attr-defined]

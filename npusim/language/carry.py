"""Values that a loop hands from one iteration to the next (DSL_REFERENCE.md section 2).

for i, (acc,) in pl.range(n, init_values=(x,)):       for (i,) in pl.while_(init_values=(0,)):
acc = pl.yield_(pl.add(acc, y))                       pl.cond(i < n)
i = pl.yield_(i + 1)
"""

from collections.abc import Iterator, Sequence
from typing import Any

from npusim.errors import KernelError
from npusim.language.recorder import current


def with_carry(loop: Iterator[int], init_values: Sequence[Any] | None) -> Iterator[Any]:
    """The iterations of ``loop``; with ``init_values`` as pairs of index and carried values."""
    return loop if init_values is None else _carrying(loop, init_values)


def yield_(*values: Any) -> Any:
    """Hand ``values`` to the next iteration; returns them, a single one as itself.

    Raises:
        KernelError: If no loop carries values, or it carries another number of them.
    """
    recorder = current()
    if not recorder.carries or len(recorder.carries[-1]) != len(values):
        carried = len(recorder.carries[-1]) if recorder.carries else 0
        msg = (
            f"{recorder.where()}: pl.yield_ of {len(values)} values in a loop that carries "
            f"{carried}; expected one for each of its init_values"
        )
        raise KernelError(msg)
    recorder.carries[-1][:] = values
    return values[0] if len(values) == 1 else values


def while_(*, init_values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
    """``for (x,) in pl.while_(init_values=(x0,)):``; ends at a ``pl.cond`` that is false."""
    return (carried for _, carried in _carrying(_endless(), init_values))


def cond(condition: Any) -> None:
    """End the enclosing ``pl.while_`` where ``condition`` is false.

    The decorators turn the statement ``pl.cond(c)`` into ``if not c: break``, so that only a kernel
    that runs as plain Python gets here.

    Raises:
        KernelError: If ``condition`` is false: Python cannot leave the loop from here.
    """
    if not condition:
        msg = (
            f"{current().where()}: pl.cond is false in plain Python; expected it as a statement of "
            "`for ... in pl.while_(...)` in a function under @pl.jit or @pl.jit.inline"
        )
        raise KernelError(msg)


def _endless() -> Iterator[int]:
    while True:
        yield 0


def _carrying(
    loop: Iterator[int], init_values: Sequence[Any]
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    recorder = current()
    carried = list(init_values)
    for index in loop:
        recorder.carries.append(carried)
        try:
            yield index, tuple(carried)
        finally:
            _drop(recorder.carries, carried)


def _drop(carries: list[list[Any]], carried: list[Any]) -> None:
    """Remove ``carried`` by identity: equal lists may belong to other loops."""
    for place in reversed(range(len(carries))):
        if carries[place] is carried:
            del carries[place]
            return

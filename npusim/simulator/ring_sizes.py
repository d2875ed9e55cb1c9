"""How large the rings of the runtime are, where a run asks for other sizes than the chip's."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from npusim.errors import UsageError
from npusim.hardware.spec import RuntimeSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RingSizes:
    """Sizes by ring, the outermost scope first; one number alone is for every ring.

    0 keeps the size of the chip, as the settings ``ring_task_window``, ``ring_heap`` and
    ``ring_dep_pool`` of the device runtime do.

    Raises:
        UsageError: If a size is no whole number or negative, or there are none.
    """

    slots: Sizes = (0,)
    """Task slots."""
    heap_bytes: Sizes = (0,)
    """Output heap."""
    dependencies: Sizes = (0,)
    """Entries of the dependency lists."""

    def __post_init__(self) -> None:
        for item in fields(self):
            sizes = getattr(self, item.name)
            if not sizes or not all(type(size) is int and size >= 0 for size in sizes):
                msg = (
                    f"ring {item.name}: {list(sizes)}; expected whole numbers of at least 0, one "
                    "for all rings or one each; 0 keeps the size of the chip"
                )
                raise UsageError(msg)

    def of_ring(self, index: int, runtime: RuntimeSpec) -> tuple[int, int, int]:
        """Slots, heap bytes and dependency entries of one ring.

        Raises:
            UsageError: If there are several sizes, but not one for each ring.
        """
        return (
            _pick("slots", self.slots, index, runtime) or runtime.ring_slot_count,
            _pick("heap_bytes", self.heap_bytes, index, runtime) or runtime.ring_heap_bytes,
            _pick("dependencies", self.dependencies, index, runtime)
            or runtime.ring_dependency_count,
        )


def _pick(name: str, sizes: Sizes, index: int, runtime: RuntimeSpec) -> int:
    if len(sizes) == 1:
        return sizes[0]
    if len(sizes) != runtime.ring_count:
        msg = f"ring {name}: {len(sizes)} sizes; expected 1 or {runtime.ring_count}, one per ring"
        raise UsageError(msg)
    return sizes[index]


def parse_sizes(where: str, value: Any) -> Sizes:
    """``4096``, ``"4096,0,0,0"`` or a sequence of numbers as sizes by ring.

    Args:
        where: Names the setting in the error.
        value: What was given; None for nothing.

    Raises:
        UsageError: If these are no numbers.
    """
    if value is None or value == "":
        return (0,)
    parts: Sequence[Any] = value.split(",") if isinstance(value, str) else value
    if isinstance(parts, int):
        parts = (parts,)
    try:
        return tuple(_whole(part) for part in parts)
    except (TypeError, ValueError):
        msg = f"{where}: {value!r}; expected whole numbers, one for all rings or one each"
        raise UsageError(msg) from None


def _whole(part: Any) -> int:
    """An int or decimal text as a number; ``int`` alone would cut 4096.7 and take True for 1."""
    if type(part) is int or (isinstance(part, str) and not set(part) & {"_"}):
        return int(part)
    raise TypeError

"""Rings of task slots, output heaps, dependency lists: what makes the orchestrator wait.

Every submit takes a slot of the ring of its scope, heap for its outputs and an entry per new edge.
They are free again when the task is consumed: complete, its scope ended, its buffers used by
everybody who holds them. A ring gives back in order, so one task that is not consumed keeps all
that came after it::

    ring 1   [done][done][runs][done][done]...     back-pressure: two slots are given back
                         ^ oldest not consumed

While the orchestrator waits, the scope it is in cannot end. So a wait for a slot that this scope
itself holds can never end: a deadlock, known at once.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache

from npusim.errors import DeadlockError
from npusim.hardware.spec import RuntimeSpec
from npusim.simulator.ring_log import RingLog
from npusim.simulator.ring_sizes import RingSizes
from npusim.simulator.work import NO_SCOPE, RuntimeScope
from npusim.trace import RingEvent, RingUse


@dataclass(slots=True)
class Amounts:
    """What a submit takes, a ring holds or has."""

    slots: int = 0
    heap_bytes: int = 0
    dependencies: int = 0

    def add(self, other: "Amounts", sign: int) -> None:
        """Add or take away."""
        self.slots += sign * other.slots
        self.heap_bytes += sign * other.heap_bytes
        self.dependencies += sign * other.dependencies


_WORDS = {
    "slots": ("task slots", "slots"),
    "heap_bytes": ("output heap", "bytes"),
    "dependencies": ("dependency list", "entries"),
}

_SETTINGS = {
    "slots": "--ring-slots (ring_task_window)",
    "heap_bytes": "--ring-heap (ring_heap)",
    "dependencies": "--ring-dependencies (ring_dep_pool)",
}
"""How a user makes a ring larger: the option of npusim, and the setting of the device runtime."""


@cache
def amounts(slots: int, heap_bytes: int, dependencies: int) -> Amounts:
    """Shared amounts of a submit; do not change them."""
    return Amounts(slots, heap_bytes, dependencies)


@dataclass(slots=True)
class RingEntry:
    """What one submit holds. Free when nobody refers to it and all before it are free."""

    amounts: Amounts
    scope: int
    references: int


class Ring:
    """One ring: a queue of entries and the sums over them."""

    def __init__(self, index: int, limits: Amounts) -> None:
        self.index = index
        self.limits = limits
        self.held = Amounts()
        self.entries: deque[RingEntry] = deque()

    def lacks(self, wanted: Amounts) -> str:
        """Name of the first resource that is too short; empty if there is room."""
        limits, held = self.limits, self.held
        if held.slots + wanted.slots > limits.slots:
            return "slots"
        if held.heap_bytes + wanted.heap_bytes > limits.heap_bytes:
            return "heap_bytes"
        if held.dependencies + wanted.dependencies > limits.dependencies:
            return "dependencies"
        return ""

    def advance(self) -> bool:
        """Give back what is consumed, oldest first; True if that was anything."""
        entries = self.entries
        before = len(entries)
        while entries and not entries[0].references:
            self.held.add(entries.popleft().amounts, -1)
        return len(entries) < before


class Rings:
    """All rings and the scopes that hold their entries."""

    def __init__(
        self,
        runtime: RuntimeSpec,
        scopes: tuple[RuntimeScope, ...],
        sizes: RingSizes,
        log: RingLog | None = None,
    ) -> None:
        """``log`` writes down what happens; None costs nothing and changes nothing."""
        self._scopes = scopes
        self._log = log
        self._rings = [
            Ring(index, Amounts(*sizes.of_ring(index, runtime)))
            for index in range(runtime.ring_count)
        ]
        self._of_scope: dict[int, list[tuple[Ring, RingEntry]]] = {}
        self._waiting: Callable[[], None] | None = None
        self._waits_in = 0

    def ring_of(self, scope: int) -> Ring:
        """The ring of a scope; the first for tasks that no scope holds."""
        depth = 0 if scope == NO_SCOPE else self._scopes[scope].depth
        return self._rings[min(depth, len(self._rings) - 1)]

    def take(self, scope: int, wanted: Amounts, references: int, time_ps: int) -> RingEntry:
        """Take what there is room for; the scope, if any, is one more reference.

        Args:
            scope: Where the orchestrator is.
            wanted: What is taken.
            references: Who holds it besides the scope.
            time_ps: From when on, now or a little later.
        """
        ring = self.ring_of(scope)
        entry = RingEntry(wanted, scope, references)
        ring.held.add(wanted, 1)
        ring.entries.append(entry)
        if self._log is not None:
            self._log.change(time_ps, ring.index, ring.held)
        if scope != NO_SCOPE:
            entry.references += 1
            self._of_scope.setdefault(scope, []).append((ring, entry))
        return entry

    def drop(self, entry: RingEntry, time_ps: int) -> None:
        """One reference less."""
        entry.references -= 1
        if not entry.references:
            self._advance(self.ring_of(entry.scope), time_ps)

    def begin_scope(self, scope: int, time_ps: int) -> None:
        """The orchestrator enters a scope."""
        if self._log is not None:
            self._log.mark(time_ps, self.ring_of(scope).index, scope, RingEvent.BEGIN)

    def end_scope(self, scope: int, time_ps: int) -> int:
        """The scope lets go of its entries; returns how many they were."""
        if self._log is not None:
            self._log.mark(time_ps, self.ring_of(scope).index, scope, RingEvent.END)
        entries = self._of_scope.pop(scope, [])
        for _, entry in entries:
            entry.references -= 1
        for ring in {id(ring): ring for ring, _ in entries}.values():
            self._advance(ring, time_ps)
        return len(entries)

    def wait(self, scope: int, resume: Callable[[], None]) -> None:
        """Call ``resume`` once, when the ring of a scope has given something back."""
        self._waiting, self._waits_in = resume, self.ring_of(scope).index

    def use(self) -> RingUse:
        """What was written down; empty without a log."""
        if self._log is None:
            return RingUse()
        return self._log.use([ring.limits for ring in self._rings], self._scopes)

    def _advance(self, ring: Ring, time_ps: int) -> None:
        if not ring.advance():
            return
        if self._log is not None:
            self._log.change(time_ps, ring.index, ring.held)
        if self._waiting is not None and self._waits_in == ring.index:
            resume, self._waiting = self._waiting, None
            resume()

    def check_can_drain(self, scope: int, wanted: Amounts, label: str) -> None:
        """Raise ``DeadlockError`` if the ring of ``scope`` will never have room for ``wanted``.

        Args:
            scope: Where the orchestrator is; this scope and those around it are open.
            wanted: What it asks for and does not get now.
            label: Who asks, for the message.
        """
        ring = self.ring_of(scope)
        short = ring.lacks(wanted)
        oldest = ring.entries[0].scope if ring.entries else NO_SCOPE
        is_too_large = any(
            getattr(wanted, item.name) > getattr(ring.limits, item.name) for item in fields(wanted)
        )
        if not short or not (is_too_large or (oldest != NO_SCOPE and oldest in self._of_scope)):
            return
        what, unit = _WORDS[short]
        limit, held = getattr(ring.limits, short), getattr(ring.held, short)
        holder = "its own outputs" if is_too_large else self._scopes[oldest].label
        msg = (
            f"ring {ring.index}, {what}: {label} needs {getattr(wanted, short)} more {unit}, "
            f"{held} of {limit} are held and {holder} cannot end before this submit; "
            f"expected the tasks of a scope to fit its ring; split {holder} into smaller scopes "
            f"(each iteration of a loop is one) or raise {_SETTINGS[short]}"
        )
        raise DeadlockError(msg)

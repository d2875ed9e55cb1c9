"""What happens to the rings of the runtime, written down for those who ask for it.

A submit takes what it needs when it begins, which the orchestrator knows a little ahead; what is
given back is known at once. So changes are kept as they come, and put in order of time at the end::

    now   |- user code -|SUBMIT       noted now, stamped with the begin of the submit
            ^ a task is consumed      noted later, stamped earlier
"""

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from npusim.simulator.work import RuntimeScope
from npusim.trace import (
    NO_COUNT,
    RING_COUNTERS,
    RING_DTYPE,
    RingEvent,
    RingLimits,
    RingScope,
    RingUse,
)

if TYPE_CHECKING:
    from npusim.simulator.rings import Amounts

_COLUMNS = ("time_ps", "ring", "scope", "event", "slots", "heap_bytes", "dependencies")
"""The last three are positive where something is taken, negative where it is given back."""
_NO_SCOPE = -1
_Held = tuple[int, int, int]


class RingLog:
    """Changes of the rings, and begins and ends of the scopes."""

    def __init__(self) -> None:
        self._rows = array("q")
        self._held: dict[int, _Held] = {}

    def change(self, time_ps: int, ring: int, held: "Amounts") -> None:
        """From ``time_ps`` on the ring holds ``held``: a submit took, or a ring gave back."""
        now = (held.slots, held.heap_bytes, held.dependencies)
        before = self._held.get(ring, (0, 0, 0))
        self._held[ring] = now
        deltas = (after - old for after, old in zip(now, before, strict=True))
        self._rows.extend((time_ps, ring, _NO_SCOPE, RingEvent.CHANGE, *deltas))

    def mark(self, time_ps: int, ring: int, scope: int, event: RingEvent) -> None:
        """A scope begins or ends."""
        self._rows.extend((time_ps, ring, scope, event, 0, 0, 0))

    def use(self, limits: Sequence["Amounts"], scopes: Sequence[RuntimeScope]) -> RingUse:
        """All of it as a trace keeps it."""
        rows = np.frombuffer(self._rows, np.int64).reshape(-1, len(_COLUMNS))
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        samples = np.zeros(len(rows), RING_DTYPE)
        for index, name in enumerate(_COLUMNS[:4]):
            samples[name] = rows[:, index]
        for ring in range(len(limits)):
            own = rows[:, 1] == ring
            for index, (freed, taken) in enumerate(RING_COUNTERS):
                deltas = rows[own, len(_COLUMNS) - len(RING_COUNTERS) + index]
                samples[taken][own] = np.cumsum(np.maximum(deltas, 0))
                samples[freed][own] = np.cumsum(np.maximum(-deltas, 0))
        samples["tensormap_entries"] = NO_COUNT
        last = len(limits) - 1
        return RingUse(
            tuple(RingLimits(one.slots, one.heap_bytes, one.dependencies) for one in limits),
            tuple(RingScope(one.site, one.depth, min(one.depth, last)) for one in scopes),
            samples,
        )

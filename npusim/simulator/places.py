"""Where one scheduler thread can put blocks: idle cores and clusters, and pending slots.

Cores are bits of a mask, so the lowest bit is the first core in the order of the device: clusters
in order, within one AIC, AIV0, AIV1.
"""

from collections.abc import Callable, Sequence

from npusim.program import CoreType
from npusim.simulator.drain import Place
from npusim.simulator.machine import NEVER_PS, Core


class Places:
    """The slots of the cores of one thread."""

    def __init__(self, cores: Sequence[Core]) -> None:
        self.cores = list(cores)
        """In the order of their bits."""
        by_cluster: dict[int, list[Core]] = {}
        for core in self.cores:
            by_cluster.setdefault(core.cluster, []).append(core)
        self.clusters: list[Place] = [tuple(one) for one in by_cluster.values()]
        self._masks = {
            shape: sum(1 << core.bit for core in self.cores if core.core_type is shape)
            for shape in (CoreType.AIC, CoreType.AIV)
        }
        self._cluster_masks = [sum(1 << core.bit for core in one) for one in self.clusters]
        self._by_shape: dict[CoreType, list[Place]] = {
            CoreType.MIX: self.clusters,
            **{
                shape: [(core,) for core in self.cores if core.core_type is shape]
                for shape in (CoreType.AIC, CoreType.AIV)
            },
        }
        self.idle = sum(1 << core.bit for core in self.cores)
        """Cores that hold no block."""
        self.polled = 0
        """Cores whose running block is not behind a gate."""

    def update(self, core: Core) -> None:
        """A slot of the core has changed."""
        bit, running = 1 << core.bit, core.running
        self.idle = self.idle & ~bit if running is not None else self.idle | bit
        is_polled = running is not None and not running.is_gated
        self.polled = self.polled | bit if is_polled else self.polled & ~bit

    def set_idle(self, core: Core, *, is_idle: bool) -> None:
        """Say whether a core is idle, where somebody else keeps account of its slots."""
        bit = 1 << core.bit
        self.idle = self.idle | bit if is_idle else self.idle & ~bit

    def of_shape(self, shape: CoreType) -> Sequence[Place]:
        """All places of a shape, lowest first."""
        return self._by_shape[shape]

    def has_idle(self, shape: CoreType) -> bool:
        """True if a block of that shape fits on idle cores."""
        if shape is not CoreType.MIX:
            return bool(self.idle & self._masks[shape])
        return any(mask & self.idle == mask for mask in self._cluster_masks)

    def list_idle(self, shape: CoreType, limit: int | None = None) -> list[Place]:
        """Up to ``limit`` idle places, lowest first; all of them if None."""
        if shape is CoreType.MIX:
            idle = self.idle
            found = [
                place
                for place, mask in zip(self.clusters, self._cluster_masks, strict=True)
                if mask & idle == mask
            ]
            return found[:limit]
        places: list[Place] = []
        mask = self.idle & self._masks[shape]
        while mask and (limit is None or len(places) < limit):
            lowest = mask & -mask
            places.append((self.cores[lowest.bit_length() - 1],))
            mask ^= lowest
        return places

    def list_pending(self, shape: CoreType, is_acked: Callable[[Core], bool]) -> list[Place]:
        """Places that take at least one pending slot, lowest first."""
        found: list[Place] = []
        for place in self._by_shape[shape]:
            held = [core for core in place if core.running is not None]
            if held and all(core.pending is None and is_acked(core) for core in held):
                found.append(place)
        return found

    def pending_from_ps(self, shape: CoreType, acked_ps: Callable[[Core], int]) -> int:
        """From when on a pending place exists; ``NEVER_PS`` if that is not known.

        Args:
            shape: Of the blocks.
            acked_ps: When the thread has read the ACK of a running core.
        """
        best = NEVER_PS
        for place in self._by_shape[shape]:
            when = 0
            for core in place:
                if core.running is None:
                    continue
                is_free = core.pending is None and not core.running.is_gated
                when = max(when, acked_ps(core) if is_free else NEVER_PS)
                if when >= best:
                    break
            best = min(best, when)
        return best

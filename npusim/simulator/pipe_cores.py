"""Which cores of a chip a run looks into, from what the user wrote."""

from npusim.errors import UsageError
from npusim.hardware.spec import TopologySpec
from npusim.simulator.machine import build_cores

ALL_CORES = "all"


def choose_cores(wanted: str | None, topology: TopologySpec) -> tuple[str, ...]:
    """The lane names of the chosen cores, in lane order.

    Args:
        wanted: ``AIC[0],AIV[3]``, or ``all``; None for the first cluster.
        topology: The cores of the chip.

    Raises:
        UsageError: If a name is not a core of the chip, or none is given.
    """
    cores = build_cores(topology)
    if wanted is None:
        return tuple(core.lane_name for core in cores if core.cluster == 0)
    known = [core.lane_name for core in cores]
    if wanted.strip() == ALL_CORES:
        return tuple(known)
    names = {name.strip() for name in wanted.split(",") if name.strip()}
    for name in sorted(names):
        if name not in known:
            msg = f"pipe cores: {name!r} is not a core of the chip; expected {_examples(topology)}"
            raise UsageError(msg)
    if not names:
        msg = f"pipe cores: {wanted!r} names no core; expected {_examples(topology)}"
        raise UsageError(msg)
    return tuple(name for name in known if name in names)


def _examples(topology: TopologySpec) -> str:
    return (
        f"AIC[0] to AIC[{topology.aic_count - 1}] or AIV[0] to AIV[{topology.aiv_count - 1}], "
        f"with commas between them, or {ALL_CORES}"
    )

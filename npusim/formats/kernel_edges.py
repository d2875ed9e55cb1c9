"""Dependencies between tasks that run kernels, for files that know no other tasks."""

from collections.abc import Set as AbstractSet

from npusim.trace import Trace


def kernel_edges(trace: Trace) -> dict[int, list[int]]:
    """Successors of each task with kernels, as task indices, each once and in order.

    A dummy has no kernel: what depends on it depends on what it depends on.
    """
    with_kernels = set(trace.slices["task"].tolist())
    direct: dict[int, list[int]] = {}
    for pred, succ in zip(trace.edges["pred"].tolist(), trace.edges["succ"].tolist(), strict=True):
        direct.setdefault(pred, []).append(succ)
    return {task: reached(task, direct, with_kernels) for task in sorted(with_kernels)}


def reached(start: int, successors: dict[int, list[int]], stops: AbstractSet[int]) -> list[int]:
    """The members of ``stops`` that follow ``start`` with none of them in between, sorted."""
    found, seen, waiting = [], {start}, list(successors.get(start, ()))
    while waiting:
        succ = waiting.pop()
        if succ in seen:
            continue
        seen.add(succ)
        if succ in stops:
            found.append(succ)
        else:
            waiting += successors.get(succ, ())
    return sorted(found)

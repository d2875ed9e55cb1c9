"""What the rings need at least, against the simulation that finds out by running."""

import pytest

from npusim.errors import DeadlockError
from npusim.program import CoreType
from npusim.simulator.ring_needs import check_heap, heap_needs
from npusim.simulator.ring_sizes import RingSizes
from npusim.simulator.work import Allocation, RuntimeScope
from tests.runtime_builder import make_work, quick_chip, run

AIV = CoreType.AIV


def tasks(count):
    return [(f"t{index}", AIV, [100]) for index in range(count)]


def iterations(count):
    body = RuntimeScope(-1, 0, "the body of the kernel")
    return (body, *(RuntimeScope(0, 1, f"iteration {one}") for one in range(count)))


def needed(work):
    return {ring: need.nbytes for ring, need in heap_needs(work, 4).items()}


def nested():
    """Depths 3 and 4 share the last ring: what ended behind an open scope is not given back."""
    deep = tuple(RuntimeScope(index - 1, index, f"depth {index}") for index in range(4))
    inner = (RuntimeScope(3, 4, "inner 0"), RuntimeScope(3, 4, "inner 1"))
    scopes = (*deep, *inner)
    return make_work(tasks(4), scope=[3, 4, 5, 3], scopes=scopes, heap_bytes=[100, 30, 40, 7])


def held_by_a_later_user():
    """A buffer of iteration 0 that a task of iteration 1 uses too."""
    steps = {0: (Allocation(1, 1, 500, (0, 3)),)}
    return make_work(
        tasks(4), scope=[1, 1, 2, 2], scopes=iterations(2), steps=steps, heap_bytes=[0, 10, 20, 40]
    )


CASES = {
    "one scope": (
        make_work(tasks(3), scope=[0] * 3, scopes=iterations(0), heap_bytes=[5, 6, 7]), 18,
    ),
    "iterations": (
        make_work(tasks(4), scope=[1, 1, 2, 2], scopes=iterations(2), heap_bytes=[5, 6, 7, 1]), 11,
    ),
    "nested": (nested(), 177),
    "later user": (held_by_a_later_user(), 570),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_least_heap_is_enough_and_a_byte_less_is_not(name) -> None:
    work, nbytes = CASES[name]
    assert max(needed(work).values()) == nbytes
    sizes = RingSizes(heap_bytes=(nbytes,))
    chip = quick_chip()
    check_heap(work, chip.runtime, sizes)
    assert len(run(work, chip, rings=sizes).slices) == work.task_count
    less = RingSizes(heap_bytes=(nbytes - 1,))
    with pytest.raises(DeadlockError, match=rf"--ring-heap {nbytes} or more \(ring_heap\)"):
        check_heap(work, chip.runtime, less)
    with pytest.raises(DeadlockError):
        run(work, chip, rings=less)


def test_the_message_names_ring_submit_and_size() -> None:
    work, _ = CASES["iterations"]
    with pytest.raises(
        DeadlockError,
        match=r"^ring 1, output heap: task 1 \(t1\) in iteration 0 comes to 11 bytes that are held "
        r"at once; expected at most the 10 of the ring; split the scope .* --ring-heap 11 or more",
    ):
        check_heap(work, quick_chip().runtime, RingSizes(heap_bytes=(10,)))
    check_heap(work, quick_chip().runtime, RingSizes(heap_bytes=(1, 11, 1, 1)))

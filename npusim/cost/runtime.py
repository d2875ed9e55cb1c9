"""Cost of the runtime's own work on the AICPU, where it depends on counts."""

from npusim.hardware.spec import RuntimeSpec


def submit_ns(tensors: int, lookups: int, inserts: int, edges: int, runtime: RuntimeSpec) -> float:
    """Nanoseconds the orchestrator needs to submit one task, without the user's own code.

    Shapes: counts of one task.
    Model: ``fixed + tensors * t + lookups * l + inserts * i + edges * e``.
    Source: hardware figures runtime.submit_*_ns; HARDWARE.md section 6.2.
    Valid for: the tensormap_and_ringbuffer runtime with free slots and heap (no back-pressure).

    Args:
        tensors: Tensor arguments.
        lookups: TensorMap lookups.
        inserts: TensorMap inserts.
        edges: Dependency edges into the task.
        runtime: The runtime figures of the chip.

    Returns:
        Nanoseconds.
    """
    return (
        runtime.submit_fixed_ns
        + tensors * runtime.submit_per_tensor_ns
        + lookups * runtime.submit_per_lookup_ns
        + inserts * runtime.submit_per_insert_ns
        + edges * runtime.submit_per_edge_ns
    )


def resolve_ns(consumer_rank: int, runtime: RuntimeSpec) -> float:
    """Nanoseconds a scheduler needs for one consumer of a task that has completed.

    Shapes: ``consumer_rank`` counts from 0, in the order of the walk.
    Model: ``first`` for rank 0 (the walk is entered even if there is no consumer), ``next`` after.
    Source: hardware figures runtime.{resolve_first_ns, resolve_per_consumer_ns}; HARDWARE.md
        sections 6.4 and 6.6.
    Valid for: consumers in the same ring.
    """
    return runtime.resolve_per_consumer_ns if consumer_rank else runtime.resolve_first_ns

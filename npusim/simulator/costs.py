"""The costs of the runtime of a chip, as whole picoseconds."""

from dataclasses import dataclass

from npusim.cost import resolve_ns
from npusim.hardware.spec import RuntimeSpec
from npusim.simulator.options import SimulationOptions
from npusim.units import ns_to_ps


@dataclass(frozen=True, slots=True)
class RuntimeCosts:
    """What each act of a thread or of a core takes; see ``RuntimeSpec`` for their meaning."""

    user_code_ps: int
    scope_end_ps: int
    completion_ps: int
    resolve_first_ps: int
    resolve_next_ps: int
    pop_ps: int
    prepare_ps: int
    stage_ps: int
    """``prepare_ps`` of a block that is dispatched early."""
    fence_ps: int
    publish_ps: int
    store_visible_ps: int
    finish_visible_ps: int
    setup_ps: int
    gate_ps: int
    """From the doorbell seen to the start of a block that was staged."""
    switch_ps: int
    """From the end of a kernel until its core takes the next one."""


def runtime_costs(runtime: RuntimeSpec, options: SimulationOptions) -> RuntimeCosts:
    """The costs under the observers that ``options`` ask for."""
    observed = options.is_observed
    return RuntimeCosts(
        user_code_ps=ns_to_ps(runtime.submit_user_code_ns),
        scope_end_ps=ns_to_ps(runtime.scope_end_per_task_ns),
        completion_ps=ns_to_ps(runtime.completion_ns),
        resolve_first_ps=ns_to_ps(resolve_ns(0, runtime)),
        resolve_next_ps=ns_to_ps(resolve_ns(1, runtime)),
        pop_ps=ns_to_ps(runtime.pop_batch_ns),
        prepare_ps=ns_to_ps(runtime.prepare_block_ns),
        stage_ps=ns_to_ps(runtime.stage_block_ns),
        fence_ps=ns_to_ps(runtime.fence_ns),
        publish_ps=ns_to_ps(runtime.publish_block_ns),
        store_visible_ps=ns_to_ps(runtime.store_visible_ns),
        finish_visible_ps=ns_to_ps(runtime.finish_visible_ns),
        setup_ps=ns_to_ps(runtime.core_setup_swimlane_ns if observed else runtime.core_setup_ns),
        gate_ps=ns_to_ps(runtime.gate_to_start_ns),
        switch_ps=ns_to_ps(runtime.record_swimlane_ns if observed else runtime.core_switch_ns),
    )

"""Tasks, tensors and edges of a run as ``deps.json``.

The uint64 values of the device are JSON strings there, since other readers hold numbers as floats.
"""

from itertools import accumulate
from typing import Any

from npusim.formats.callables import Callables
from npusim.formats.layout import (
    COHORT_KEY,
    DUMMY_NAME_KEY,
    EDGE_FLAGS,
    EDGE_SOURCES,
    EXACT_RULE,
    PREDICATED_KEY,
)
from npusim.program import Argument, Program, Task, TensorInfo
from npusim.trace import EdgeSource, Trace

NO_ARGUMENT = -1
ADDRESS_ORIGIN_BYTES = 0x1_0000_0000
ADDRESS_ALIGNMENT_BYTES = 512
"""Buffers have no address in a recording; distinct aligned ones stand in, in tensor order."""

DEVICE_DTYPES = {
    "FP32": "FLOAT32",
    "FP16": "FLOAT16",
    "BF16": "BFLOAT16",
}
"""Names of the device recorder (simpler, data_type.h at 6ebaf7715) where the DSL has others."""


def build_dependencies(
    trace: Trace, program: Program | None, callables: Callables
) -> dict[str, list[dict[str, Any]]]:
    """The document of ``deps.json``: ``tasks``, ``tensors`` and ``edges``.

    Without ``program`` the tasks have no arguments and there are no tensors.
    """
    recorded = {task.task_id: task for task in program.tasks} if program else {}
    tensors = {tensor.tensor_id: tensor for tensor in program.tensors} if program else {}
    tasks = []
    for task, kernel_ids in zip(trace.tasks, callables.kernel_ids, strict=True):
        source = recorded.get(task.task_id)
        is_early = source.allow_early_resolve if source else task.has_early_dispatch
        entry = {
            "task_id": str(task.task_id),
            "scope": "manual" if source and source.is_manual else "auto",
            "early_dispatch": is_early,
            "kernel_ids": kernel_ids,
            "block_num": max(1, task.block_num),
            "args": _arguments(source, tensors) if source else [],
        }
        if task.is_dummy:
            entry[DUMMY_NAME_KEY] = task.name
        if task.is_predicated:
            entry[PREDICATED_KEY] = True
        if task.is_cohort:
            entry[COHORT_KEY] = True
        tasks.append(entry)
    return {
        "tasks": tasks,
        "tensors": _tensors(tensors),
        "edges": _edges(trace, recorded, tensors),
    }


def _arguments(task: Task, tensors: dict[int, TensorInfo]) -> list[dict[str, Any]]:
    return [
        {
            "idx": index,
            "type": _direction(argument),
            "tensor_id": str(argument.tensor_id),
            "dtype": _dtype_of(argument, tensors),
            **_region(argument, ""),
        }
        for index, argument in enumerate(task.arguments)
    ]


def _direction(argument: Argument) -> str:
    if argument.is_written:
        # The buffer exists before the task: a plain OUTPUT would be allocated by the submit.
        return "INOUT" if argument.is_read else "OUTPUT_EXISTING"
    return "INPUT"


def _dtype_of(argument: Argument, tensors: dict[int, TensorInfo]) -> str:
    dtype = tensors[argument.tensor_id].dtype
    return DEVICE_DTYPES.get(dtype, dtype)


def _region(argument: Argument, prefix: str) -> dict[str, Any]:
    return {
        f"{prefix}shape": argument.shape,
        f"{prefix}start_offset": str(argument.offset),
        f"{prefix}strides": argument.strides,
    }


def _tensors(tensors: dict[int, TensorInfo]) -> list[dict[str, Any]]:
    granules = (-(-tensor.nbytes // ADDRESS_ALIGNMENT_BYTES) for tensor in tensors.values())
    ends = accumulate(granules, initial=0)
    return [
        {
            "tensor_id": str(tensor.tensor_id),
            "buffer_addr": str(ADDRESS_ORIGIN_BYTES + granule * ADDRESS_ALIGNMENT_BYTES),
            "version": 0,
            "dtype": DEVICE_DTYPES.get(tensor.dtype, tensor.dtype),
            "buffer_numel": str(_element_count(tensor)),
        }
        for tensor, granule in zip(tensors.values(), ends, strict=False)
    ]


def _element_count(tensor: TensorInfo) -> int:
    count = 1
    for extent in tensor.shape:
        count *= extent
    return count


def _edges(
    trace: Trace, recorded: dict[int, Task], tensors: dict[int, TensorInfo]
) -> list[dict[str, Any]]:
    edges = []
    for pred_index, succ_index, code in trace.edges.tolist():
        source = EdgeSource(code)
        pred = trace.tasks[pred_index].task_id
        succ = trace.tasks[succ_index].task_id
        cause = None
        if source is not EdgeSource.EXPLICIT and pred in recorded and succ in recorded:
            cause = _shared_argument(recorded[pred], recorded[succ])
        edge: dict[str, Any] = {
            "pred": str(pred),
            "succ": str(succ),
            "arg": cause[0] if cause else NO_ARGUMENT,
            "source": EDGE_SOURCES[source],
            "flags": EDGE_FLAGS[source],
        }
        if source is EdgeSource.REGION:
            edge["rule"] = EXACT_RULE
        if cause:
            _, producer, consumer = cause
            edge["tensor_id"] = str(consumer.tensor_id)
            edge["consumer_dtype"] = _dtype_of(consumer, tensors)
            edge |= _region(consumer, "consumer_") | _region(producer, "producer_")
        edges.append(edge)
    return edges


def _shared_argument(pred: Task, succ: Task) -> tuple[int, Argument, Argument] | None:
    """Position of the first argument of ``succ`` in a tensor that ``pred`` wrote, and both."""
    written = {a.tensor_id: a for a in reversed(pred.arguments) if a.is_written}
    for index, consumer in enumerate(succ.arguments):
        producer = written.get(consumer.tensor_id)
        if producer is not None and not consumer.is_no_dep:
            return index, producer, consumer
    return None

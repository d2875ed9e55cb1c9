"""A kernel for several ranks: a host function that hands slices to child kernels."""

import pypto.language as pl
import pypto.language.distributed as pld
from pypto.ir.distributed_compiled_program import DistributedConfig


@pl.jit
def child(
    x: pl.Tensor[[16, 64], pl.FP32], signal: pl.InOut[pld.DistributedTensor[[2, 1], pl.INT32]]
):
    pld.system.notify(signal, op=pld.NotifyOp.AtomicAdd)


@pl.jit.host
def drive(x: pl.Tensor[[2, 16, 64], pl.FP32]):
    for rank in pl.range(pld.world_size()):
        child(x[rank], device=rank)


if __name__ == "__main__":
    import torch
    from golden import TensorSpec, run_jit

    run_jit(
        fn=drive,
        specs=[TensorSpec("x", [2, 16, 64], torch.float32, is_output=True, resident="stacked")],
        compile_cfg={"distributed_config": DistributedConfig(device_ids=[0, 1])},
        runtime_cfg={"platform": "a2a3"},
    )

"""A kernel with an external part, which needs a stand-in."""

import pypto.language as pl
import torch
from golden import TensorSpec, run_jit


@pl.jit.extern(core_type="aiv", source="negate.cpp")
def negate_cce(x: pl.Tensor, out: pl.Out[pl.Tensor]) -> pl.Tensor: ...


@pl.jit
def negate(x: pl.Tensor[[16, 16], pl.FP32], out: pl.Out[pl.Tensor[[16, 16], pl.FP32]]):
    with pl.spmd(1, name_hint="external"):
        negate_cce(x, out)
    return out


def golden(tensors) -> None:
    tensors["out"][:] = -tensors["x"]


if __name__ == "__main__":
    result = run_jit(
        fn=negate,
        specs=[
            TensorSpec("x", [16, 16], torch.float32, init_value=torch.randn),
            TensorSpec("out", [16, 16], torch.float32, is_output=True),
        ],
        golden_fn=golden,
    )
    raise SystemExit(0 if result.passed else 1)

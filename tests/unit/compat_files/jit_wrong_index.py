"""A kernel that reads before its tensor; the error must point here."""

import pypto.language as pl


@pl.jit.inline
def read_far(x):
    return pl.load(x, [-8, 0], [16, 64])


@pl.jit
def outside(x: pl.Tensor[[16, 64], pl.FP32], y: pl.Out[pl.Tensor[[16, 64], pl.FP32]]):
    with pl.at(level=pl.Level.CORE_GROUP, name_hint="outside"):
        y[:, :] = read_far(x)


if __name__ == "__main__":
    import torch
    from golden import TensorSpec, run_jit

    run_jit(
        fn=outside,
        specs=[
            TensorSpec("x", [16, 64], torch.float32, init_value=1),
            TensorSpec("y", [16, 64], torch.float32, is_output=True),
        ],
        golden_fn=lambda _: None,
        runtime_cfg={"platform": "a2a3"},
    )

"""A kernel with an operation that no DSL has."""

import pypto.language as pl


@pl.jit
def mystery(x: pl.Tensor[[16, 64], pl.FP32]):
    with pl.at(level=pl.Level.CORE_GROUP, name_hint="mystery"):
        x[:, :] = pl.untangle(x[:, :])


if __name__ == "__main__":
    import torch
    from golden import TensorSpec, run_jit

    specs = [TensorSpec("x", [16, 64], torch.float32, init_value=1, is_output=True)]
    result = run_jit(fn=mystery, specs=specs, golden_fn=lambda _: None, runtime_cfg={})

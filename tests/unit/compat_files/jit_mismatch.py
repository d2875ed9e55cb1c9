"""A kernel that does not do what its golden says: the comparator must fail."""
# ruff: noqa: T201 - written as upstream kernel files are

import pypto.language as pl


@pl.jit
def double(x: pl.Tensor[[16, 64], pl.FP32], y: pl.Out[pl.Tensor[[16, 64], pl.FP32]]):
    with pl.at(level=pl.Level.CORE_GROUP, name_hint="double"):
        y[:, :] = pl.add(x[:, :], x[:, :])


if __name__ == "__main__":
    import torch
    from golden import TensorSpec, ratio_allclose, run_jit

    def golden_triple(tensors):
        tensors["y"][:] = tensors["x"] * 3

    result = run_jit(
        fn=double,
        specs=[
            TensorSpec("x", [16, 64], torch.float32, init_value=1),
            TensorSpec("y", [16, 64], torch.float32, is_output=True),
        ],
        golden_fn=golden_triple,
        runtime_cfg={"platform": "a2a3"},
        compare_fn={"y": ratio_allclose(atol=0.1, rtol=0.1)},
    )
    if not result.passed:
        print(result.error)
        raise SystemExit(1)

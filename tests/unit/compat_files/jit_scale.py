"""A ``pl.jit`` kernel with the harness keywords of spring 2026."""
# ruff: noqa: PLC0415, T201 - written as upstream kernel files are

import pypto.language as pl
from shared_shapes import COLS, ROWS


@pl.jit
def scale_rows(
    x: pl.Tensor[[ROWS, COLS], pl.BF16],
    factor: pl.Scalar[pl.FP32],
    y: pl.Out[pl.Tensor[[ROWS, COLS], pl.BF16]],
):
    for r in pl.parallel(0, ROWS, 16):
        with pl.at(level=pl.Level.CORE_GROUP, name_hint="scale"):
            tile = pl.cast(x[r : r + 16, 0:COLS], pl.FP32)
            y[r : r + 16, 0:COLS] = pl.cast(pl.mul(tile, factor), pl.BF16, mode="rint")
    return y


def build_tensor_specs(factor):
    import torch
    from golden import ScalarSpec, TensorSpec

    return [
        TensorSpec("x", [ROWS, COLS], torch.bfloat16, init_value=torch.randn),
        ScalarSpec("factor", torch.float32, factor),
        TensorSpec("y", [ROWS, COLS], torch.bfloat16, is_output=True),
    ]


def golden_scale(tensors):
    import torch

    tensors["y"][:] = (tensors["x"].float() * tensors["factor"]).to(torch.bfloat16)


if __name__ == "__main__":
    import argparse

    from golden import ratio_allclose, run_jit

    parser = argparse.ArgumentParser()
    parser.add_argument("-p", "--platform", default="a2a3", choices=["a2a3", "a2a3sim", "a5"])
    parser.add_argument("-d", "--device", type=int, default=0)
    parser.add_argument("--factor", type=float, default=1.5)
    parser.add_argument("--enable-l2-swimlane", nargs="?", const=4, default=0, type=int)
    parser.add_argument("--enable-pmu", nargs="?", const=2, default=0, type=int)
    args = parser.parse_args()
    result = run_jit(
        fn=scale_rows,
        specs=build_tensor_specs(args.factor),
        golden_fn=golden_scale,
        runtime_cfg=dict(  # noqa: C408 - as upstream writes it
            platform=args.platform,
            device_id=args.device,
            enable_l2_swimlane=args.enable_l2_swimlane,
            enable_pmu=args.enable_pmu,
        ),
        rtol=1e-3,
        atol=1e-3,
        compare_fn={"y": ratio_allclose(atol=1e-4, rtol=1.0 / 128)},
    )
    if not result.passed:
        print(result.error)
        raise SystemExit(1)

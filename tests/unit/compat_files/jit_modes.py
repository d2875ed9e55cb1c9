"""Two harness calls in one file, with the keywords of August 2026; one output is in and out."""
# ruff: noqa: PLC0415, T201 - written as upstream kernel files are

import pypto.language as pl

N_DYN = pl.dynamic("N_DYN")


@pl.jit
def accumulate(
    x: pl.Tensor[[N_DYN, 128], pl.FP32], total: pl.InOut[pl.Tensor[[N_DYN, 128], pl.FP32]]
):
    rows = pl.tensor.dim(x, 0)
    with pl.spmd(rows // 16, name_hint="accumulate") as tid:  # noqa: F841 - as upstream
        r = pl.tile.get_block_idx() * 16
        total[r : r + 16, 0:128] = pl.add(total[r : r + 16, 0:128], x[r : r + 16, 0:128])
    return total


def golden_accumulate(tensors):
    tensors["total"][:] = tensors["total"] + tensors["x"]


def build_tensor_specs(rows):
    import torch
    from golden import TensorSpec

    torch.manual_seed(7)
    return [
        TensorSpec("x", [rows, 128], torch.float32, init_value=lambda: torch.randn(rows, 128)),
        TensorSpec("total", [rows, 128], torch.float32, init_value=0.5, is_output=True),
    ]


if __name__ == "__main__":
    import argparse

    from golden import ratio_reldiff, run_jit

    parser = argparse.ArgumentParser()
    parser.add_argument("-p", "--platform", default="a2a3", choices=["a2a3", "a5"])
    parser.add_argument("--enable-chip-swimlane", action="store_true", default=False)
    parser.add_argument("--enable-dep-gen", action="store_true", default=False)
    parser.add_argument("--enable-scope-stats", action="store_true", default=False)
    parser.add_argument("--save-data", action="store_true", default=False)
    parser.add_argument("--golden-data", default=None)
    parser.add_argument("--compile-only", action="store_true", default=False)
    args = parser.parse_args()
    for rows in (32, 64):
        result = run_jit(
            fn=accumulate,
            specs=build_tensor_specs(rows),
            golden_fn=golden_accumulate,
            golden_data=args.golden_data,
            save_data=args.save_data,
            compile_only=args.compile_only,
            compile_cfg={"dump_passes": False},
            runtime_cfg={
                "platform": args.platform,
                "device_id": 0,
                "enable_chip_swimlane": args.enable_chip_swimlane,
                "enable_dep_gen": args.enable_dep_gen,
                "enable_scope_stats": args.enable_scope_stats,
            },
            compare_fn={"total": ratio_reldiff(diff_thd=1e-3, pct_thd=0.0)},
        )
        if not result.passed:
            print(result.error)
            raise SystemExit(1)

"""A ``pl.program`` class made in a builder, as the older examples are."""
# ruff: noqa: RET504 - written as upstream kernel files are

import pypto.language as pl


def build_program(rows=32, cols=64):
    @pl.program
    class AddOne:
        @pl.function(type=pl.FunctionType.Opaque)
        def add_scalar(
            self,
            x: pl.Tensor[[rows, cols], pl.FP32],
            a: pl.Scalar[pl.FP32],
            y: pl.Out[pl.Tensor[[rows, cols], pl.FP32]],
        ) -> pl.Tensor[[rows, cols], pl.FP32]:
            with pl.at(level=pl.Level.CORE_GROUP):
                y = pl.assemble(y, pl.add(pl.slice(x, [rows, cols], [0, 0]), a), [0, 0])
            return y

    return AddOne


if __name__ == "__main__":
    import torch
    from golden import ScalarSpec, TensorSpec, run

    def golden_add(values):
        values["y"][:] = values["x"] + values["a"]

    result = run(
        program=build_program(),
        specs=[
            TensorSpec("x", [32, 64], torch.float32, init_value=torch.rand),
            ScalarSpec("a", torch.float32, 1.0),
            TensorSpec("y", [32, 64], torch.float32, is_output=True),
        ],
        golden_fn=golden_add,
        compile_cfg={"dump_passes": True},
        runtime_cfg={"platform": "a2a3", "device_id": 0, "enable_l2_swimlane": False},
    )
    if not result.passed:
        raise SystemExit(1)

"""A kernel that its file calls itself, compiled and directly, without the harness."""

import argparse

import pypto.language as pl
import torch
from pypto.runtime import RunConfig

ROWS, COLS = 32, 128


@pl.jit
def add_rows(
    x: pl.Tensor[[ROWS, COLS], pl.FP32],
    y: pl.Tensor[[ROWS, COLS], pl.FP32],
    out: pl.Out[pl.Tensor[[ROWS, COLS], pl.FP32]],
):
    for i in pl.spmd(2, name_hint="add"):
        half = ROWS // 2
        out[i * half : (i + 1) * half, :] = pl.add(
            x[i * half : (i + 1) * half, :], y[i * half : (i + 1) * half, :]
        )
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-p", "--platform", default="a2a3")
    parser.add_argument("--lower", action="store_true")
    parser.add_argument("--few", action="store_true")
    arguments = parser.parse_args()
    x = torch.arange(ROWS * COLS, dtype=torch.float32).reshape(ROWS, COLS)
    y, out = torch.ones(ROWS, COLS), torch.zeros(ROWS, COLS)
    config = RunConfig(platform=arguments.platform, enable_dep_gen=True, dump_passes=False)
    if arguments.lower:
        assert not add_rows.lower(x, y, out).functions
        return
    if arguments.few:
        add_rows(x, y, config=config)
    program = add_rows.compile(x, y, out, config=config)
    assert program.output_dir.is_dir()
    program(x, y, out, config=config)
    assert torch.equal(out, x + 1)
    add_rows(x, out, out, config=config)
    assert torch.equal(out, 2 * x + 1)


if __name__ == "__main__":
    main()

"""npusim: run, verify, simulate and explain tiled Ascend NPU kernels on an ordinary computer."""

__version__ = "0.1.0"

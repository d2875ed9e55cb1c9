"""``golden``, ``golden.runner``, ``golden.spec`` and ``golden.validation``."""

from npusim.compat.comparators import ratio_allclose, ratio_reldiff
from npusim.compat.distribution import error_distribution
from npusim.compat.harness import RunResult, run, run_jit
from npusim.compat.pool import mapped_pool_ratio_allclose
from npusim.compat.specs import ScalarSpec, TensorSpec
from npusim.compat.topk import topk_pair_compare
from npusim.compat.validation import validate_golden

__all__ = [
    "RunResult",
    "ScalarSpec",
    "TensorSpec",
    "error_distribution",
    "mapped_pool_ratio_allclose",
    "ratio_allclose",
    "ratio_reldiff",
    "run",
    "run_jit",
    "topk_pair_compare",
    "validate_golden",
]

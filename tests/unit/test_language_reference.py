"""The op reference page, the namespaces, and what a device may do otherwise."""

from pathlib import Path

import numpy as np
import pytest

import npusim.language as pl
from npusim.errors import KernelError
from npusim.language.namespaces import OPERATIONS
from npusim.language.reference import reference_page
from npusim.language.table import op_rows

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ops.md"
X = np.linspace(0.1, 4.0, 32, dtype=np.float32).reshape(1, 32)


def run(body, *arrays, out):
    def kernel(*handles):
        with pl.at(name_hint="op"):
            pl.assemble(handles[-1], body(*handles[:-1]), [0] * out.ndim)

    names = {f"x{i}": x for i, x in enumerate(arrays)}
    pl.record(kernel, {**names, "out": out}, outputs={"out"})
    return out


def test_the_page_is_that_of_the_table():
    expected = reference_page()
    assert PAGE.read_text(encoding="utf-8") == expected, (
        "docs/ops.md is out of date; run `python -m npusim.language.reference > docs/ops.md`"
    )


def test_every_operation_is_at_all_three_levels_and_says_its_shapes():
    for name, function in OPERATIONS.items():
        assert getattr(pl.tile, name) is function
        assert getattr(pl.tensor, name) is function
        is_scalar_form = name.endswith("s") and OPERATIONS.get(name[:-1]) is function
        assert is_scalar_form or getattr(pl, name) is function, name


@pytest.mark.parametrize(
    ("use", "path"),
    [
        (lambda: pl.foo, r"pl\.foo"),
        (lambda: pl.tile.foo, r"pl\.tile\.foo"),
        (lambda: pl.tensor.foo, r"pl\.tensor\.foo"),
        (lambda: pl.system.foo, r"pl\.system\.foo"),
        (lambda: pl.prefetch.foo, r"pl\.prefetch\.foo"),
    ],
)
def test_an_unknown_name_says_where_and_what_there_is(use, path):
    match = (
        rf"^test_language_reference\.py:\d+: {path} is not an operation npusim knows; expected one "
        r"of DSL_REFERENCE\.md section 5"
    )
    with pytest.raises(KernelError, match=match):
        use()


def test_an_unknown_name_is_an_attribute_error_too():
    assert not hasattr(pl, "foo")
    assert not hasattr(pl.tile, "foo")
    assert getattr(pl, "foo", None) is None
    with pytest.raises(AttributeError):
        pl.__wrapped__  # noqa: B018
    error = pl.UnknownOperationError("pl.foo")
    assert type(error)(*error.args).args == error.args


def approximated(operation, exact):
    """numpy is exact to rounding; the fast form of a device is within 1e-3 of it."""

    def check():
        ours = run(operation, X, out=np.zeros_like(X))
        np.testing.assert_array_equal(ours, exact)
        device = exact.astype(np.float16).astype(np.float32)  # 11 bits: as exact as a fast form
        assert not np.array_equal(device, ours)
        np.testing.assert_allclose(device, ours, rtol=1e-3)

    return check


def infinite_padding():
    """Finite limits and infinities agree after the exponential of a softmax."""

    def masked(x):
        return pl.fillpad(pl.set_validshape(x[:, :], 1, 30), pad_value=pl.PadValue.min)

    ours = run(masked, X, out=np.zeros_like(X))
    device = np.where(np.arange(32) < 30, X, -np.inf)
    assert np.isfinite(ours).all()
    assert not np.array_equal(ours, device)
    np.testing.assert_array_equal(np.exp(ours - ours.max()), np.exp(device - device.max()))


def ties():
    """Any order of equal values is right; their values agree."""
    equal = np.zeros((1, 32), np.float32)
    labels = pl.UINT32
    ours = run(
        lambda x: pl.gather(
            pl.sort32(x, pl.arange(0, [1, 32], dtype=labels)),
            mask_pattern=pl.MaskPattern.P1010,
            output_dtype=pl.INT32,
        ),
        equal,
        out=np.zeros((1, 32), np.int32),
    )
    assert ours[0].tolist() == list(range(32))
    device = ours[:, ::-1]
    assert equal[0, device[0]].tolist() == equal[0, ours[0]].tolist()


def merged_ties():
    pairs = np.zeros((1, 64), np.float32)
    pairs.view(np.uint32)[0, 1::2] = np.arange(32)
    ours = run(lambda x: pl.mrgsort(x, x), pairs, out=np.zeros((1, 128), np.float32))
    labels = ours.view(np.uint32)[0, 1::2]
    assert labels.tolist() == [*range(32), *range(32)]


def later_rows():
    """The device leaves all rows but the first undefined."""
    ours = run(lambda: pl.arange(0, [2, 8]), out=np.zeros((2, 8), np.int32))
    assert ours.tolist() == [list(range(8)), list(range(8, 16))]


def chained_cast():
    """FP32 to INT8 is FP32 to FP16 to INT8 on the device: it rounds twice."""
    x = np.full((1, 32), 2.4999, np.float32)

    def chain(t):
        return pl.cast(pl.cast(t, pl.FP16, mode="rint"), pl.INT8, mode="round")

    ours = run(lambda t: pl.cast(t, pl.INT8, mode="round"), x, out=np.zeros((1, 32), np.int8))
    device = run(chain, x, out=np.zeros((1, 32), np.int8))
    assert (ours[0, 0], device[0, 0]) == (2, 3)


def packed_mask():
    """A device mask of tiles has one bit per element; ours unpacks to the same flags."""
    ours = run(lambda x: pl.cmp(x, 2.0, pl.CmpMode.GT), X, out=np.zeros_like(X))
    device = np.packbits(X[0] > 2, bitorder="little")
    assert np.unpackbits(device, bitorder="little").tolist() == ours[0].tolist()


def order_of_sums():
    """Sums in another order differ in the last bits only."""
    rng = np.random.default_rng(5)
    a, b = (rng.normal(size=(16, 512)).astype(np.float32) for _ in range(2))
    ours = run(lambda a, b: pl.matmul(a, b, b_trans=True), a, b, out=np.zeros((16, 16), np.float32))
    device = np.zeros((16, 16), np.float32)
    for k in reversed(range(0, 512, 16)):
        device += a[:, k : k + 16] @ b[:, k : k + 16].T
    assert not np.array_equal(ours, device)
    np.testing.assert_allclose(ours, device, rtol=1e-4, atol=1e-4)


DIFFERENCES = {
    "div": approximated(lambda x: pl.div(pl.full([1, 32], pl.FP32, 1.0), x), 1 / X),
    "divs": approximated(lambda x: pl.div(1.0, x), 1 / X),
    "exp": approximated(pl.exp, np.exp(X)),
    "log": approximated(pl.log, np.log(X)),
    "rsqrt": approximated(lambda x: pl.rsqrt(x, high_precision=True), 1 / np.sqrt(X)),
    "recip": approximated(pl.recip, 1 / X),
    "fillpad": infinite_padding,
    "sort32": ties,
    "mrgsort": merged_ties,
    "arange": later_rows,
    "cast": chained_cast,
    "cmp": packed_mask,
    "matmul": order_of_sums,
    "matmul_acc": order_of_sums,
}


def test_every_difference_has_a_case():
    assert {row.kind.name for row in op_rows() if row.differs} == set(DIFFERENCES)


@pytest.mark.parametrize("name", sorted(DIFFERENCES))
def test_what_a_device_may_do_otherwise(name):
    DIFFERENCES[name]()

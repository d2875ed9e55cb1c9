import types

import ml_dtypes
import numpy as np
import pytest

from npusim.errors import KernelError
from npusim.golden import ScalarSpec, TensorSpec, cast_array, make_inputs

BF16 = types.SimpleNamespace(numpy=np.dtype(ml_dtypes.bfloat16))
"""Stands for a dtype of the DSL: what counts is its attribute ``numpy``."""


def test_initial_values_of_every_form() -> None:
    ramp = np.arange(6, dtype=np.float64).reshape(2, 3)
    inputs = make_inputs(
        [
            TensorSpec("zeros", [2, 3], np.float32),
            TensorSpec("filled", (2,), np.int8, init_value=-3),
            TensorSpec("given", (2, 3), BF16, init_value=ramp),
            TensorSpec("made", (2, 3), np.dtype(np.float16), init_value=lambda: ramp),
            ScalarSpec("n", np.int32, 7),
        ]
    )
    assert list(inputs) == ["zeros", "filled", "given", "made", "n"]
    assert inputs["zeros"].tolist() == [[0] * 3] * 2
    assert inputs["filled"].tolist() == [-3, -3]
    assert inputs["given"].dtype == ml_dtypes.bfloat16
    assert inputs["made"].dtype == np.float16
    assert inputs["given"].astype(float).tolist() == ramp.tolist()
    assert (inputs["n"].shape, inputs["n"].dtype, int(inputs["n"])) == ((), np.int32, 7)


def test_a_kernel_cannot_spoil_the_next_inputs() -> None:
    spec = TensorSpec("x", (2,), np.float32, init_value=np.ones(2, np.float32))
    make_inputs([spec])["x"][0] = 5.0
    assert make_inputs([spec])["x"].tolist() == [1, 1]


def test_a_transposed_value_becomes_row_major() -> None:
    value = np.arange(6, dtype=np.float32).reshape(2, 3).T
    array = make_inputs([TensorSpec("x", (3, 2), np.float32, init_value=value)])["x"]
    assert array.flags.c_contiguous
    assert np.array_equal(array, value)


def test_the_shape_and_dtype_are_normalised() -> None:
    spec = TensorSpec("x", [4, 2], BF16)
    assert (spec.shape, spec.dtype, spec.nbytes) == ((4, 2), ml_dtypes.bfloat16, 16)


@pytest.mark.parametrize(
    "dtype", ["bf16", None, object, types.SimpleNamespace, 7, types.SimpleNamespace(numpy=3)]
)
def test_a_foreign_dtype_is_refused(dtype: object) -> None:
    with pytest.raises(KernelError, match=r"^tensor x: dtype is .*; expected a numpy dtype or one"):
        TensorSpec("x", (1,), dtype)


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(KernelError, match=r"^tensor x: shape is \(2, -1\); expected lengths"):
        TensorSpec("x", (2, -1), np.float32)


def test_a_value_of_another_shape_is_refused() -> None:
    spec = TensorSpec("x", (2,), np.float32, init_value=np.zeros(3))
    with pytest.raises(KernelError, match=r"^tensor x: init_value has shape \(3,\); expected \(2,"):
        make_inputs([spec])


@pytest.mark.parametrize("value", [300, float("nan")])
def test_a_number_that_does_not_fit_is_refused(value: float) -> None:
    with pytest.raises(KernelError, match=r"^tensor x: value .* does not fit int8"):
        make_inputs([TensorSpec("x", (2,), np.int8, init_value=value)])


def test_a_scalar_is_checked_when_it_is_specified() -> None:
    with pytest.raises(KernelError, match=r"^scalar n: value 300 does not fit int8"):
        ScalarSpec("n", np.int8, 300)
    with pytest.raises(KernelError, match=r"^scalar n: value is 'three'; expected a number"):
        ScalarSpec("n", np.int8, "three")


def test_two_arguments_of_one_name_are_refused() -> None:
    with pytest.raises(KernelError, match=r"^argument x: specified twice; expected unique names"):
        make_inputs([TensorSpec("x", (1,), np.int8), ScalarSpec("x", np.int8, 1)])


@pytest.mark.parametrize("values", [np.array([0, np.nan]), np.array([300.0, 1]), np.array([-129])])
def test_an_integer_never_wraps(values: np.ndarray) -> None:
    with pytest.raises(KernelError, match=r"^codes: values from .* do not fit int8; expected -128"):
        cast_array(values, np.dtype(np.int8), where="codes")


def test_values_at_the_limits_of_an_integer_fit() -> None:
    cast = cast_array(np.array([-128.0, 127.9]), np.dtype(np.int8), where="codes")
    assert cast.tolist() == [-128, 127]


def test_the_limits_of_an_integer_are_not_rounded() -> None:
    with pytest.raises(KernelError, match=r"^codes: values from 2147483648\.0 to 2147483648\.0 do"):
        cast_array(np.array([2.0**31], np.float32), np.dtype(np.int32), where="codes")


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(KernelError, match=r"^x: .* cannot become float32 \(.*\); expected numbers"):
        cast_array(["a"], np.dtype(np.float32), where="x")


def test_float64_rounds_to_bfloat16_through_float32_as_torch_does() -> None:
    value = np.array([1.0 + 2.0**-8 + 2.0**-40])  # a float32 tie only after the first rounding
    cast = cast_array(value, np.dtype(ml_dtypes.bfloat16), where="x")
    assert cast.astype(float).tolist() == [1.0]

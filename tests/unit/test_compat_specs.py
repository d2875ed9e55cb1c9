import ml_dtypes
import numpy as np
import pytest

from npusim.errors import FileFormatError, UsageError

torch = pytest.importorskip("torch", reason="specs make torch tensors")

from npusim.compat.arguments import load_arguments, make_arguments, save_tensors  # noqa: E402
from npusim.compat.specs import ScalarSpec, TensorSpec  # noqa: E402
from npusim.compat.torch_bridge import deferred_clone, numpy_view  # noqa: E402


@pytest.mark.parametrize(
    ("init", "values"),
    [
        (None, [0, 0, 0]),
        (2.5, [2.5, 2.5, 2.5]),
        (torch.ones, [1, 1, 1]),
        (lambda: torch.arange(3), [0, 1, 2]),
        (lambda: [3, 4, 5], [3, 4, 5]),
        (torch.tensor([1.0, 2.0, 3.0]), [1, 2, 3]),
    ],
)
def test_initial_values_of_every_form(init, values: list[float]) -> None:
    tensor = TensorSpec("x", [3], torch.float32, init_value=init).create_tensor()
    assert tensor.dtype == torch.float32
    assert tensor.tolist() == values


def test_random_values_follow_the_seed() -> None:
    spec = TensorSpec("x", [4], torch.bfloat16, init_value=torch.randn)
    torch.manual_seed(5)
    expected = torch.randn(4, dtype=torch.bfloat16)
    torch.manual_seed(5)
    assert torch.equal(spec.create_tensor(), expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TensorSpec("x", [2], torch.int8, init_value="a").create_tensor(), "init_value is"),
        (lambda: TensorSpec("x", [2], torch.int8, resident=True), "resident is True; expected"),
        (lambda: TensorSpec("x", [2], torch.int8, resident=-1), "resident is -1; expected None"),
    ],
)
def test_wrong_tensor_specs(make, message: str) -> None:
    with pytest.raises(UsageError, match=rf"^TensorSpec x: {message}"):
        make()


def test_a_value_of_another_shape_is_refused() -> None:
    spec = TensorSpec("x", [2, 2], torch.int8, init_value=lambda: torch.zeros(4))
    message = r"^tensor x \[2, 2\] int8: init_value has shape \[4\]; expected the shape of the spec"
    with pytest.raises(UsageError, match=message):
        spec.create_tensor()


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("int32", 7), ("bool", True), ("float32", 0.1), ("bfloat16", 0.1), ("uint8", 255)],
)
def test_scalars_are_rounded_to_their_type(dtype: str, value: float) -> None:
    kind = getattr(torch, dtype)
    spec = ScalarSpec("s", kind, value)
    assert spec.to_python() == torch.tensor(value, dtype=kind).item()
    assert ScalarSpec("s", kind, spec.value).value is spec.value


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        ("int8", 128, r"value is 128; expected an integer from -128 to 127"),
        ("int32", 1.0, r"value is 1.0; expected an integer"),
        ("int32", True, r"value is True; expected an integer"),
        ("bool", 1, r"value is 1; expected True or False"),
        ("float32", "1", r"value is '1'; expected a number"),
        ("int16", 1, r"value is of type int16; expected one of int8"),
        ("int32", torch.zeros(2), r"value is a tensor of shape \[2\]"),
    ],
)
def test_wrong_scalars(dtype: str, value: object, message: str) -> None:
    with pytest.raises(UsageError, match=rf"^ScalarSpec s: {message}"):
        ScalarSpec("s", getattr(torch, dtype), value)


@pytest.mark.parametrize(
    ("torch_type", "numpy_type"),
    [
        ("bfloat16", ml_dtypes.bfloat16),
        ("float8_e4m3fn", ml_dtypes.float8_e4m3fn),
        ("float16", np.float16),
        ("int8", np.int8),
        ("uint16", np.uint16),
        ("bool", np.bool_),
    ],
)
@pytest.mark.parametrize("shape", [(2, 3), ()])
def test_views_share_memory(torch_type: str, numpy_type, shape: tuple[int, ...]) -> None:
    tensor = torch.zeros(shape).to(getattr(torch, torch_type))
    view = numpy_view("x", tensor)
    assert (view.dtype, view.shape) == (np.dtype(numpy_type), shape)
    view[...] = 1
    assert tensor.to(torch.float32).sum() == max(1, np.prod(shape))


def test_a_strided_tensor_has_no_view() -> None:
    with pytest.raises(UsageError, match=r"^tensor x: on cpu, strides \(1, 2\); expected a contig"):
        numpy_view("x", torch.zeros(3, 2).T)


def test_arguments_never_share_memory() -> None:
    base = torch.zeros(4)
    specs = [
        TensorSpec("a", [4], torch.float32, init_value=base),
        TensorSpec("b", [4], torch.float32, init_value=lambda: base, is_output=True),
        TensorSpec("c", [4], torch.float32, init_value=lambda: base),
    ]
    arguments = make_arguments(specs)
    arrays = arguments.for_kernel()
    arrays["a"][...], arrays["b"][...] = 1, 2
    assert base.tolist() == [0] * 4
    assert [int(arguments.values[name][0]) for name in "abc"] == [1, 2, 0]
    assert list(arguments.outputs()) == ["b"]
    assert list(arguments.inputs()) == ["a", "c"]


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([], r"^specs: none given; expected one per parameter"),
        (["x"], r"^specs\[0\] is 'x'; expected a TensorSpec or ScalarSpec of golden"),
    ],
)
def test_wrong_specs(specs: list[object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_arguments(specs)


def test_a_name_twice_is_refused() -> None:
    specs = [TensorSpec("x", [1], torch.int8)] * 2
    with pytest.raises(UsageError, match=r"^specs: 'x' comes twice; expected each parameter once"):
        make_arguments(specs)


def test_saved_arguments_come_back(tmp_path) -> None:
    specs = [
        TensorSpec("x", [3], torch.bfloat16, init_value=torch.rand),
        ScalarSpec("n", torch.int32, 9),
        TensorSpec("y", [3], torch.float32, is_output=True),
    ]
    arguments = make_arguments(specs)
    assert list(arguments.given()) == ["x", "n"]
    save_tensors(tmp_path / "in", arguments.given())
    loaded = load_arguments(specs, tmp_path)
    assert torch.equal(loaded.values["x"], arguments.values["x"])
    assert loaded.values["n"].item() == 9
    assert loaded.values["y"].tolist() == [0, 0, 0]
    with pytest.raises(FileFormatError, match=r"x.pt: torch.bfloat16 of shape \[3\]; expected tor"):
        load_arguments([TensorSpec("x", [4], torch.bfloat16)], tmp_path)
    with pytest.raises(FileFormatError, match=r"z.pt: cannot be read "):
        load_arguments([TensorSpec("z", [4], torch.bfloat16)], tmp_path)


@pytest.mark.parametrize("torch_type", [torch.float32, torch.bfloat16, torch.int8])
@pytest.mark.parametrize("is_deferred", [True, False])
def test_the_golden_works_on_clones(torch_type, is_deferred: bool, monkeypatch) -> None:
    if not is_deferred:
        monkeypatch.delattr(torch, "_lazy_clone", raising=False)
    specs = [
        TensorSpec("read", [4, 4], torch_type, init_value=2),
        TensorSpec("scribbled", [4, 4], torch_type, init_value=3),
        TensorSpec("kept", [4, 4], torch_type, init_value=4, is_output=True),
        TensorSpec("out", [4, 4], torch_type, is_output=True),
    ]
    arguments = make_arguments(specs)
    scratch = arguments.for_golden()
    scratch["scribbled"].fill_(9)
    scratch["out"][:] = scratch["read"]
    golden = {name: scratch[name] for name in arguments.outputs()}
    del scratch
    kernel = arguments.for_kernel()
    assert [float(kernel[spec.name][0, 0]) for spec in specs] == [2, 3, 4, 0]
    kernel["kept"][...] = 7
    kernel["out"][...] = 8
    assert [float(tensor[0, 0]) for tensor in golden.values()] == [4, 2]
    assert [float(tensor[0, 0]) for tensor in arguments.outputs().values()] == [7, 8]


@pytest.mark.skipif(not hasattr(torch, "_lazy_clone"), reason="torch without deferred clones")
def test_a_clone_that_is_only_read_takes_no_memory() -> None:
    value = torch.ones(1024, 1024)
    clone = deferred_clone(value)
    assert float((clone @ clone[:, :1]).sum()) == 2.0**20
    assert torch._C._is_cow_tensor(clone)
    foreign = torch.from_numpy(np.ones(3, np.float32))
    copy = deferred_clone(foreign)
    assert copy is None or copy.tolist() == [1, 1, 1]

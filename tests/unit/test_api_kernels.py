"""Finding and loading kernel files."""

import pytest

from npusim.api import find_kernels, load_kernel
from npusim.errors import KernelError, UsageError
from tests.golden.runs import SCALE_KERNEL


def test_the_kernels_that_came_with_npusim_are_found_by_name():
    names = [entry.definition.name for entry in find_kernels()]
    assert "prefill_sparse_attn" in names
    assert names == sorted(names)


def test_a_kernel_is_loaded_by_the_name_of_its_file():
    for entry in find_kernels():
        assert load_kernel(entry.path.stem).name == entry.definition.name == entry.path.stem


def test_a_kernel_is_loaded_from_a_path():
    assert load_kernel(str(SCALE_KERNEL)).name == "scale"


def test_a_kernel_file_sees_the_files_beside_it(tmp_path):
    (tmp_path / "beside_it_only.py").write_text("ROWS = 8\n")
    text = SCALE_KERNEL.read_text(encoding="utf-8")
    (tmp_path / "kernel.py").write_text("from beside_it_only import ROWS as EIGHT\n" + text)
    assert load_kernel(str(tmp_path / "kernel.py")).name == "scale"


@pytest.mark.parametrize("name", ["nope", "", "../kernels/prefill_sparse_attn", "kernels"])
def test_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(
        UsageError, match=r"^no kernel '.*'; expected one of .*prefill_sparse_attn.*or"
    ):
        load_kernel(name)


def test_a_missing_file_says_so():
    with pytest.raises(UsageError, match=r"^kernel file nope\.py: no such file; expected a path"):
        load_kernel("nope.py")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def (", r"cannot be loaded \(SyntaxError: .*\); expected a kernel file"),
        ("import no_such_module_at_all", r"cannot be loaded \(ModuleNotFoundError: "),
        ("import sys; sys.exit(0)", r"cannot be loaded \(SystemExit: 0\)"),
        ("X = 1", r"defines no KERNEL; expected KERNEL = KernelDefinition"),
        ("KERNEL = 1", r"defines no KERNEL; expected KERNEL = KernelDefinition"),
        ("x = '\0'", r"cannot be loaded \((SyntaxError|ValueError): "),
    ],
)
def test_a_file_that_is_no_kernel_says_why(tmp_path, text, message):
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(KernelError, match=r"^.*broken\.py: " + message):
        load_kernel(str(path))

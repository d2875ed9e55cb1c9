import subprocess
import sys

import pytest

from npusim.compat.errors import MemoryLimitError
from npusim.compat.memory import allocation_error, check_fits, format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("16GiB", 16 * 1024**3), ("512MiB", 512 * 1024**2), ("1.5g", 3 * 1024**3 // 2), ("100", 100)],
)
def test_sizes_are_powers_of_1024(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


def test_sizes_in_words() -> None:
    assert [format_size(n) for n in (12, 2048, 3 * 2**30)] == ["12 bytes", "2.0 KiB", "3.0 GiB"]


def test_without_a_limit_everything_fits() -> None:
    check_fits("tensor x", 2**60)


def test_a_limited_process_names_the_tensor_that_does_not_fit() -> None:
    code = (
        "from npusim.compat.memory import limit_memory, check_fits\n"
        "from npusim.errors import NpuSimError\n"
        "limit_memory(8 * 2**30)\n"
        "check_fits('tensor small', 2**20)\n"
        "try:\n"
        "    check_fits('tensor kv_cache [9] FP32', 9 * 2**30)\n"
        "except NpuSimError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("tensor kv_cache [9] FP32: needs 9.0 GiB but ")
    assert "raise --max-memory" in done.stdout


def test_a_failed_allocation_names_the_line_that_asked() -> None:
    with pytest.raises(MemoryError) as caught:
        raise MemoryError("Unable to allocate 9 GiB for an array with shape (3,)")  # the line
    found = allocation_error(caught.value)
    assert isinstance(found, MemoryLimitError)
    assert str(found).startswith("test_compat_memory.py:")
    assert "Unable to allocate 9 GiB" in str(found)
    assert "# the line" in str(found)

"""A worker of the census ends with the process that started it."""

import subprocess
import sys

import pytest

from npusim.compat.worker import FAILED

CODE = """
import sys, time
from npusim.compat.worker import end_with_parent

end_with_parent()
print(repr(sys.stdin.read()), flush=True)
time.sleep(60)
"""


@pytest.mark.slow  # loads the harness in a process of its own
def test_a_worker_ends_when_its_pipe_closes_and_its_file_reads_nothing() -> None:
    command = [sys.executable, "-c", CODE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"''\n"  # and the process still runs
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(30) == FAILED

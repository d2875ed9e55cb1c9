"""The ``[RUN]`` lines of the harness; scripts and people look for them on stdout."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(message: str) -> None:
    """One ``[RUN]`` line on stdout, at once: a kernel file prints in between."""
    print(f"[RUN] {message}", flush=True)  # noqa: T201 - stdout is the script's, as upstream


@contextmanager
def stage(name: str) -> Iterator[None]:
    """``[RUN] name ...`` before and ``[RUN] name done (x s)`` after, also after a failure."""
    say(f"{name} ...")
    started = time.perf_counter()
    try:
        yield
    finally:
        say(f"{name} done ({time.perf_counter() - started:.2f}s)")

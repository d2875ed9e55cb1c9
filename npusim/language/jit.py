"""The decorators of functions (DSL_REFERENCE.md section 1.1)."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from npusim.errors import KernelError
from npusim.language.external import declare_extern
from npusim.language.recorder import is_recording
from npusim.language.rewrite import rewrite
from npusim.language.submit import as_task


class Launcher(Protocol):
    """What runs a kernel that is called from outside a recording, as a device would."""

    def launch(self, kernel: "JitFunction", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run ``kernel`` on its arguments."""

    def compile(self, kernel: "JitFunction", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What stands for the compiled kernel: it can be called with the same arguments."""

    def lower(self, kernel: "JitFunction", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What stands for the lowered program."""

    def refuse_host(self, name: str) -> Any:
        """Raise for the driver ``name`` of several ranks."""


_LAUNCHER: ContextVar[Launcher | None] = ContextVar("npusim_launcher", default=None)


@contextmanager
def launching(launcher: Launcher) -> Iterator[None]:
    """Let ``launcher`` run the kernels that are called outside a recording; leaves it on exit."""
    token = _LAUNCHER.set(launcher)
    try:
        yield
    finally:
        _LAUNCHER.reset(token)


class JitFunction:
    """A kernel entry: callable like the function it wraps."""

    is_host = False

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = rewrite(function)
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the kernel: eagerly within a recording, by the launcher outside of one."""
        launcher = None if is_recording() else _LAUNCHER.get()
        if launcher is not None:
            return launcher.launch(self, args, kwargs)
        return self.function(*args, **kwargs)

    def compile(self, *args: Any, **kwargs: Any) -> Any:
        """The launcher's stand-in for the compiled kernel.

        Raises:
            KernelError: If nothing launches kernels here.
        """
        return self._launcher("compile").compile(self, args, kwargs)

    def lower(self, *args: Any, **kwargs: Any) -> Any:
        """The launcher's stand-in for the lowered program.

        Raises:
            KernelError: If nothing launches kernels here.
        """
        return self._launcher("lower").lower(self, args, kwargs)

    def _launcher(self, what: str) -> Launcher:
        launcher = _LAUNCHER.get()
        if launcher is None:
            msg = (
                f"{getattr(self, '__name__', 'kernel')}.{what}: npusim has no compiler; expected "
                "a recording; pass the kernel to npusim.language.record"
            )
            raise KernelError(msg)
        return launcher


class HostFunction:
    """A driver of several ranks (``@pl.jit.host``), which a single device cannot run."""

    is_host = True

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse.

        Raises:
            KernelError: Always.
        """
        del args, kwargs
        name = getattr(self, "__name__", "kernel")
        launcher = _LAUNCHER.get()
        if launcher is not None:
            return launcher.refuse_host(name)
        msg = (
            f"{name}: a pl.jit.host function needs several ranks; expected a kernel of one device; "
            "run the functions under @pl.jit that it calls"
        )
        raise KernelError(msg)

    compile = __call__
    lower = __call__


class _Jit:
    """``@pl.jit`` and its variants; each also with keyword arguments.

    The keywords (``auto_scope=`` and the like) place scopes of the runtime, which bound lifetimes
    of buffers and change no value.
    """

    def __call__(self, function: Callable[..., Any] | None = None, **_: object) -> Any:
        """A kernel entry."""
        return JitFunction if function is None else JitFunction(function)

    def inline(self, function: Callable[..., Any] | None = None, **_: object) -> Any:
        """A function spliced into its callers: a plain call here."""
        return rewrite if function is None else rewrite(function)

    def opaque(self, function: Callable[..., Any] | None = None, **_: object) -> Any:
        """As ``inline``."""
        return self.inline(function)

    def incore(self, function: Callable[..., Any] | None = None, **_: object) -> Any:
        """A kernel of its own: each call outside a scope is one task."""
        return as_task if function is None else as_task(function)

    def host(self, function: Callable[..., Any] | None = None, **_: object) -> Any:
        """A driver of several ranks; can be decorated and inspected, not run."""
        return HostFunction if function is None else HostFunction(function)

    def extern(self, function: Callable[..., Any] | None = None, **_: object) -> Any:
        """A kernel in another language; ``register_extern`` names what runs in its place."""
        return declare_extern if function is None else declare_extern(function)


jit = _Jit()

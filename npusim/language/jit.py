"""The decorators of functions (DSL_REFERENCE.md section 1.1)."""

import functools
from collections.abc import Callable
from typing import Any

from npusim.errors import KernelError
from npusim.language.external import declare_extern
from npusim.language.rewrite import rewrite
from npusim.language.submit import as_task


class JitFunction:
    """A kernel entry: callable like the function it wraps."""

    is_host = False

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = rewrite(function)
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the kernel eagerly; needs a running recording."""
        return self.function(*args, **kwargs)


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
        msg = (
            f"{name}: a pl.jit.host function needs several ranks; expected a kernel of one device; "
            "run the functions under @pl.jit that it calls"
        )
        raise KernelError(msg)


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

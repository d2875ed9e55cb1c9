"""The decorators, and the one rewrite: ``with pl.spmd(n) as tid:`` becomes a loop.

A ``with`` body runs once in Python; the DSL runs it ``n`` times. The rewrite happens when a kernel
is decorated, only for functions whose source holds that construct (DESIGN.md section 4.2).
"""

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

from npusim.language.scopes import at

F = TypeVar("F", bound=Callable[..., Any])


class JitFunction:
    """A kernel entry: callable like the function it wraps."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = _rewrite_spmd_with(function)
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the kernel eagerly; needs a running recording."""
        return self.function(*args, **kwargs)


class _Jit:
    """``@pl.jit``, ``@pl.jit.inline``, ``@pl.jit.incore``; each also with keyword arguments."""

    def __call__(self, function: Callable[..., Any] | None = None, **_: object) -> Any:
        """A kernel entry."""
        return JitFunction if function is None else JitFunction(function)

    def inline(self, function: F | None = None, **_: object) -> Any:
        """A function spliced into its callers: a plain call here."""
        return _rewrite_spmd_with if function is None else _rewrite_spmd_with(function)

    def opaque(self, function: F | None = None, **_: object) -> Any:
        """As ``inline``."""
        return self.inline(function)

    def incore(self, function: F | None = None, **_: object) -> Any:
        """A kernel of its own: each call is one task."""
        return _as_task if function is None else _as_task(function)


jit = _Jit()


def _as_task(function: Callable[..., Any]) -> Callable[..., Any]:
    body = _rewrite_spmd_with(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with at(name_hint=function.__name__):
            return body(*args, **kwargs)

    return call


class _SpmdWith(ast.NodeTransformer):
    """``with pl.spmd(n, ...) as tid: body`` to ``for _ in pl.spmd(n, ...): body``."""

    def __init__(self) -> None:
        self.count = 0

    def visit_With(self, node: ast.With) -> ast.AST:
        self.generic_visit(node)
        if len(node.items) != 1 or not _is_spmd_call(node.items[0].context_expr):
            return node
        item = node.items[0]
        self.count += 1
        loop: ast.AST = ast.For(
            target=ast.Name(id=f"_block_{self.count}", ctx=ast.Store()),
            iter=item.context_expr,
            body=node.body,
            orelse=[],
            type_comment=None,
        )
        if item.optional_vars is None:
            return ast.copy_location(loop, node)
        handle = ast.Name(id=f"_spmd_{self.count}", ctx=ast.Store())
        make = ast.Assign(targets=[handle], value=item.context_expr, type_comment=None)
        bind = ast.Assign(
            targets=[item.optional_vars],
            value=ast.Attribute(
                value=ast.Name(id=handle.id, ctx=ast.Load()), attr="task", ctx=ast.Load()
            ),
            type_comment=None,
        )
        loop.iter = ast.Name(id=handle.id, ctx=ast.Load())  # type: ignore[attr-defined]
        block: Any = [ast.copy_location(part, node) for part in (make, bind, loop)]
        return block  # type: ignore[no-any-return]


def _is_spmd_call(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "spmd"
    )


def _rewrite_spmd_with(function: F) -> F:
    """``function``, or its rewritten twin when its source holds ``with pl.spmd``."""
    if not isinstance(function, FunctionType) or function.__closure__:
        return function
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return function
    if "spmd" not in source:
        return function
    tree = ast.parse(source)
    rewriter = _SpmdWith()
    tree = rewriter.visit(tree)
    if not rewriter.count:
        return function
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        return function
    definition.decorator_list = []
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    ast.fix_missing_locations(tree)
    namespace: dict[str, Any] = {}
    code = compile(tree, function.__code__.co_filename, "exec")
    exec(code, function.__globals__, namespace)
    rewritten: F = functools.wraps(function)(namespace[definition.name])  # type: ignore[assignment]
    return rewritten

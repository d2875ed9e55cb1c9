"""What Python cannot express, rewritten when a kernel is decorated (DESIGN.md section 4.2).

A ``with`` body runs once in Python and an expression cannot leave a loop. Four constructs change::

    with pl.spmd(n) as tid: body     →  dispatch = pl.spmd(n); tid = dispatch.task
                                        for _ in dispatch: body
    pl.spmd with pl.system.syncall   →  def block(index, bound): body with yield at each barrier
                                        left = dispatch.run_phases(block, locals())
    with pl.at(..., predicate=p):    →  for _ in pl.at(..., predicate=p).submit(): body
    pl.cond(c) in pl.while_          →  if not c: break

Only functions whose source holds one of them are compiled again; lines of tracebacks stay.
"""

import ast
import functools
import inspect
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, TypeVar

from npusim.language.source import parse_definition

F = TypeVar("F", bound=Callable[..., Any])

_BARRIER = "syncall"
_MARKS = ("spmd", "predicate", "cond")


def rewrite(function: F) -> F:
    """``function``, or its rewritten twin when its source holds one of the constructs."""
    if not isinstance(function, FunctionType):
        return function
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return function
    if not any(mark in source for mark in _MARKS):
        return function
    rewriter = _Rewriter()
    definition = rewriter.visit(parse_definition(source))
    return _compile_like(function, definition) if rewriter.count else function


class _Rewriter(ast.NodeTransformer):
    """Applies the rewrites to one function."""

    def __init__(self) -> None:
        self.count = 0

    def visit_With(self, node: ast.With) -> Any:
        self.generic_visit(node)
        call = node.items[0].context_expr
        if len(node.items) != 1 or not isinstance(call, ast.Call):
            return node
        target = node.items[0].optional_vars
        if _calls(call, "spmd"):
            return self._dispatch(node, call, target, None)
        is_conditional = any(keyword.arg == "predicate" for keyword in call.keywords)
        if _calls(call, "at") and is_conditional:
            return self._conditional(node, call, target)
        return node

    def visit_For(self, node: ast.For) -> Any:
        self.generic_visit(node)
        if _calls(node.iter, "spmd") and _has_barrier(node.body) and not node.orelse:
            return self._dispatch(node, node.iter, None, node.target)
        if _calls(node.iter, "while_"):
            node.body = [self._condition(statement) for statement in node.body]
        return node

    def _name(self, role: str) -> str:
        return f"_npusim_{role}_{self.count}"

    def _dispatch(
        self,
        node: ast.With | ast.For,
        call: ast.expr,
        task: ast.expr | None,
        index: ast.expr | None,
    ) -> list[ast.stmt]:
        self.count += 1
        handle = self._name("dispatch")
        made: list[ast.stmt] = [_assign(_store(handle), call)]
        if task is not None:
            made.append(_assign(task, ast.Attribute(_load(handle), "task", ast.Load())))
        if _has_barrier(node.body):
            made += self._phases(node.body, handle, index)
        else:
            made.append(_loop(index or _store(self._name("block")), _load(handle), node.body))
        return [_at_line(statement, node) for statement in made]

    def _phases(self, body: list[ast.stmt], handle: str, index: ast.expr | None) -> list[ast.stmt]:
        block, left = self._name("block"), self._name("left")
        if index is not None:
            body = [_assign(index, _load("_npusim_index")), *body]
        names = sorted(_assigned(body))
        steps = [_Barriers().visit(statement) for statement in body]
        function = _template(f"def {block}(_npusim_index, _npusim_bound): pass")
        assert isinstance(function, ast.FunctionDef), "the template is a function"
        function.body = [*_bind(names, "_npusim_bound"), *steps, _template("return locals()")]
        run = _template(f"{left} = {handle}.run_phases({block}, locals())")
        return [function, run, *_bind(names, left)]

    def _conditional(
        self, node: ast.With, call: ast.Call, target: ast.expr | None
    ) -> list[ast.stmt]:
        self.count += 1
        handle = self._name("scope")
        steps = ast.Call(ast.Attribute(_load(handle), "submit", ast.Load()), [], [])
        bind: list[ast.stmt] = []
        if target is not None:
            bind = [_assign(target, ast.Attribute(_load(handle), "task", ast.Load()))]
        loop = _loop(_store(self._name("once")), steps, [*bind, *node.body])
        # A skipped task has an id too, which is known only after the loop.
        made = [_assign(_store(handle), call), loop, *bind]
        return [_at_line(statement, node) for statement in made]

    def _condition(self, statement: ast.stmt) -> ast.stmt:
        if not isinstance(statement, ast.Expr) or not _calls(statement.value, "cond"):
            return statement
        self.count += 1
        call = statement.value
        assert isinstance(call, ast.Call), "_calls accepts calls only"
        leave = ast.If(ast.UnaryOp(ast.Not(), call.args[0]), [ast.Break()], [])
        return _at_line(leave, statement)


class _Barriers(ast.NodeTransformer):
    """Statements ``pl.system.syncall(...)`` become ``yield``."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if not _calls(node.value, _BARRIER):
            return node
        return _at_line(ast.Expr(ast.Yield(None)), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node


def _calls(node: ast.AST, name: str) -> bool:
    """True for a call of an attribute, or of a name, ``name``."""
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    return (isinstance(function, ast.Attribute) and function.attr == name) or (
        isinstance(function, ast.Name) and function.id == name
    )


def _has_barrier(body: list[ast.stmt]) -> bool:
    return any(_calls(node, _BARRIER) for statement in body for node in ast.walk(statement))


def _assigned(body: list[ast.stmt]) -> set[str]:
    """Names that ``body`` assigns."""
    return {
        node.id
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _bind(names: list[str], source: str) -> list[ast.stmt]:
    """Assign each name from the mapping ``source``, where it has it."""
    return [_template(f"if {name!r} in {source}: {name} = {source}[{name!r}]") for name in names]


def _template(code: str) -> ast.stmt:
    return ast.parse(code).body[0]


def _assign(target: ast.expr, value: ast.expr) -> ast.stmt:
    return ast.Assign(targets=[target], value=value, type_comment=None)


def _loop(target: ast.expr, steps: ast.expr, body: list[ast.stmt]) -> ast.stmt:
    return ast.For(target=target, iter=steps, body=body, orelse=[], type_comment=None)


def _load(name: str) -> ast.expr:
    return ast.Name(id=name, ctx=ast.Load())


def _store(name: str) -> ast.expr:
    return ast.Name(id=name, ctx=ast.Store())


def _at_line(made: ast.stmt, origin: ast.stmt) -> ast.stmt:
    """``made`` where ``origin`` stands; statements of the kernel inside it keep their lines."""
    for node in ast.walk(made):
        is_made = "lineno" in node._attributes and not hasattr(node, "lineno")
        is_template = getattr(node, "lineno", 0) == 1 and getattr(node, "end_lineno", 0) == 1
        if is_made or (is_template and origin.lineno != 1):
            ast.copy_location(node, origin)
    return made


def _compile_like(function: F, definition: ast.FunctionDef) -> F:
    """Compile ``definition`` in the place of ``function``, with its closure.

    Defaults and annotations are taken over as values: evaluating them again could fail (they may
    name variables of an enclosing function) or give other objects.
    """
    assert isinstance(function, FunctionType), "only plain functions are rewritten"
    definition.decorator_list, definition.returns = [], None
    arguments = definition.args
    arguments.defaults, arguments.kw_defaults = [], [None] * len(arguments.kwonlyargs)
    for argument in ast.walk(arguments):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    free = function.__code__.co_freevars
    factory = _template(f"def _npusim_closure({', '.join(free)}): pass")
    assert isinstance(factory, ast.FunctionDef), "the template is a function"
    factory.body = [definition]
    tree = ast.Module(body=[factory], type_ignores=[])
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    ast.fix_missing_locations(tree)
    outer = compile(tree, function.__code__.co_filename, "exec", dont_inherit=True)
    code = _code_named(_code_named(outer, "_npusim_closure"), definition.name)
    cells = dict(zip(free, function.__closure__ or (), strict=True))
    closure = tuple(cells[name] for name in code.co_freevars)
    rewritten: Any = FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, closure
    )
    rewritten.__kwdefaults__ = function.__kwdefaults__
    functools.update_wrapper(rewritten, function)
    twin: F = rewritten
    return twin


def _code_named(outer: CodeType, name: str) -> CodeType:
    """The code of the function ``name`` defined in ``outer``."""
    return next(
        item for item in outer.co_consts if isinstance(item, CodeType) and item.co_name == name
    )

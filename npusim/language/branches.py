"""Lines of a kernel that a value in memory decides about: branches that only the device can take.

A compiler replicates the body of ``pl.pipeline`` and moves the loads of the copies to the front, so
that each needs a buffer of its own. It moves whole statements of the body: a load inside a branch
stays there, never overlaps that of another iteration, and all copies share one buffer
(hw-native-sys/pypto, docs/en/dev/passes/28-lower_pipeline_loops.md, 29-canonicalize_io_order.md)::

    for i in pl.pipeline(n, stage=4):
        raw = pl.read(index, [i])
        if raw >= 0:                        a value in memory decides
            out = pl.assemble(out, table[raw : raw + 1], ...)      one buffer

A branch over the loop variable is none of these: copies of the body have it decided. What a branch
calls is not followed (DEVIATIONS C23).
"""

import ast
import inspect
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import NamedTuple

from npusim.language.source import parse_definition

_READ = "read"
_PIPELINE = "pipeline"


def branch_lines(code: CodeType) -> frozenset[int]:
    """Lines of a function that stand, within a pipelined loop, in a branch on a value in memory.

    Args:
        code: Code of the function. Where its source is not at hand no line is.
    """
    try:
        lines, first = inspect.getsourcelines(code)
        source = "".join(lines)
        if _PIPELINE not in source:
            return frozenset()
        definition = parse_definition(source)
        names = _names_from_memory(definition)
        found = frozenset(_lines_in_branches(definition.body, names, depth=None))
    except (OSError, SyntaxError, TypeError, ValueError, RecursionError):
        return frozenset()
    return frozenset(line + max(first, 1) - 1 for line in found)


class _Assignment(NamedTuple):
    """Names that get a value, the names in it, and whether it reads memory itself."""

    targets: frozenset[str]
    names: frozenset[str]
    is_read: bool


def _names_from_memory(tree: ast.AST) -> frozenset[str]:
    """Variables whose value depends on a ``pl.read``."""
    left = [one for node in ast.walk(tree) for one in _assignments(node)]
    names: set[str] = set()
    while True:
        ready = [one for one in left if one.is_read or not names.isdisjoint(one.names)]
        if not ready:
            return frozenset(names)
        names.update(*(one.targets for one in ready))
        done = set(ready)
        left = [one for one in left if one not in done]


def _assignments(node: ast.AST) -> Iterator[_Assignment]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _paired(target, node.value)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        yield from _paired(node.target, node.value)


def _paired(target: ast.expr, value: ast.expr) -> Iterator[_Assignment]:
    """One assignment, or one per element where both sides are written out."""
    both = (ast.Tuple, ast.List)
    if isinstance(target, both) and isinstance(value, both) and len(target.elts) == len(value.elts):
        for one, given in zip(target.elts, value.elts, strict=True):
            yield from _paired(one, given)
        return
    nodes = list(ast.walk(value))
    names = frozenset(node.id for node in nodes if isinstance(node, ast.Name))
    yield _Assignment(frozenset(_stored(target)), names, any(map(_is_read, nodes)))


def _stored(target: ast.expr) -> Iterator[str]:
    """Variables that an assignment to ``target`` changes; of a subscript the one it is of."""
    if isinstance(target, ast.Tuple | ast.List):
        for one in target.elts:
            yield from _stored(one)
    elif isinstance(target, ast.Starred | ast.Subscript):
        yield from _stored(target.value)
    elif isinstance(target, ast.Name):
        yield target.id


def _is_read(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _called(node) == _READ


def _called(node: ast.AST) -> str:
    """Name of the function or method that an expression calls; empty where it calls none."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _lines_in_branches(
    body: Iterable[ast.stmt], names: frozenset[str], *, depth: int | None
) -> Iterator[int]:
    """Lines of statements in branches.

    Args:
        body: Statements.
        names: Variables that depend on memory.
        depth: Branches around ``body`` inside its innermost pipelined loop; None outside of one.
    """
    for statement in body:
        inside = depth
        if isinstance(statement, ast.For) and _called(statement.iter) == _PIPELINE:
            inside = 0
        elif depth is not None and _decides(statement, names):
            inside = depth + 1
        blocks = list(_blocks(statement))
        if depth and not blocks:
            last = statement.end_lineno or statement.lineno
            yield from range(statement.lineno, last + 1)
        for block in blocks:
            yield from _lines_in_branches(block, names, depth=inside)


def _decides(statement: ast.stmt, names: frozenset[str]) -> bool:
    """True for a branch or a loop whose condition depends on memory."""
    if isinstance(statement, ast.If | ast.While):
        condition = statement.test
    elif isinstance(statement, ast.Match):
        condition = statement.subject
    else:
        return False
    return any(
        _is_read(node) or (isinstance(node, ast.Name) and node.id in names)
        for node in ast.walk(condition)
    )


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statements inside a compound statement, but not those of a function of its own."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    for name in ("body", "orelse", "finalbody"):
        yield from filter(None, [getattr(statement, name, None)])
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body

"""Lines of a kernel that a value in memory decides about: branches that only the device can take.

A compiler replicates the body of ``pl.pipeline`` and moves the loads of the copies to the front, so
that each needs a buffer of its own. It moves whole statements of the body: a load inside a branch
stays there, never overlaps that of another iteration, and all copies share one buffer
(hw-native-sys/pypto, docs/en/dev/passes/28-lower_pipeline_loops.md, 29-canonicalize_io_order.md)::

    for i in pl.pipeline(n, stage=4):
        raw = pl.read(index, [i])
        if raw >= 0:                        a value in memory decides
            out = pl.assemble(out, table[raw : raw + 1], ...)      one buffer

A branch over the loop variable is none of these: copies of the body have it decided.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from types import CodeType

_READ = "read"
_PIPELINE = "pipeline"


def branch_lines(code: CodeType) -> frozenset[int]:
    """Lines of a function that stand, within a pipelined loop, in a branch on a value in memory.

    Args:
        code: Code of the function. Where its source is not at hand no line is.
    """
    try:
        lines, first = inspect.getsourcelines(code)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError, TypeError):
        return frozenset()
    names = _names_from_memory(tree)
    found = _lines_in_branches(tree, names, in_pipeline=False, in_branch=False)
    return frozenset(line + max(first, 1) - 1 for line in found)


def _names_from_memory(tree: ast.AST) -> frozenset[str]:
    """Variables whose value depends on a ``pl.read``."""
    assigned = [
        (target, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    names: set[str] = set()
    count = -1
    while len(names) > count:
        count = len(names)
        for target, value in assigned:
            if _is_from_memory(value, names):
                names.update(one.id for one in ast.walk(target) if isinstance(one, ast.Name))
    return frozenset(names)


def _is_from_memory(value: ast.AST, names: set[str] | frozenset[str]) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id in names)
        or (isinstance(node, ast.Call) and _called(node) == _READ)
        for node in ast.walk(value)
    )


def _called(node: ast.AST) -> str:
    """Name of the function or method that an expression calls; empty where it calls none."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _lines_in_branches(
    node: ast.AST, names: frozenset[str], *, in_pipeline: bool, in_branch: bool
) -> Iterator[int]:
    """Lines of statements below ``node``; a pipelined loop begins anew."""
    for child in ast.iter_child_nodes(node):
        inside, branch = in_pipeline, in_branch
        if isinstance(child, ast.For) and _called(child.iter) == _PIPELINE:
            inside, branch = True, False
        elif isinstance(child, ast.If) and inside:
            branch = branch or _is_from_memory(child.test, names)
        elif branch and isinstance(child, ast.stmt) and not hasattr(child, "body"):
            yield from range(child.lineno, (child.end_lineno or child.lineno) + 1)
        yield from _lines_in_branches(child, names, in_pipeline=inside, in_branch=branch)

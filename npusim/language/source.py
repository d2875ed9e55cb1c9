"""The source of a kernel function as a syntax tree."""

import ast


def parse_definition(source: str) -> ast.FunctionDef:
    """The first function of ``source``; line 1 is its first line, indented or not.

    Raises:
        SyntaxError: If it does not parse, or holds no function at its start.
    """
    is_indented = source[:1] in {" ", "\t"}
    tree = ast.parse(f"if True:\n{source}" if is_indented else source)
    first = tree.body[0] if tree.body else None
    if is_indented and isinstance(first, ast.If):
        first = first.body[0]
    if isinstance(first, ast.FunctionDef):
        return ast.increment_lineno(first, -1) if is_indented else first
    msg = "no function at the start of the source"
    raise SyntaxError(msg)

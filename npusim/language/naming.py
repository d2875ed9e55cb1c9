"""What tasks are called (DSL_REFERENCE.md section 3.1).

A scope is named after its hint, or ``<function>_incore_<k>`` where it has none. Two scopes of one
function with the same hint get ``_0``, ``_1``; where another function already uses the hint, its
scope is prefixed with the name of the function. A kernel of its own is called like its function.
"""

from collections.abc import Iterable, Sequence

from npusim.language.draft import TaskDraft

_Scope = tuple[int, int]


def task_names(tasks: Sequence[TaskDraft]) -> list[str]:
    """The name of each task."""
    scopes = _scopes_by_owner(tasks)
    first_user = _first_users(tasks)
    return [_name(task, scopes, first_user) for task in tasks]


def _scopes_by_owner(tasks: Iterable[TaskDraft]) -> dict[tuple[str, str], list[_Scope]]:
    """The scopes of each function and hint, in the order of the source."""
    found: dict[tuple[str, str], set[_Scope]] = {}
    for task in tasks:
        if not task.is_callee:
            found.setdefault((task.function, task.hint), set()).add(task.scope)
    return {owner: sorted(scopes) for owner, scopes in found.items()}


def _first_users(tasks: Iterable[TaskDraft]) -> dict[str, str]:
    """The function that submits a task with a hint first; it keeps the plain name."""
    users: dict[str, str] = {}
    for task in tasks:
        if task.hint and not task.is_callee:
            users.setdefault(task.hint, task.function)
    return users


def _name(
    task: TaskDraft,
    scopes: dict[tuple[str, str], list[_Scope]],
    first_user: dict[str, str],
) -> str:
    if task.is_callee:
        return task.hint
    siblings = scopes[task.function, task.hint]
    place = siblings.index(task.scope)
    if not task.hint:
        return f"{task.function or 'kernel'}_incore_{place}"
    is_first = first_user[task.hint] == task.function
    name = task.hint if is_first else f"{task.function}_{task.hint}"
    return name if len(siblings) == 1 else f"{name}_{place}"

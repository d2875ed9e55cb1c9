"""The keywords of a scope, and task ids (DSL_REFERENCE.md sections 2, 3.2 and 3.3)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from npusim.errors import KernelError
from npusim.language.draft import TaskDraft
from npusim.language.dtypes import DType
from npusim.language.enums import SplitMode
from npusim.language.recorder import Recorder, current
from npusim.language.values import Tensor

TASK_ID = "TASK_ID"
"""Element type of ``pl.array.create`` for task ids."""


@dataclass(frozen=True, slots=True)
class TaskId:
    """What ``with pl.at(...) as tid`` binds; ``deps=[tid]`` waits for it."""

    task_id: int


class TaskIdArray(list[Any]):
    """``pl.array.create(n, pl.TASK_ID)``: a list of task ids with empty places."""


@dataclass(frozen=True, slots=True)
class Split:
    """``pl.split(mode)``: share the vector work of a MIX scope between both AIV."""

    mode: SplitMode


@dataclass(frozen=True, slots=True)
class Hint:
    """An entry of ``optimizations`` by name; only those of chunked loops change the tasks."""

    name: str


auto_chunk = Hint("auto_chunk")
"""``optimizations=[pl.auto_chunk]``: split loops with ``chunk=`` into tasks (section 3.4)."""
chunked_loop_optimizer = Hint("chunked_loop_optimizer")
"""The older spelling, ``optimization=pl.chunked_loop_optimizer``."""


def split(mode: SplitMode, slot_num: int | None = None) -> Split:
    """An optimisation entry for ``pl.at(optimizations=[pl.split(mode)])``.

    ``slot_num`` is the depth of the ring between the cores, which the chip model does not have.
    """
    del slot_num
    return Split(mode)


def cross_core_slot(slot_num: int | None = None) -> Hint:
    """The depth of the ring between AIC and AIV; accepted, changes nothing here."""
    del slot_num
    return Hint("cross_core_slot")


@dataclass(frozen=True, slots=True)
class NoDep:
    """``pl.no_dep(tensor)``: an argument of ``pl.submit`` that makes no dependency."""

    tensor: Tensor


def no_dep(tensor: Tensor) -> NoDep:
    """Mark an argument of ``pl.submit`` or ``pl.spmd_submit``: the runtime does not track it."""
    return NoDep(tensor)


_ALWAYS = object()
"""No predicate; one that happens to be true is another thing: the runtime looks at it."""


@dataclass(frozen=True, slots=True)
class ScopeFlags:
    """The keyword arguments that ``pl.at`` and ``pl.spmd`` share."""

    name_hint: str | None = None
    optimizations: Sequence[object] = ()
    optimization: object = None
    deps: Sequence[object] = ()
    allow_early_resolve: bool = False
    no_dep_args: Sequence[Tensor] = ()
    sync_start: bool = False
    predicate: Any = _ALWAYS
    windowize: bool = False
    """Changes what the compiler passes as arguments, never values; not modelled."""
    is_callee: bool = False
    """Internal: the scope is a call of a kernel with a name of its own."""

    @property
    def runs(self) -> bool:
        """False where the predicate skips the task."""
        return not self.has_predicate or bool(self.predicate)

    @property
    def has_predicate(self) -> bool:
        """True for a task that is submitted with a predicate, whatever its value."""
        return self.predicate is not _ALWAYS

    @property
    def is_auto(self) -> bool:
        """True where loops with ``chunk=`` become tasks."""
        given = {entry.name for entry in self.optimizations if isinstance(entry, Hint)}
        is_chunked = bool(given & {auto_chunk.name, chunked_loop_optimizer.name})
        return is_chunked or self.optimization is not None


_KNOWN = frozenset(ScopeFlags.__dataclass_fields__) - {"is_callee"}


def parse_flags(construct: str, flags: dict[str, Any]) -> ScopeFlags:
    """The keywords of ``pl.at`` or ``pl.spmd``.

    Raises:
        KernelError: If one is unknown.
    """
    unknown = sorted(set(flags) - _KNOWN)
    if unknown:
        msg = (
            f"{current().where()}: pl.{construct} got {', '.join(unknown)}; "
            f"expected one of {', '.join(sorted(_KNOWN))}"
        )
        raise KernelError(msg)
    return ScopeFlags(**flags)


def open_task(flags: ScopeFlags, *, is_spmd: bool) -> TaskDraft:
    """Submit a task whose blocks follow.

    Raises:
        KernelError: If a scope is open, or ``deps`` holds something else than task ids.
    """
    recorder = current()
    if recorder.auto is not None:
        recorder.auto.leave_for_scope()
    task = begin_scope(recorder, flags, recorder.site())
    task.is_spmd = is_spmd
    return task


def begin_scope(recorder: Recorder, flags: ScopeFlags, site: int) -> TaskDraft:
    """A task of the scope at ``site``, with the flags that the scope carries."""
    place = recorder.site_names[site]
    line = int(place.rpartition(":")[2] or 0)
    task = recorder.begin_task(flags.name_hint or f"incore_{line}", place)
    task.hint = flags.name_hint or ""
    task.function, task.scope = recorder.site_functions[site], (line, site)
    task.is_callee = flags.is_callee
    task.deps = tuple(sorted(set(_task_ids([flags.deps]))))
    task.allow_early_resolve = flags.allow_early_resolve
    task.sync_start = flags.sync_start
    task.is_predicated = flags.has_predicate
    task.no_dep = tuple(flags.no_dep_args)
    for entry in flags.optimizations:
        if isinstance(entry, Split) and entry.mode is not SplitMode.NONE:
            task.split_mode = entry.mode.value
    return task


def task_dummy(deps: Sequence[object] = ()) -> TaskId:
    """A task without a kernel that only joins dependencies."""
    flags = ScopeFlags(name_hint="task_dummy", deps=deps, is_callee=True)
    task = open_task(flags, is_spmd=False)
    task.is_dummy = True
    task.block_total = 0
    return TaskId(task.task_id)


def array_create(length: int, element: object = TASK_ID) -> TaskIdArray:
    """An array of ``length`` places: empty ones for task ids, zeros for a type.

    Raises:
        KernelError: If ``element`` is neither ``pl.TASK_ID`` nor a type.
    """
    if isinstance(element, DType):
        return TaskIdArray([0] * length)
    if element != TASK_ID:
        msg = f"{current().where()}: pl.array.create of {element!r}; expected pl.TASK_ID"
        raise KernelError(msg)
    return TaskIdArray([None] * length)


def _task_ids(deps: Iterable[object]) -> Iterator[int]:
    for entry in deps:
        if isinstance(entry, TaskId):
            yield entry.task_id
        elif isinstance(entry, list | tuple):
            yield from _task_ids(entry)
        elif entry is not None:
            msg = (
                f"{current().where()}: deps holds {entry!r}; "
                "expected task ids, as `with pl.at(...) as tid` binds them"
            )
            raise KernelError(msg)

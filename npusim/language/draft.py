"""Tasks and their arguments while they are being recorded."""

from dataclasses import dataclass, field

from npusim.language.values import Tensor
from npusim.program import LoopFrame


@dataclass(slots=True)
class ArgumentDraft:
    """How a task uses one captured handle."""

    handle: Tensor
    is_read: bool = False
    is_written: bool = False
    is_direct_write: bool = False
    is_no_dep: bool = False


@dataclass(slots=True)
class TaskDraft:
    """A task while its blocks are being recorded."""

    task_id: int
    name: str
    site: str
    first_block: int
    loops: tuple[LoopFrame, ...]
    deps: tuple[int, ...] = ()
    block_num: int = 0
    block_total: int = 1
    """Blocks the task must have run by the end."""
    uses_cube: bool = False
    uses_vector: bool = False
    is_dummy: bool = False
    is_spmd: bool = False
    is_manual: bool = False
    allow_early_resolve: bool = False
    sync_start: bool = False
    is_predicated: bool = False
    split_mode: str = ""
    no_dep: tuple[Tensor, ...] = ()
    hint: str = ""
    """The name the kernel gave; empty where the function names the task (naming.py)."""
    function: str = ""
    """Name of the function whose scope this is; the name itself for a kernel of its own."""
    scope: tuple[int, int] = (0, 0)
    """Line and site of the scope: executions of one scope share a name."""
    is_callee: bool = False
    """A kernel of its own: every call has the name of the function."""
    arguments: dict[int, ArgumentDraft] = field(default_factory=dict)

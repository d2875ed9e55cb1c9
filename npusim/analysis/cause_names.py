"""The names of the causes, and what each of them means."""

from enum import StrEnum


class Cause(StrEnum):
    """A closed set; the docstring of the module says where one ends and the next begins."""

    DEPENDENCY = "dependency"
    FALSE_DEPENDENCY = "false_dependency"
    ORCHESTRATOR = "orchestrator"
    COMPLETION = "completion"
    POLLING = "polling"
    SCHEDULER_BUSY = "scheduler_busy"
    QUEUE_ORDER = "queue_order"
    NOT_DISPATCHED = "not_dispatched"
    """Ready and queued; the trace does not show what the scheduler did meanwhile."""
    CORE_BUSY = "core_busy"
    CLUSTER = "cluster"
    LAUNCH = "launch"
    EARLY_GATE = "early_gate"
    START_UP = "start_up"
    MEMORY = "memory"
    TAIL = "tail"
    NO_WORK = "no_work"
    UNKNOWN = "unknown"


CAUSES = tuple(Cause)
"""The causes by the number that ``CAUSE_DTYPE`` stores."""

MEANING = {
    Cause.DEPENDENCY: "a predecessor had not ended",
    Cause.FALSE_DEPENDENCY: "a predecessor that the data does not need had not ended",
    Cause.ORCHESTRATOR: "the orchestrator had not submitted the task",
    Cause.COMPLETION: "the runtime had not seen the predecessor's end and resolved its consumers",
    Cause.POLLING: "ready; the scheduler thread was between two looks at its cores and queues",
    Cause.SCHEDULER_BUSY: "ready; the scheduler thread was handling completions",
    Cause.QUEUE_ORDER: "ready; the scheduler thread was dispatching other blocks",
    Cause.NOT_DISPATCHED: "ready; no scheduler had taken it up",
    Cause.CORE_BUSY: "ready; other cores of its cohort were busy",
    Cause.CLUSTER: "ready; other cores of its cluster were busy",
    Cause.LAUNCH: "taken up; the block was on its way to the core",
    Cause.EARLY_GATE: "staged on the core; not released yet",
    Cause.START_UP: "first kernel of the core on its way",
    Cause.MEMORY: "the memory was busy",
    Cause.TAIL: "nothing left for this core while others of its type still worked",
    Cause.NO_WORK: "nothing left for any core of this type, or never any for this one",
    Cause.UNKNOWN: "the trace does not tell",
}
"""One line per cause, for headings, hover texts and legends."""

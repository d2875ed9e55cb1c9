"""Pure functions of a trace: where lane time went, scope by scope, and how two runs differ.

Owns the accounting, the tables and the comparison; everything is exact in integer picoseconds and
becomes microseconds only in a table. Refuses to know the simulator, hardware figures, pictures and
terminals: nothing here prints, plots or changes a trace.
"""

from npusim.analysis.accounting import (
    CORE_TYPES,
    NO_TASK,
    NO_WORK,
    Account,
    CoreAccount,
    account_of,
    core_accounts,
    idle_waits,
    percent_of,
    scope_accounts,
    scope_names,
)
from npusim.analysis.bubble_list import list_bubbles
from npusim.analysis.bubbles import bubble_table
from npusim.analysis.cause_table import cause_table, lane_cause_table, lane_causes
from npusim.analysis.causes import CAUSE_DTYPE, CAUSES, Cause, idle_causes
from npusim.analysis.change import Change, ReasonChange, ScopeChange
from npusim.analysis.comparison import Comparison, compare
from npusim.analysis.gaps import gap_table
from npusim.analysis.inference import infer_waits, with_waits
from npusim.analysis.limits import Limits, find_limits
from npusim.analysis.observed_path import ObservedPath, PathKind, observed_path
from npusim.analysis.scopes import scope_stats
from npusim.analysis.stages import stage_table
from npusim.analysis.summary import summary
from npusim.analysis.table import Cell, Column, Table
from npusim.analysis.waits import waits_by_reason

__all__ = [
    "CAUSES",
    "CAUSE_DTYPE",
    "CORE_TYPES",
    "NO_TASK",
    "NO_WORK",
    "Account",
    "Cause",
    "Cell",
    "Change",
    "Column",
    "Comparison",
    "CoreAccount",
    "Limits",
    "ObservedPath",
    "PathKind",
    "ReasonChange",
    "ScopeChange",
    "Table",
    "account_of",
    "bubble_table",
    "cause_table",
    "compare",
    "core_accounts",
    "find_limits",
    "gap_table",
    "idle_causes",
    "idle_waits",
    "infer_waits",
    "lane_cause_table",
    "lane_causes",
    "list_bubbles",
    "observed_path",
    "percent_of",
    "scope_accounts",
    "scope_names",
    "scope_stats",
    "stage_table",
    "summary",
    "waits_by_reason",
    "with_waits",
]

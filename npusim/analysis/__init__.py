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
from npusim.analysis.bubbles import bubble_table, list_bubbles
from npusim.analysis.change import Change, ReasonChange, ScopeChange
from npusim.analysis.comparison import Comparison, compare
from npusim.analysis.scopes import scope_stats
from npusim.analysis.summary import summary
from npusim.analysis.table import Cell, Column, Table
from npusim.analysis.waits import waits_by_reason

__all__ = [
    "CORE_TYPES",
    "NO_TASK",
    "NO_WORK",
    "Account",
    "Cell",
    "Change",
    "Column",
    "Comparison",
    "CoreAccount",
    "ReasonChange",
    "ScopeChange",
    "Table",
    "account_of",
    "bubble_table",
    "compare",
    "core_accounts",
    "idle_waits",
    "list_bubbles",
    "percent_of",
    "scope_accounts",
    "scope_names",
    "scope_stats",
    "summary",
    "waits_by_reason",
]

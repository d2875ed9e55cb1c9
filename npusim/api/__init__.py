"""The names a user needs, and the only place where values and time meet.

Owns finding kernels, running them end to end, and run directories. Refuses to print and to parse
arguments; that is the command line's.
"""

from npusim.api.exchange import ExportFormat, ImportRequest, export_run, import_capture
from npusim.api.inside import Fidelity, InsideRequest
from npusim.api.kernels import KernelEntry, find_kernels, load_kernel
from npusim.api.replay import ReplayRequest, replay_capture
from npusim.api.run import Run, RunRequest, run_kernel, simulate_program
from npusim.api.store import load_run_trace, save_run

__all__ = [
    "ExportFormat",
    "Fidelity",
    "ImportRequest",
    "InsideRequest",
    "KernelEntry",
    "ReplayRequest",
    "Run",
    "RunRequest",
    "export_run",
    "find_kernels",
    "import_capture",
    "load_kernel",
    "load_run_trace",
    "replay_capture",
    "run_kernel",
    "save_run",
    "simulate_program",
]

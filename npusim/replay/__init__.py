"""Schedule the work of a capture anew: the same kernels and dependencies, another runtime.

Owns the way from a trace back to work for the runtime model, the policies that need no runtime
(``zero_gap``, ``list_ready``, ``list_path``; importing this package registers them beside the
others) and the report that sets a replay beside what was measured. Refuses to know files and
terminals.
"""

from npusim.replay.baselines import LIST_PATH, LIST_READY, ZERO_GAP
from npusim.replay.calibration import Calibration, calibrate
from npusim.replay.fit import dispatch_pitch_ps, fit_latency_ns
from npusim.replay.replay import Replay, replay
from npusim.replay.work import replay_work

__all__ = [
    "LIST_PATH",
    "LIST_READY",
    "ZERO_GAP",
    "Calibration",
    "Replay",
    "calibrate",
    "dispatch_pitch_ps",
    "fit_latency_ns",
    "replay",
    "replay_work",
]

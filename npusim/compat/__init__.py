"""Run pypto-lib kernel files as they are: ``npusim pypto FILE``.

Owns the import names ``pypto.*`` and ``golden`` (only inside that one process), the golden harness
with the keywords of both upstream eras on torch tensors, and the census over a checkout. Refuses to
know what an operation computes or how long it takes. torch is needed only where tensors are made.
"""

from npusim.compat.options import CompatOptions
from npusim.compat.outcome import Outcome, Reason
from npusim.compat.script import ScriptResult, run_script

__all__ = ["CompatOptions", "Outcome", "Reason", "ScriptResult", "run_script"]

"""The command line: arguments, printing, exit codes.

Owns what a person sees. stdout is data, stderr is talk. Exit 0: fine; 1: the check said no; 2:
wrong usage or input, one line on stderr. Refuses to compute anything.
"""

import os

# Tiles are small: a second BLAS thread gains nothing on them and spins on a busy machine, where it
# made recording three times slower. Set before anything imports numpy; the user's choice wins.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from npusim.cli.main import main

__all__ = ["main"]

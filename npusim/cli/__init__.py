"""The command line: arguments, printing, exit codes.

Owns what a person sees. stdout is data, stderr is talk. Exit 0: fine; 1: the check said no; 2:
wrong usage or input, one line on stderr. Refuses to compute anything.
"""

from npusim.cli.main import main

__all__ = ["main"]

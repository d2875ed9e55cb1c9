"""A sibling module, as upstream kernel files import their ``config``."""

ROWS, COLS = 64, 128

"""``pypto`` itself: only a package; its modules have stand-ins of their own."""

import npusim

__version__ = npusim.__version__
__all__: list[str] = []

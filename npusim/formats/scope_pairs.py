"""Begins and ends of runtime scopes, paired as they nest.

::

    begin A, depth 0 | begin B, depth 1 | end B | begin B | end B | end A
    open: A            A B                A       A B       A       none
"""

from npusim.trace import RingScope


class ScopePairs:
    """Scopes in the order in which they began, and those that are open."""

    def __init__(self) -> None:
        self.scopes: list[RingScope] = []
        self.torn = 0
        """Scopes without an end, and ends without a scope."""
        self._open: list[int] = []

    def begin(self, scope: RingScope) -> int:
        """The number of a scope that begins."""
        self._close(scope.depth)
        self.scopes.append(scope)
        self._open.append(len(self.scopes) - 1)
        return self._open[-1]

    def end(self, scope: RingScope) -> int | None:
        """The number of the scope that ends; None if no such scope is open."""
        self._close(scope.depth + 1)
        if self._open and self.scopes[self._open[-1]] == scope:
            return self._open.pop()
        self.torn += 1
        return None

    def finish(self) -> None:
        """Nothing follows."""
        self._close(0)

    def _close(self, depth: int) -> None:
        """Scopes that deep or deeper get no end any more."""
        while self._open and self.scopes[self._open[-1]].depth >= depth:
            self._open.pop()
            self.torn += 1

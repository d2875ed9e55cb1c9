"""What the upstream import names stand for: one module per name, see ``npusim.compat.imports``.

Owns the few classes and functions that kernel files import besides the DSL and the harness. Refuses
to compile anything.
"""

"""pytest options that rewrite stored results. Load it from ``tests/conftest.py``::

pytest_plugins = ["tests.golden.plugin"]
"""


def pytest_addoption(parser):
    group = parser.getgroup("npusim")
    group.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite tests/golden/*/expected.txt; review the diff",
    )
    group.addoption(
        "--update-traces", action="store_true", help="rewrite traces/*; review the diff"
    )

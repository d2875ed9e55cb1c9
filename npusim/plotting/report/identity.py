"""Model identifiers that do not depend on what the process has drawn before.

bokeh numbers models with a counter of the process, names documents at random and writes sets in the
order of their hashes. Two reports of the same run must be the same bytes, so identifiers are
replaced by their order of appearance, and sets, which hold plain values, are sorted.
"""

from typing import Any

_ID = "id"
_REFERRING = (_ID, "root_id")


def renumber(item: Any) -> Any:
    """A copy of a JSON value with every model identifier replaced by ``m1``, ``m2``, ..."""
    return _renumbered(item, {})


def _renumbered(item: Any, known: dict[str, str]) -> Any:
    if isinstance(item, list):
        return [_renumbered(one, known) for one in item]
    if not isinstance(item, dict):
        return item
    if item.get("type") == "set":  # written in the order of hashes, which differs by process
        return {**item, "entries": sorted(item["entries"], key=str)}
    return {
        key: known.setdefault(value, f"m{len(known) + 1}")
        if key in _REFERRING and isinstance(value, str)
        else _renumbered(value, known)
        for key, value in item.items()
    }

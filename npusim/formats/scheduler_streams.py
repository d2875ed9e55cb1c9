"""Layout E's scheduler records as the plain streams of the layouts before it.

One stream per scheduler; counts that do not belong to every record stand apart, by record number::

    scheduler_records.streams[k]   records [...]   metrics [{record_index, ...}, ...]
"""

from typing import Any

from npusim.formats.fields import Place
from npusim.formats.layout import SCHEDULER_STREAM

_NAME = "scheduler_records"


def flattened_streams(document: dict[str, Any], place: Place) -> tuple[dict[str, Any], list[str]]:
    """``document`` with ``aicpu_scheduler_phases`` made of its streams, and what they lost.

    A document of another layout is returned as it is.

    Raises:
        FileFormatError: If a stream is malformed, or both kinds of streams are there.
    """
    if _NAME not in document:
        return document, []
    if document.get(SCHEDULER_STREAM):
        place.fail(_NAME, "present", "no aicpu_scheduler_phases beside it")
    table = place.at(_NAME).record_of(document[_NAME])
    streams, notes = [], []
    for index, value in enumerate(place.at(_NAME).listed(table, "streams")):
        at = place.at(f"{_NAME}.streams[{index}]")
        stream = at.record_of(value)
        streams.append(_records(stream, at))
        capture = at.at(".capture").record_of(stream.get("capture", {}))
        dropped = at.at(".capture").integer(capture, "dropped", default=0)
        if dropped:
            notes.append(f"{_NAME}.streams[{index}]: the recorder dropped {dropped} records")
        if capture.get("truncated"):
            notes.append(f"{_NAME}.streams[{index}]: the recorder cut the stream off")
    return document | {SCHEDULER_STREAM: streams}, notes


def _records(stream: dict[str, Any], at: Place) -> list[Any]:
    records = list(at.listed(stream, "records"))
    for index, value in enumerate(at.listed(stream, "metrics", default=[])):
        where = at.at(f".metrics[{index}]")
        metric = dict(where.record_of(value))
        number = where.integer(metric, "record_index", stop=len(records))
        del metric["record_index"]
        if isinstance(records[number], dict):
            records[number] = metric | records[number]
    return records

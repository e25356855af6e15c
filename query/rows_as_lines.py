"""Rows as lines of JSON between two processes: every type of value arrives as it left, and reading runs nothing."""

import base64
import datetime
import json
import re
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from .rows import Row

# Types of DuckDB whose values hold tuples or dicts, which JSON would silently take for lists and for its own objects.
_NESTED = re.compile(r"\[\d+\]|STRUCT|TUPLE|MAP|UNION|VARIANT")
_WRITTEN: dict[type, tuple[str, Callable[[Any], Any]]] = {
    bytes: ("bytes", lambda value: base64.b64encode(value).decode("ascii")),
    Decimal: ("decimal", str),
    datetime.datetime: ("datetime", datetime.datetime.isoformat),
    datetime.date: ("date", datetime.date.isoformat),
    datetime.time: ("time", datetime.time.isoformat),
    datetime.timedelta: ("timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    uuid.UUID: ("uuid", str),
}
_READ: dict[str, Callable[[Any], Any]] = {
    "bytes": base64.b64decode,
    "decimal": Decimal,
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "timedelta": lambda parts: datetime.timedelta(*parts),
    "uuid": uuid.UUID,
    "tuple": tuple,
    "dict": dict,
}


def nested_columns(types: Sequence[Any]) -> list[int]:
    """The columns of these types of DuckDB whose values may hold tuples or dicts."""
    return [number for number, kind in enumerate(types) if _NESTED.search(str(kind))]


def written(row: Row, nested: Sequence[int] = ()) -> bytes:
    """One line; `nested` says which columns may hold tuples or dicts."""
    values = list(row)
    for number in nested:
        values[number] = _plain(values[number])
    return _ENCODER.encode(values).encode() + b"\n"


def read(line: bytes) -> Row:
    """The row of a line."""
    return tuple(_DECODER.decode(line.decode()))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_plain(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[_plain(key), _plain(item)] for key, item in value.items()]}
    return value


def _object(value: Any) -> dict[str, Any]:
    kind, convert = _WRITTEN[type(value)]
    return {kind: convert(value)}


def _value(found: dict[str, Any]) -> Any:
    ((kind, value),) = found.items()
    return _READ[kind](value)


# Made once: json.dumps and json.loads would make them for each row.
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, default=_object)
_DECODER = json.JSONDecoder(object_hook=_value)
